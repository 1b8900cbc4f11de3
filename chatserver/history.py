"""Reading a conversation: pages of its messages, those pinned, and the events after a seq."""

from dataclasses import dataclass
from uuid import UUID

from chatserver.errors import not_found
from chatserver.log import Log
from chatserver.messages import MessageReader
from chatserver.session import Caller
from chatserver.store import Database, Record
from schemas.conversations import History, HistoryAsk, LoggedEvent, Pins, PinsAsk, Synced
from schemas.resources import HistoryPage, Page

# No conversation has so many messages; numbers of more than 64 bits are none to PostgreSQL.
_FARTHEST = 2**62


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a member may read of a conversation: numbers after ``hidden_number``, seqs after ``hidden_seq``."""

    hidden_seq: int
    hidden_number: int
    last_number: int
    pruned_seq: int
    deleted: int


class Reading:
    """Reads conversations for their members.

    Raises (all methods):
        ChatError: RESOURCE_NOT_FOUND for a conversation that the caller may not see; UNAVAILABLE
    """

    def __init__(self, db: Database, reader: MessageReader, log: Log) -> None:
        self._db = db
        self._reader = reader
        self._log = log

    async def history(self, caller: Caller, cmd: HistoryAsk) -> History:
        """A page of messages, oldest first.

        An offset counts from the newest message. Messages that the caller deleted for themselves keep
        their place in it, so that pages neither overlap nor skip; such a page is shorter than its limit.
        """
        args = (caller.user_id, cmd.conversation_id)
        if cmd.after_seq is not None:
            found = await self._db.all("history_after", *args, cmd.after_seq, cmd.limit + 1)
        elif cmd.before_seq is not None:
            found = await self._db.all("history_before", *args, cmd.before_seq, cmd.limit + 1)
        else:
            # Beyond the first message there are no numbers, whatever the offset.
            offset = min(cmd.offset or 0, _FARTHEST)
            found = await self._db.all("history_numbered", *args, offset, cmd.limit)
        if not found:
            raise not_found("conversation")
        bounds = _bounds(found[0])
        total = bounds.last_number - bounds.hidden_number
        rows = found if found[0]["id"] is not None else []
        bottom = max(bounds.last_number - (cmd.offset or 0) - cmd.limit, bounds.hidden_number)
        if cmd.after_seq is not None:
            has_more, rows = len(rows) > cmd.limit, rows[: cmd.limit]
        elif cmd.before_seq is not None:
            has_more, rows = len(rows) > cmd.limit, rows[: cmd.limit][::-1]
        else:
            has_more = bottom > bounds.hidden_number
        if rows:
            earlier = rows[0] if rows[0]["number"] > bounds.hidden_number + 1 else None
        elif has_more:
            # The caller deleted this whole page for themselves: the one before it begins where this one would.
            earlier = await self._db.one("message_numbered", cmd.conversation_id, bottom + 1)
        else:
            earlier = None
        return History(
            messages=await self._reader.resources(rows),
            total=total - bounds.deleted,
            pagination=HistoryPage(
                limit=cmd.limit,
                offset=cmd.offset or 0,
                has_more=has_more,
                next_before_seq=earlier["seq"] if earlier else None,
            ),
        )

    async def pins(self, caller: Caller, cmd: PinsAsk) -> Pins:
        """A page of the pinned messages that the caller sees, the last one pinned first."""
        counted = await self._db.one("pin_count", caller.user_id, cmd.conversation_id)
        if counted is None:
            raise not_found("conversation")
        rows = await self._db.all(
            "pins", caller.user_id, cmd.conversation_id, cmd.limit, cmd.offset
        )
        has_more = cmd.offset + len(rows) < counted["total"]
        return Pins(
            messages=await self._reader.resources(rows),
            total=counted["total"],
            pagination=Page(limit=cmd.limit, offset=cmd.offset, has_more=has_more),
        )

    async def sync(
        self, caller: Caller, conversation_id: UUID, after_seq: int, limit: int
    ) -> Synced:
        """What happened after a seq, without what the caller has hidden or deleted for themselves since."""
        bounds = await self._bounds(caller, conversation_id)
        if after_seq < bounds.pruned_seq:
            return Synced(events=(), has_more=False, limited=True)
        rows = await self._db.all("events_after", conversation_id, after_seq, limit + 1)
        has_more, rows = len(rows) > limit, rows[:limit]
        events = await self._log.visible(caller.user_id, conversation_id, rows)
        return Synced(
            events=tuple(
                LoggedEvent(event=event.name, data=event.payload_for(caller.user_id))
                for event in events
            ),
            has_more=has_more,
            limited=False,
        )

    async def _bounds(self, caller: Caller, conversation_id: UUID) -> Bounds:
        row = await self._db.one("history_bounds", caller.user_id, conversation_id)
        if row is None:
            raise not_found("conversation")
        return _bounds(row)


def _bounds(row: Record) -> Bounds:
    return Bounds(
        row["hidden_seq"],
        row["hidden_number"],
        row["last_number"],
        row["pruned_seq"],
        row["deleted"],
    )
