"""Messages on their way into the log: sends are committed together."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from chatserver.batcher import Batcher
from chatserver.store import Database, Record

# How many bytes of messages may wait for the database: some ten thousand of the usual size.
_BOUND = 16 * 1024 * 1024
# What a draft takes beside its text.
_OVERHEAD = 1_000


class Draft(NamedTuple):
    """A message as it is to be written: what ``post_messages`` takes of each, in its order.

    (A named tuple: every message is one, and many are turned into columns in one go.)
    """

    conversation_id: UUID
    sender_id: str
    message_id: UUID
    message_type: str
    # As it was sealed (`chatserver.crypto.Sealed`).
    version: int
    key_id: str
    nonce: bytes
    ciphertext: bytes
    reply_to: UUID | None
    client_message_id: str | None
    # Of its identity; only where it has a client's id.
    fingerprint: bytes | None
    is_announcement: bool


class Posts(Batcher[Draft, Record]):
    """Writes drafts, many in one commit (`post_messages`); each is answered by its row, which has its verdict."""

    def __init__(self, db: Database) -> None:
        super().__init__(
            self._write,
            # Two batches with messages of one conversation would wait for its lock.
            key=lambda draft: draft.conversation_id,
            weigh=lambda draft: len(draft.ciphertext) + _OVERHEAD,
            bound=_BOUND,
        )
        self._db = db

    async def _write(self, drafts: Sequence[Draft]) -> list[Record]:
        return await self._db.all("post_messages", *zip(*drafts, strict=True))
