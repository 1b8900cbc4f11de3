"""Looks at what was uploaded: what it is, whether it may be shown, and how."""

import asyncio
from collections import Counter
from functools import partial
from typing import NamedTuple
from uuid import UUID, uuid4

from chatserver.core.caller import Caller
from chatserver.core.crypto import Sealed, Vault
from chatserver.core.errors import ChatError, conflict, not_found, unavailable
from chatserver.core.logging import get_logger
from chatserver.files.clamd import Clamd, ClamdError
from chatserver.files.images import Images, RefusedImageError
from chatserver.files.naming import attributes_of
from chatserver.files.notes import NOTED, find_notes, without
from chatserver.files.objects import Objects
from chatserver.files.rows import FileRow, FileRows
from chatserver.files.sniffing import IMAGES, LOOKED_AT, sniff
from chatserver.files.storage import StorageError
from chatserver.files.turns import Turns
from chatserver.files.uploads import check_size
from chatserver.log import Changes, to_conversation
from chatserver.resources import Entry, MessageReader, context_of_row, shown_file
from chatserver.schemas.files import ChangeOfFile, FileGiven
from chatserver.store import Database, Record, Requests

_log = get_logger(__name__)

# How long file:complete waits for the end (s).
_PATIENCE = 2.0
# How long a file is a process', unless it says again that it is at it (s).
LEASE = 60
_NO_BODY = Sealed(0, "", b"", b"")


class FileOutcome(NamedTuple):
    """What became of a file."""

    entry: Entry
    content: UUID | None
    thumb: UUID | None = None


class Completion:
    """Completes files.

    Raises (all methods):
        ChatError: UNAVAILABLE
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        reader: MessageReader,
        rows: FileRows,
        objects: Objects,
        requests: Requests,
        changes: Changes,
        images: Images,
        clamd: Clamd | None = None,
    ) -> None:
        self._db = db
        self._vault = vault
        self._reader = reader
        self._rows = rows
        self._objects = objects
        self._requests = requests
        self._changes = changes
        self._images = images
        self._clamd = clamd
        # How many files were looked at, by what became of them.
        self.outcomes: Counter[str] = Counter()
        # This process' own name among those that look at files.
        self._worker = uuid4()
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._turns = Turns()

    @property
    def running(self) -> int:
        """How many files are being looked at."""
        return len(self._running)

    async def settled(self) -> None:
        """Wait until nothing is being looked at."""
        while self._running:
            await asyncio.wait(self._running.values())

    async def close(self) -> None:
        """Stop looking; another process takes over."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def complete(self, caller: Caller, cmd: ChangeOfFile) -> FileGiven:
        """Look at a file that is uploaded. Returns it as it is now, in two seconds at most.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, IDEMPOTENCY_CONFLICT; CONFLICT for one that is not uploaded
        """
        async with self._requests.once(caller) as work:
            if work.kept is None:
                await work.keep({})
        row = await self._row(caller, cmd.file_id)
        if row["state"] == "uploading":
            await self._begin(row)
        if (task := self._running.get(cmd.file_id)) is not None:
            await asyncio.wait((task,), timeout=_PATIENCE)
        row = await self._row(caller, cmd.file_id)
        return FileGiven(file=shown_file(self._rows.open(row).entry))

    async def _row(self, caller: Caller, file_id: UUID) -> Record:
        row = await self._db.one("file_of_owner", caller.user_id, file_id)
        if row is None:
            raise not_found("file")
        return row

    async def _begin(self, row: Record) -> None:
        source = _source(row)
        file = self._rows.open(row)
        try:
            size = None if source is None else await self._objects.storage.size(source)
            if source is None or size is None:
                raise conflict("The file is not uploaded yet")
            # Uploads to us have been counted as they came; those to a bucket nobody has seen.
            if size > file.entry["size"]:
                # Until its address ends it could lie there, however large it is.
                await self._objects.storage.delete(source)
            check_size(size, file.entry["size"])
            found = await self._type(source, file.entry)
        except StorageError as error:
            _log.warning("a file could not be read", error=str(error))
            raise unavailable() from error
        entry = {**file.entry, "type": found, "state": "scanning"}
        sealed = self._rows.seal(file.id, file.conversation_id, file.owner_id, entry)
        begun = await self._db.one(
            "begin_scanning", file.id, row["content"], self._worker, LEASE, *sealed
        )
        if begun is not None:
            self._look_at(begun)

    async def _type(self, source: UUID, entry: Entry) -> str:
        pieces = self._objects.storage.read(source, 0, LOOKED_AT)
        return sniff(b"".join([piece async for piece in pieces]), entry["type"])

    def _look_at(self, row: Record) -> None:
        file = self._rows.open(row)
        task = asyncio.create_task(self._scan(file, row["content"], row["upload"]))
        self._running[file.id] = task
        task.add_done_callback(lambda _: self._running.pop(file.id, None))

    async def _scan(self, file: FileRow, content: UUID | None, upload: UUID | None) -> None:
        try:
            async with self._turns.of(file.owner_id):
                if content is None:
                    assert upload is not None  # one of the two was looked at
                    content = await self._taken_from_bucket(file, upload)
                outcome = await self._judged(file, content)
            await self._finish(file, outcome)
            if content is not None and content != outcome.content:
                await self._objects.drop(content)
            self.outcomes[outcome.entry["state"]] += 1
        except (StorageError, ClamdError) as error:
            # When the lease ends somebody tries again.
            _log.warning("a file could not be looked at", error=str(error))
        except ChatError:
            pass  # the database said so in the log already
        except Exception:
            _log.exception("a file could not be looked at")

    async def _taken_from_bucket(self, file: FileRow, upload: UUID) -> UUID | None:
        """Copy what was uploaded to where its owner cannot change it any more.

        Returns:
            The copy; None where it is another one than was looked at, or away, as it will be at the next look.

        Raises:
            StorageError
        """
        size = file.entry["size"]
        if await self._objects.storage.size(upload) != size:
            return None
        # It may be changed even now: no more is copied than was announced, but for one byte that tells.
        pieces = self._objects.storage.read(upload, 0, size + 1)
        content = await self._objects.write_new(pieces, attributes_of(file.entry))
        is_same = await self._objects.storage.size(content) == size
        if not is_same or await self._type(content, file.entry) != file.entry["type"]:
            await self._objects.drop(content)
            return None
        return content

    async def go_on(self) -> None:
        """Keep what is being looked at here, and take over one file whose process is gone.

        Raises:
            ChatError: UNAVAILABLE
        """
        if self._running:
            await self._db.all("keep_scanning", [*self._running], self._worker, LEASE)
        taken = await self._db.one("take_over_scanning", self._worker, LEASE)
        if taken is not None:
            self._look_at(taken)

    async def _judged(self, file: FileRow, content: UUID | None) -> FileOutcome:
        if content is None:
            return FileOutcome({**file.entry, "state": "refused"}, None)
        if self._clamd is not None:
            pieces = self._objects.storage.read(content)
            if not await self._clamd.is_harmless(pieces):
                return FileOutcome({**file.entry, "state": "refused"}, None)
        if file.entry["type"] in IMAGES:
            try:
                about, image, thumb = await self._images.remake(content, file.entry)
            except RefusedImageError:
                return FileOutcome({**file.entry, "state": "refused"}, None)
            return FileOutcome(
                {**file.entry, **about, "state": "ready", "has_thumb": True}, image, thumb
            )
        if file.entry["type"] in NOTED:
            content = await self._without_notes(file, content)
        return FileOutcome({**file.entry, "state": "ready"}, content)

    async def _without_notes(self, file: FileRow, content: UUID) -> UUID:
        """Return an object without its notes: the same one where there are none."""
        read = partial(self._objects.storage.read, content)
        notes = await find_notes(read, file.entry["size"])
        if not notes:
            return content
        return await self._objects.write_new(without(read(), notes), attributes_of(file.entry))

    async def _finish(self, file: FileRow, outcome: FileOutcome) -> None:
        entry = outcome.entry
        sealed = self._rows.seal(file.id, file.conversation_id, file.owner_id, entry)
        based_on: bytes | None = None
        body = _NO_BODY
        while True:
            row = await self._db.one(
                "finish_file",
                file.id,
                self._worker,
                entry["state"],
                entry["size"],
                outcome.content,
                outcome.thumb,
                *sealed,
                based_on,
                *body,
            )
            assert row is not None  # it always answers
            if row["verdict"] != "stale":
                break
            # It was sent meanwhile, or its message was edited: the message shows the file, too.
            message_id: UUID = row["message_id"]
            (message,) = await self._db.all("messages_of", file.conversation_id, [message_id])
            based_on = message["nonce"]
            body = self._vault.seal(
                file.conversation_id,
                message_id,
                self._reader.body_with_file(message, entry),
                context_of_row(message),
            )
        if row["seq"] is not None:
            await self._changes.hand_on([to_conversation(file.conversation_id, row["seq"])], None)


def _source(row: Record) -> UUID | None:
    """Return where the bytes lie that were uploaded: where we wrote them, or the owner in a bucket."""
    source: UUID | None = row["content"] or row["upload"]
    return source
