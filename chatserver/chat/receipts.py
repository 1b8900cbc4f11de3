"""Marks messages as received and read: exactly, message by message, in one row per member.

Receipts are by far the most frequent change, so they share commits (`Batcher`): what comes while a batch is
being written forms the next one. Each is acknowledged after its commit, with its own count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chatserver.chat.status_updates import (
    NAMED_MESSAGES,
    NAMED_OF_MANY,
    ReceiptStatus,
    StatusUpdates,
)
from chatserver.core.caller import Caller
from chatserver.core.errors import ChatError
from chatserver.log import check
from chatserver.schemas.receipts import Receipt, Updated
from chatserver.store import Batcher, Database, Queryable, Record, Requests

# How many bytes of receipts may wait for the database: some ten thousand of the usual size.
_BOUND = 4 * 1024 * 1024
# What a receipt takes, and each message that it names.
_OVERHEAD = 400
_PER_MESSAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A receipt that is to be written: of a conversation up to a seq, or of single messages."""

    user_id: str
    status: ReceiptStatus
    conversation_id: UUID | None
    up_to_seq: int | None
    message_ids: tuple[UUID, ...]

    @property
    def weight(self) -> int:
        """What it costs to keep, in bytes."""
        return _OVERHEAD + _PER_MESSAGE * len(self.message_ids)


# The rows that `mark_receipts` answers to one mark: one for each conversation.
Marked = tuple[Record, ...]


class Receipts:
    """Marks messages as delivered or read, and tells the conversation."""

    def __init__(self, db: Database, requests: Requests, updates: StatusUpdates) -> None:
        self._db = db
        self._requests = requests
        self._updates = updates
        self.batches: Batcher[Mark, Marked] = Batcher(
            self._write_batch,
            # A person's receipts lock the same rows.
            key=lambda mark: mark.user_id,
            weigh=lambda mark: mark.weight,
            bound=_BOUND,
        )

    async def mark(self, caller: Caller, cmd: Receipt, status: ReceiptStatus) -> Updated:
        """Mark what a receipt names as received or read. Returns how many messages that changed.

        The caller's own messages are passed over. Where a receipt names several, so are those that are erased, and
        those that the caller has hidden or deleted for themselves.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for a conversation or message that does not exist for the caller, and for
                a single one that is gone: then nothing is marked. IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        mark = Mark(
            user_id=caller.user_id,
            status=status,
            conversation_id=cmd.conversation_id,
            up_to_seq=cmd.up_to_seq,
            message_ids=cmd.message_ids or ((cmd.message_id,) if cmd.message_id else ()),
        )
        several = cmd.message_ids is not None
        if caller.request is None:
            marked = _allowed(await self.batches.ask(mark), several=several)
        else:
            # What is kept for a repetition is written in the same transaction: this one is no batch's.
            async with self._requests.once(caller) as work:
                if work.kept is not None:
                    return Updated(updated_count=work.kept["updatedCount"])
                marked = _allowed((await _write(work.queries, [mark]))[0], several=several)
                await work.keep({"updatedCount": _count(marked)})
        await self._updates.prepare(row["conversation_id"] for row in marked)
        for row in marked:
            self._updates.add(
                caller.user_id,
                row["conversation_id"],
                row,
                status=status,
                origin=caller.session.connection_id,
                many=await self._many(caller.user_id, row) if status == "read" else (),
            )
        return Updated(updated_count=_count(marked))

    async def _many(self, user_id: str, row: Record) -> tuple[str, ...]:
        """Return the ids of the newest messages that somebody has read, where they are too many to be named."""
        if row["count"] <= NAMED_MESSAGES:
            return ()
        args = row["conversation_id"], user_id, row["up_to_seq"], NAMED_OF_MANY
        try:
            rows = await self._db.all("messages_read", *args)
        except ChatError:
            return ()  # they are marked, and nobody is to hear of a failure
        return tuple(str(found["id"]) for found in reversed(rows))

    async def finish(self) -> None:
        """Wait until every receipt that came is answered."""
        await self.batches.finish()

    async def _write_batch(self, marks: Sequence[Mark]) -> list[Marked | Exception]:
        return [*await _write(self._db, marks)]


async def _write(queries: Queryable, marks: Sequence[Mark]) -> list[Marked]:
    named = [(nth, id_) for nth, mark in enumerate(marks, start=1) for id_ in mark.message_ids]
    rows = await queries.all(
        "mark_receipts",
        [mark.user_id for mark in marks],
        [mark.status for mark in marks],
        [mark.conversation_id for mark in marks],
        [mark.up_to_seq for mark in marks],
        [nth for nth, _ in named],
        [id_ for _, id_ in named],
    )
    found: list[list[Record]] = [[] for _ in marks]
    for row in rows:
        found[row["nth"] - 1].append(row)
    return [tuple(of_mark) for of_mark in found]


def _allowed(marked: Marked, *, several: bool) -> Marked:
    """Return the rows of a receipt that was written: one for each conversation that may have changed.

    Raises:
        ChatError: RESOURCE_NOT_FOUND
    """
    for row in marked:
        if not (several and row["verdict"] == "gone"):
            check("receipt", row)
    return tuple(row for row in marked if row["verdict"] == "done")


def _count(marked: Marked) -> int:
    return sum(row["count"] for row in marked)
