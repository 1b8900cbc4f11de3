"""Files of tests: uploads as a client does them, and what is served."""

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from tests.conftest import User
from tests.support.patience import PATIENCE
from tests.support.port import DevicePort

_PATIENCE = aiohttp.ClientTimeout(total=PATIENCE)
Body = bytes | AsyncIterator[bytes] | None


@dataclass(frozen=True, slots=True)
class Served:
    """An answer with its bytes."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


async def fetch(
    method: str,
    base: str,
    address: str,
    user: User | None = None,
    *,
    data: Body = None,
    **headers: str,
) -> Served:
    """Ask an address of the server `base`, or another one; ``_`` in names of headers is ``-``."""
    url = address if "://" in address else base + address
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if user is not None:
        sent |= user.auth
    async with (
        aiohttp.ClientSession(timeout=_PATIENCE, auto_decompress=False) as session,
        session.request(
            method, url, data=io.BytesIO(data) if isinstance(data, bytes) else data, headers=sent
        ) as response,
    ):
        return Served(response.status, response.headers, await response.read())


async def begun(
    device: DevicePort,
    conversation: str,
    size: int,
    name: str = "notes.txt",
    type: str = "text/plain",  # noqa: A002 - as the field is called
    **more: Any,
) -> dict[str, Any]:
    """What file:create answers."""
    return await device.do(
        "file:create", conversationId=conversation, name=name, size=size, type=type, **more
    )


async def put(base: str, created: dict[str, Any], data: Body) -> Served:
    """Upload as file:create has said."""
    upload = created["upload"]
    return await fetch(upload["method"], base, upload["url"], data=data, **upload["headers"])


async def uploaded(
    base: str,
    device: DevicePort,
    conversation: str,
    data: bytes,
    name: str = "notes.txt",
    type: str = "text/plain",  # noqa: A002 - as the field is called
    *,
    wait: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """A file that is complete; unless told not to `wait`, it is looked at."""
    created = await begun(device, conversation, len(data), name, type, **more)
    answer = await put(base, created, data)
    assert answer.status == 200, answer
    return await completed(device, created["file"]["id"], wait=wait)


async def completed(device: DevicePort, file_id: str, *, wait: bool = True) -> dict[str, Any]:
    """A file whose upload has ended; unless told not to `wait`, it is looked at."""
    while True:
        # A busy machine may take longer than an answer waits.
        ack = await device.do("file:complete", fileId=file_id)
        file: dict[str, Any] = ack["file"]
        if file["state"] != "scanning" or not wait:
            return file


async def sent(
    device: DevicePort, conversation: str, *file_ids: str, **more: Any
) -> dict[str, Any]:
    """A message with files."""
    ack = await device.do(
        "chat:message_send", conversationId=conversation, fileIds=[*file_ids], **more
    )
    message: dict[str, Any] = ack["message"]
    return message
