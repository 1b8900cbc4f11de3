"""Keeps files on the local disk, sealed: without the key nobody reads what lies there.

An object is a header (a magic word, the key's id, eight random bytes), then its bytes in chunks of 64 KiB, each
sealed by itself (AES-256-GCM), so that any part can be read. The key is the object's own. The nonce is the random
bytes and the chunk's index; the index, and whether it is the last chunk, are in the associated data (as in the
STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár): what is moved, left out or cut off does not open.
"""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chatserver.core.crypto import DecryptionError, Vault
from chatserver.files.storage import PIECE, Attributes, StorageError

T = TypeVar("T")

_MAGIC = b"CSF1"
_KEY_ID = 8
_RANDOM = 8
_HEADER = len(_MAGIC) + _KEY_ID + _RANDOM
CHUNK = 64 * 1024
_TAG = 16
_TOGETHER = PIECE // CHUNK
# Threads that wait for the disk alone. Sealing and opening has one: with more of them the event loop waited longer
# for the interpreter's lock, which it needs for each of its callbacks.
_WAITING = 4
# Pieces of all files together that are sealed or opened, or were and are not handed on yet. Each makes the event
# loop read from a socket or write to one: however many files move, a turn of the loop has so many of them.
_IN_TURN = 2


class _Cipher:
    """Seals and opens the chunks of one object."""

    def __init__(self, key: bytes, object_id: UUID, random: bytes) -> None:
        self._cipher = AESGCM(key)
        self._place = _MAGIC + object_id.bytes
        self._random = random

    def _of(self, index: int, *, is_last: bool) -> tuple[bytes, bytes]:
        place = index.to_bytes(4)
        return self._random + place, b"%b%b%d" % (self._place, place, is_last)

    def seal(self, index: int, chunk: bytes | memoryview, *, is_last: bool) -> bytes:
        nonce, aad = self._of(index, is_last=is_last)
        return self._cipher.encrypt(nonce, chunk, aad)

    def open(self, index: int, sealed: bytes | memoryview, *, is_last: bool) -> bytes:
        nonce, aad = self._of(index, is_last=is_last)
        return self._cipher.decrypt(nonce, sealed, aad)


class DiskStorage:
    """A folder. Several processes may share it."""

    origin = None

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault
        self._sealing = ThreadPoolExecutor(1, thread_name_prefix="files")
        self._turns = asyncio.Semaphore(_IN_TURN)
        self._waiting = ThreadPoolExecutor(_WAITING, thread_name_prefix="disk")

    async def close(self) -> None:
        """End the threads."""
        for threads in (self._sealing, self._waiting):
            threads.shutdown(wait=False, cancel_futures=True)

    def _path(self, object_id: UUID) -> Path:
        name = object_id.hex
        return self._folder / name[-2:] / name

    async def _do(self, act: Callable[[], T], threads: ThreadPoolExecutor) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, act)
        except (OSError, InvalidTag, DecryptionError) as error:
            raise StorageError(f"the disk: {_cause(error)}") from error

    async def _seal(self, act: Callable[[], T]) -> T:
        async with self._turns:
            return await self._do(act, self._sealing)

    async def _wait(self, act: Callable[[], T]) -> T:
        return await self._do(act, self._waiting)

    # -- writing ----------------------------------------------------------------------------------

    async def write(
        self, object_id: UUID, pieces: AsyncIterator[bytes], attributes: Attributes
    ) -> int:
        """See `Storage`."""
        writing = await self._seal(lambda: _Writing(self._path(object_id), self._vault, object_id))
        # Put together in the threads: here others wait for each copy.
        waiting: list[bytes] = []
        size = 0
        async for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if size >= PIECE:
                ready, waiting, size = waiting, [], 0
                await self._seal(lambda ready=ready: writing.add(ready))  # type: ignore[misc]
        await self._seal(lambda: writing.end(waiting))
        await self._wait(writing.sync)
        return writing.size

    # -- reading ----------------------------------------------------------------------------------

    async def read(
        self, object_id: UUID, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """See `Storage`."""
        reading = await self._seal(lambda: _Reading(self._path(object_id), self._vault, object_id))
        end = reading.size if end is None else min(end, reading.size)
        while start < end:
            chunks = await self._seal(lambda start=start: reading.chunks(start, end))  # type: ignore[misc]
            for chunk in chunks:
                start += len(chunk)
                yield chunk

    async def size(self, object_id: UUID) -> int | None:
        """See `Storage`."""

        def look() -> int | None:
            try:
                return _plain_size(self._path(object_id).stat().st_size)
            except FileNotFoundError:
                return None

        return await self._wait(look)

    async def delete(self, object_id: UUID) -> None:
        """See `Storage`."""
        await self._wait(lambda: self._path(object_id).unlink(missing_ok=True))

    async def upload_address(self, object_id: UUID, seconds: float) -> str | None:
        """See `Storage`."""
        return None

    async def download_address(self, object_id: UUID, seconds: float) -> str | None:
        """See `Storage`."""
        return None


def _cause(error: Exception) -> str:
    """Return why the disk fails, without a path: it would name an object."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "it is full: make room where FILES_URL leads"
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the server may not write there: chown it, or set FILES_URL to another folder"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _plain_size(stored: int) -> int:
    """Return how many bytes an object of so many on disk has."""
    sealed = stored - _HEADER
    chunks = max(1, -(-sealed // (CHUNK + _TAG)))
    return sealed - chunks * _TAG


class _Writing:
    """An object that is being written. Every method blocks.

    Between two of them no file is open: however many clients are slow, they take none that others need.
    """

    def __init__(self, path: Path, vault: Vault, object_id: UUID) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        random = os.urandom(_RANDOM)
        key_id = vault.key_id
        self._cipher = _Cipher(
            vault.derive_one(key_id, b"file", object_id.bytes), object_id, random
        )
        self._path = path
        self._index = 0
        # Less than a chunk, or one that may be the last.
        self._rest = b""
        self.size = 0
        with self._open(os.O_CREAT | os.O_EXCL) as file:
            file.write(_MAGIC + key_id.encode() + random)

    def _open(self, flags: int = 0) -> BinaryIO:
        return open(os.open(self._path, os.O_WRONLY | os.O_APPEND | flags, 0o600), "wb", 0)

    def add(self, pieces: list[bytes]) -> None:
        """Write what is known not to be the last chunk, and keep the rest."""
        data = memoryview(b"".join((self._rest, *pieces)))
        whole = max(0, (len(data) - 1) // CHUNK * CHUNK)
        if whole:
            with self._open() as file:
                for at in range(0, whole, CHUNK):
                    self._write(file, data[at : at + CHUNK], is_last=False)
        self._rest = bytes(data[whole:])

    def end(self, pieces: list[bytes]) -> None:
        """Write the last bytes."""
        self.add(pieces)
        with self._open() as file:
            self._write(file, self._rest, is_last=True)

    def sync(self) -> None:
        """See that the disk has all of it."""
        with self._open() as file:
            os.fsync(file.fileno())
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(self, file: BinaryIO, chunk: bytes | memoryview, *, is_last: bool) -> None:
        sealed = memoryview(self._cipher.seal(self._index, chunk, is_last=is_last))
        self._index += 1
        self.size += len(chunk)
        while sealed:
            sealed = sealed[file.write(sealed) :]


class _Reading:
    """An object that is being read. Every method blocks; between two of them no file is open, as in `_Writing`."""

    def __init__(self, path: Path, vault: Vault, object_id: UUID) -> None:
        with path.open("rb", buffering=0) as file:
            header = file.read(_HEADER)
            self.size = _plain_size(os.fstat(file.fileno()).st_size)
        key_id, random = header[len(_MAGIC) : -_RANDOM], header[-_RANDOM:]
        if len(header) < _HEADER or not header.startswith(_MAGIC):
            raise OSError("no file of ours")
        key = vault.derive_one(key_id.decode("ascii", "replace"), b"file", object_id.bytes)
        self._cipher = _Cipher(key, object_id, random)
        self._path = path
        self._last = max(0, -(-self.size // CHUNK) - 1)

    def chunks(self, start: int, end: int) -> list[bytes]:
        """Return bytes from one place on, some chunks at most, and not beyond another place."""
        first = start // CHUNK
        until = min(first + _TOGETHER, self._last + 1, -(-end // CHUNK))
        offset = _HEADER + first * (CHUNK + _TAG)
        with self._path.open("rb", buffering=0) as file:
            file.seek(offset)
            sealed = memoryview(file.read((until - first) * (CHUNK + _TAG)))
        opened = []
        for index in range(first, until):
            at = (index - first) * (CHUNK + _TAG)
            chunk = self._cipher.open(
                index, sealed[at : at + CHUNK + _TAG], is_last=index == self._last
            )
            begins = index * CHUNK
            if start > begins or end < begins + len(chunk):
                chunk = chunk[max(0, start - begins) : end - begins]
            opened.append(chunk)
        if not all(opened):
            raise OSError("a file is shorter than it was")
        return opened
