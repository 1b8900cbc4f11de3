"""Has images made anew in processes of their own (`image_worker`), which have bounds of memory and time."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from chatserver.files.naming import attributes_of
from chatserver.files.objects import Objects
from chatserver.files.storage import PIECE
from chatserver.resources import Entry

_WORKER = Path(__file__).with_name("image_worker.py")
# Of one image, waiting for its turn aside (s).
_TIMEOUT = 40.0
# So many at once: each takes a processor, and up to a gibibyte.
_AT_ONCE = 2
_MOST_HEAD = 64 * 1024
_MIB = 1024 * 1024


class RefusedImageError(Exception):
    """An image that is broken, larger than we make anew, or something else than it seems."""


class Remade(NamedTuple):
    """An image that was made anew. ``about`` is ``type``, ``size``, ``width``, ``height`` and ``preview``."""

    about: dict[str, Any]
    content: UUID
    thumb: UUID


class Images:
    """Makes images anew."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def remake(self, content: UUID, entry: Entry) -> Remade:
        """Make an object's image anew, with a thumbnail. Both are nobody's yet (`Objects.write_new`).

        Args:
            entry: of whose file it is.

        Raises:
            RefusedImageError
            StorageError
            ChatError: UNAVAILABLE
        """
        async with self._turns:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(_WORKER),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                limit=_MOST_HEAD,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            feeding = asyncio.create_task(self._feed(process.stdin, content))
            try:
                async with asyncio.timeout(_TIMEOUT):
                    remade = await self._take(process.stdout, entry)
                    await feeding
                    if await process.wait() != 0:
                        raise RefusedImageError
                    return remade
            except (TimeoutError, asyncio.IncompleteReadError, ValueError, KeyError) as error:
                if feeding.done() and (why := feeding.exception()) is not None:
                    raise why from error  # it is not the image that is wrong
                raise RefusedImageError from error
            finally:
                feeding.cancel()
                with suppress(ProcessLookupError):
                    process.kill()
                # A process is not seen to end while something that it wrote waits to be read.
                rest = process.stdout.read()
                await asyncio.gather(feeding, rest, process.wait(), return_exceptions=True)

    async def _feed(self, stdin: asyncio.StreamWriter, content: UUID) -> None:
        try:
            # A process that refuses need not read to the end.
            with suppress(BrokenPipeError, ConnectionResetError):
                async for piece in self._objects.storage.read(content):
                    stdin.write(piece)
                    await stdin.drain()
        finally:
            stdin.close()

    async def _take(self, stdout: asyncio.StreamReader, entry: Entry) -> Remade:
        head = orjson.loads(await stdout.readuntil(b"\n"))
        thumb_size = head.pop("thumb_size")
        if head["size"] > _most_of(entry["size"]):
            raise RefusedImageError
        about = {name: value for name, value in head.items() if value is not None}
        made, entry = _exactly(stdout, head["size"]), {**entry, **about}
        content = await self._objects.write_new(made, attributes_of(entry))
        made = _exactly(stdout, thumb_size)
        thumb = await self._objects.write_new(made, attributes_of(entry, thumb=True))
        return Remade(about, content, thumb)


def _most_of(size: int) -> int:
    """Return how large an image of so many bytes may become: a person's day is counted by what they announce."""
    return max(2 * size, min(16 * size, 16 * _MIB), _MIB)


async def _exactly(stdout: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await stdout.read(min(size, PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", size)
        size -= len(piece)
        yield piece
