"""Finds the files that a message is to be sent with."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from chatserver.core.caller import Caller
from chatserver.files.rows import FileRows
from chatserver.resources import Entry
from chatserver.schemas.messages import SentType
from chatserver.store import Database


class Claimed(NamedTuple):
    """Files as they were read. Whether they may be sent is judged under a lock (`claim_files`)."""

    ids: tuple[UUID, ...] = ()
    # By which the database tells that they are still as they were read; empty for those that were not found.
    nonces: tuple[bytes, ...] = ()
    entries: Sequence[Entry] = ()

    @property
    def message_type(self) -> SentType:
        """What a message with these files is, unless its sender says."""
        types = [entry["type"].partition("/")[0] for entry in self.entries]
        if types and all(kind == "image" for kind in types):
            return "image"
        if types == ["audio"] and self.entries[0].get("duration") is not None:
            return "voice"
        return "file"


NO_FILES = Claimed()


class FileClaims:
    """Finds files that their owners want to send."""

    def __init__(self, db: Database, rows: FileRows) -> None:
        self._db = db
        self._rows = rows

    async def find(self, caller: Caller, conversation_id: UUID, ids: Sequence[UUID]) -> Claimed:
        """Return the caller's files of a conversation, in the order of `ids`.

        Raises:
            ChatError: UNAVAILABLE
        """
        found = await self._db.all("files_to_send", caller.user_id, conversation_id, [*ids])
        opened = {row.id: row for row in map(self._rows.open, found)}
        return Claimed(
            tuple(ids),
            tuple(opened[id_].nonce if id_ in opened else b"" for id_ in ids),
            [opened[id_].entry for id_ in ids if id_ in opened],
        )
