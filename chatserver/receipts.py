"""Received and read: exact per message, one row per member.

Receipts are by far the most frequent change, so they share commits (`Batcher`): what comes while a batch is
being written forms the next one. Each is acknowledged after its commit, with its own count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chatserver.batcher import Batcher
from chatserver.errors import not_found
from chatserver.requests import Asks, Requests
from chatserver.session import Caller
from chatserver.status_updates import Status, StatusUpdates
from chatserver.store import Database, Record
from schemas.messages import Receipt, Updated

# How many bytes of receipts may wait for the database: some ten thousand of the usual size.
_BOUND = 4 * 1024 * 1024
# What a receipt takes, and each message that it names.
_OVERHEAD = 400
_PER_MESSAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A receipt as it is to be written: of a conversation up to a seq, or of messages."""

    user_id: str
    status: Status
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
        self._batcher: Batcher[Mark, Marked] = Batcher(
            self._write_batch,
            # A person's receipts lock the same rows.
            key=lambda mark: mark.user_id,
            weigh=lambda mark: mark.weight,
            bound=_BOUND,
        )

    async def mark(self, caller: Caller, cmd: Receipt, status: Status) -> Updated:
        """Mark what a receipt names; the caller's own messages are passed over.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for a conversation or message that the caller may not see, or
                one that is erased: then nothing is marked. IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        mark = Mark(
            user_id=caller.user_id,
            status=status,
            conversation_id=cmd.conversation_id,
            up_to_seq=cmd.up_to_seq,
            message_ids=cmd.message_ids or ((cmd.message_id,) if cmd.message_id else ()),
        )
        if caller.request is None:
            marked = _allowed(await self._batcher.ask(mark))
        else:
            # What is kept for a repetition is written in the same transaction: this one is no batch's.
            async with self._requests.once(caller) as work:
                if work.kept is not None:
                    return Updated(updated_count=work.kept["updatedCount"])
                marked = _allowed((await _write(work.asks, [mark]))[0])
                await work.keep({"updatedCount": _count(marked)})
        for row in marked:
            self._updates.add(caller.user_id, row["conversation_id"], row, status=status)
        return Updated(updated_count=_count(marked))

    async def finish(self) -> None:
        """Wait until every receipt that came is answered."""
        await self._batcher.finish()

    async def _write_batch(self, marks: Sequence[Mark]) -> list[Marked | Exception]:
        return [*await _write(self._db, marks)]


async def _write(asks: Asks, marks: Sequence[Mark]) -> list[Marked]:
    named = [(nth, id_) for nth, mark in enumerate(marks, start=1) for id_ in mark.message_ids]
    rows = await asks.all(
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


def _allowed(marked: Marked) -> Marked:
    """The rows of a receipt that was written.

    Raises:
        ChatError: RESOURCE_NOT_FOUND
    """
    for row in marked:
        if row["verdict"] != "done":
            raise not_found(row["verdict"].removeprefix("no_"))
    return marked


def _count(marked: Marked) -> int:
    return sum(row["count"] for row in marked)
