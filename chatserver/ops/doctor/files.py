"""Looks at where files are kept, and at the clamd that looks at them."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from chatserver.config import Settings
from chatserver.files import Attributes, BucketStorage, Clamd, ClamdError, StorageError
from chatserver.ops.doctor.finding import Finding, fail, ok, warn

# Less than this is soon full (bytes).
_ROOM = 5 * 1024**3
_BYTES = b"chatserver doctor"


async def examine(settings: Settings, env: Mapping[str, str]) -> list[Finding]:
    """Look at FILES_URL, which is one of the variables `env`, and at CLAMD_URL where it is set."""
    url = urlsplit(settings.files_url)
    if url.scheme == "s3":
        found = [await _bucket(BucketStorage(settings.files_url))]
    else:
        folder = Path(unquote(url.path))
        found = await asyncio.to_thread(_folder, folder)
        if not settings.is_development and not env.get("FILES_URL", "").strip():
            found.append(
                warn(
                    "FILES_URL",
                    f"it is not set, so people's files lie in {folder}, and go with that folder (a dyno's, a "
                    "container's, a release's); set it to a disk or bucket that stays, and that processes share",
                )
            )
    if settings.clamd is not None:
        found.append(await _clamd(Clamd(*settings.clamd)))
    return found


def _folder(folder: Path) -> list[Finding]:
    there = folder
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK | os.X_OK):
        return [
            fail(
                "files",
                f"the server may not write in {there}: chown it, or set FILES_URL to another folder",
            )
        ]
    found = [ok(f"files are kept in {folder}, sealed")]
    free = shutil.disk_usage(there).free
    if free < _ROOM:
        found.append(
            warn(
                "files' disk",
                f"{free // 1024**2:,} MiB are free: make room, or set FILES_URL to another disk",
            )
        )
    if there.stat().st_mode & 0o002:
        found.append(warn("files' folder", f"everybody may write in {there}: chmod o-w"))
    return found


async def _bucket(storage: BucketStorage) -> Finding:
    async def pieces() -> AsyncIterator[bytes]:
        yield _BYTES

    object_id = uuid4()
    try:
        await storage.write(object_id, pieces(), Attributes("text/plain", "attachment"))
        read = b"".join([piece async for piece in storage.read(object_id)])
        await storage.delete(object_id)
    except StorageError as error:
        return fail(
            "files' bucket",
            f"{error}: check bucket, region and endpoint in FILES_URL, and that the credentials "
            "may put, get and delete",
        )
    if read != _BYTES:
        return fail(
            "files' bucket", "what was written was not read: FILES_URL leads to something else"
        )
    return ok("files are kept in a bucket, which takes, gives and deletes")


async def _clamd(clamd: Clamd) -> Finding:
    try:
        await clamd.ping()
    except ClamdError as error:
        return fail(
            "clamd",
            f"{error}: start it with TCPSocket, or correct CLAMD_URL; until then no file is served",
        )
    return ok("clamd answers")
