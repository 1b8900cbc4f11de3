"""Tokens of any kind, signed by hand, and what a Socket.IO server says to those it refuses."""

import asyncio
import base64
import hashlib
import hmac
import time
from typing import Any

import orjson
import pytest
import socketio

from tests.support.device import Device
from tests.support.patience import PATIENCE
from tests.support.servers import JWT_SECRET

SECRET = base64.b64decode(JWT_SECRET)
_DIGESTS = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}


def signed(
    alg: str = "HS256", secret: bytes = SECRET, exp: float | None = 3600, **claims: Any
) -> str:
    """A token that expires in `exp` seconds, or never; to the second, or exactly then if `exp` is a float."""
    if exp is not None:
        claims["exp"] = type(exp)(time.time()) + exp
    text = ".".join(_encoded(orjson.dumps(part)) for part in ({"alg": alg, "typ": "JWT"}, claims))
    digest = _DIGESTS.get(alg)
    return f"{text}.{_encoded(hmac.digest(secret, text.encode(), digest)) if digest else ''}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


async def refusal(url: str, auth: Any, **options: Any) -> dict[str, Any]:
    """The error object with which a Socket.IO CONNECT is refused."""
    device = Device(url, None)
    refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    device.sio.on("connect_error", refused.set_result)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await device.sio.connect(
            url, auth=auth, transports=["websocket"], wait_timeout=PATIENCE, **options
        )
    sent = await asyncio.wait_for(refused, PATIENCE)
    assert set(sent) == {"message", "data"}, sent
    assert sent["message"] == sent["data"]["message"]
    data: dict[str, Any] = sent["data"]
    return data
