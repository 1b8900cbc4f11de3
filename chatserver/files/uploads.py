"""Begins files, takes their bytes, and deletes those that were not sent."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from chatserver.core.caller import Caller
from chatserver.core.errors import ChatError, ErrorCode, conflict, not_found, unavailable
from chatserver.core.ids import uuid7
from chatserver.core.logging import get_logger
from chatserver.core.times import iso
from chatserver.files.links import Links
from chatserver.files.objects import Objects
from chatserver.files.rows import FileRows
from chatserver.files.storage import Attributes, StorageError
from chatserver.log import Changes
from chatserver.resources import Entry, shown_file
from chatserver.schemas.files import OPAQUE, ChangeOfFile, FileCreate, FileCreated, Upload
from chatserver.store import Database

_log = get_logger(__name__)

# A small file counts as so many bytes of a day's: it takes a row, an object and a name.
_LEAST_WEIGHT = 64 * 1024
# Of one file, in one process: those who retry may not know yet that the first one failed.
_AT_ONCE = 3
# What a file is taken for, until its bytes are looked at.
_UNKNOWN = Attributes(OPAQUE, "attachment")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """Sizes in bytes, times in seconds; ``per_day`` is a person's, and 0 is no limit."""

    max_size: int
    per_day: int
    upload_ttl: float


class Uploads:
    """Files until they are complete.

    Raises (all methods):
        ChatError: UNAVAILABLE
    """

    def __init__(
        self,
        db: Database,
        rows: FileRows,
        objects: Objects,
        links: Links,
        changes: Changes,
        limits: FileLimits,
    ) -> None:
        self._db = db
        self._rows = rows
        self._objects = objects
        self._links = links
        self._changes = changes
        self._limits = limits
        self._running: Counter[UUID] = Counter()
        # How many bytes were taken here, and how many uploads ended how.
        self.received = 0
        self.ended: Counter[str] = Counter()

    @property
    def running(self) -> int:
        """How many uploads are under way."""
        return self._running.total()

    async def create(self, caller: Caller, cmd: FileCreate) -> FileCreated:
        """Begin a file.

        Raises:
            ChatError: PAYLOAD_TOO_LARGE, RESOURCE_NOT_FOUND, USER_BLOCKED, RATE_LIMIT_EXCEEDED,
                IDEMPOTENCY_CONFLICT
        """
        most = self._limits.max_size
        if cmd.size > most:
            details = f"At most {most:,} bytes."
            raise ChatError(
                code=ErrorCode.PAYLOAD_TOO_LARGE, details=details, fields={"size": [details]}
            )
        file_id = uuid7()
        entry = _announced(file_id, cmd)
        sealed = self._rows.seal(file_id, cmd.conversation_id, caller.user_id, entry)
        bucket_object = uuid4()
        ttl = self._limits.upload_ttl
        try:
            address = await self._objects.storage.upload_address(bucket_object, ttl)
        except StorageError as error:
            _log.warning("a file cannot be stored", error=str(error))
            raise unavailable() from error
        made = await self._changes.make(
            caller,
            lambda db: db.one(
                "create_file",
                caller.user_id,
                file_id,
                cmd.conversation_id,
                cmd.size,
                *sealed,
                None if address is None else bucket_object,
                round(ttl),
                max(cmd.size, _LEAST_WEIGHT),
                self._limits.per_day,
            ),
            of="new file",
            answer=lambda _row: {"fileId": str(file_id)},
            appended=lambda _row: (),
        )
        if made.row is not None:
            upload = self._upload(file_id, address, made.row["expires_at"])
            return FileCreated(file=shown_file(entry), upload=upload)
        row = await self._db.one("file_of_owner", caller.user_id, UUID(made.answer["fileId"]))
        if row is None:
            raise not_found("file")
        expires_at: datetime = row["expires_at"]
        if row["upload"] is not None:
            left = expires_at.timestamp() - time.time()
            address = await self._objects.storage.upload_address(row["upload"], left)
        return FileCreated(
            file=shown_file(self._rows.open(row).entry),
            upload=self._upload(row["id"], address, expires_at),
        )

    def _upload(self, file_id: UUID, address: str | None, expires_at: datetime) -> Upload:
        url = address or self._links.upload(file_id, expires_at)
        headers = {"Content-Type": OPAQUE}
        return Upload(method="PUT", url=url, headers=headers, expires_at=iso(expires_at))

    async def receive(
        self,
        file_id: UUID,
        length: int | None,
        pieces: AsyncIterator[bytes],
        allow: Callable[[str], None],
    ) -> None:
        """Take the bytes of a file. Of several uploads the last one that ends counts.

        Args:
            length: how many bytes come, where that is known before.
            allow: told whose file it is before anything is taken; what it raises is raised.

        Raises:
            ChatError: RESOURCE_NOT_FOUND; PAYLOAD_TOO_LARGE for more bytes than were announced; CONFLICT for
                fewer, for a file that is complete, and where it is uploaded several times at once.
        """
        if self._running[file_id] >= _AT_ONCE:
            raise conflict("The file is being uploaded already")
        self._running[file_id] += 1
        try:
            await self._receive(file_id, length, pieces, allow)
        except BaseException as error:
            self.ended["refused" if isinstance(error, ChatError) else "aborted"] += 1
            raise
        finally:
            self._running[file_id] -= 1
            if not self._running[file_id]:
                del self._running[file_id]
        self.ended["taken"] += 1

    async def _receive(
        self,
        file_id: UUID,
        length: int | None,
        pieces: AsyncIterator[bytes],
        allow: Callable[[str], None],
    ) -> None:
        object_id = uuid4()
        begun = await self._db.one("begin_upload", file_id, object_id)
        assert begun is not None  # it always answers
        _check(begun["verdict"])
        size: int = begun["size"]
        try:
            allow(begun["owner_id"])
            if length is not None:
                check_size(length, size)
            written = await self._objects.storage.write(
                object_id, self._bounded(pieces, size), _UNKNOWN
            )
            check_size(written, size)
            ended = await self._db.one("end_upload", file_id, object_id)
            assert ended is not None  # it always answers
            _check(ended["verdict"])
        except StorageError as error:
            _log.warning("a file could not be stored", error=str(error))
            await self._objects.drop(object_id)
            raise unavailable() from error
        except BaseException:
            await self._objects.drop(object_id)
            raise
        if ended["replaced"] is not None:
            await self._objects.drop(ended["replaced"])

    async def _bounded(self, pieces: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
        came = 0
        async for piece in pieces:
            came += len(piece)
            self.received += len(piece)
            if came > size:
                check_size(came, size)
            yield piece

    async def delete(self, caller: Caller, cmd: ChangeOfFile) -> None:
        """Delete a file that was not sent.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, IDEMPOTENCY_CONFLICT; CONFLICT for one that was sent
        """
        await self._changes.make(
            caller,
            lambda db: db.one("delete_file", caller.user_id, cmd.file_id),
            of="file",
            appended=lambda _row: (),
        )


def _announced(file_id: UUID, cmd: FileCreate) -> Entry:
    given = {
        "id": str(file_id),
        "name": cmd.name,
        "size": cmd.size,
        "type": cmd.type,
        "state": "uploading",
        "width": cmd.width,
        "height": cmd.height,
        "duration": cmd.duration,
        "waveform": cmd.waveform,
    }
    return {name: value for name, value in given.items() if value is not None}


def _check(verdict: str) -> None:
    if verdict == "not_found":
        raise not_found("file")
    if verdict == "conflict":
        raise conflict("The file is complete already")


def check_size(given: int, announced: int) -> None:
    """Check that as many bytes came as were announced.

    Raises:
        ChatError: PAYLOAD_TOO_LARGE for more, CONFLICT for fewer.
    """
    if given > announced:
        raise ChatError(
            code=ErrorCode.PAYLOAD_TOO_LARGE, details=f"{announced:,} bytes were announced."
        )
    if given < announced:
        raise conflict(f"{announced:,} bytes were announced, and {given:,} came")
