"""Reads a conversation: pages of its messages, the pinned ones, and the events after a seq."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from chatserver.core.caller import Caller
from chatserver.core.encoding import Received
from chatserver.core.errors import not_found
from chatserver.delivery import Event
from chatserver.log import Log
from chatserver.resources import REACTION_BYTES, MessageReader, fitting, fitting_messages
from chatserver.schemas.history import History, HistoryAsk, LoggedEvent, Synced
from chatserver.schemas.pins import Pins, PinsAsk
from chatserver.schemas.resources import HistoryPage, Message, Page
from chatserver.store import Database, Record

# No conversation has so many messages; PostgreSQL knows no numbers of more than 64 bits.
_FARTHEST = 2**62
# How many pages of what is hidden one sync passes over at most, and of how many events: with more, it is a reload.
_PAGES_OF_HIDDEN = 20
_EVENTS_OF_HIDDEN = 1_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a member may read of a conversation: numbers after ``hidden_number``, seqs after ``hidden_seq``."""

    hidden_seq: int
    hidden_number: int
    last_number: int
    pruned_seq: int
    deleted: int


class HistoryReader:
    """Reads conversations for their members.

    Args:
        on_read: told how many hidden events a sync has passed over.

    Raises (all methods):
        ChatError: RESOURCE_NOT_FOUND for a conversation that the caller may not see; UNAVAILABLE
    """

    def __init__(
        self,
        db: Database,
        reader: MessageReader,
        log: Log,
        on_read: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        self._on_read = on_read
        self._db = db
        self._reader = reader
        self._log = log

    async def history(self, caller: Caller, cmd: HistoryAsk) -> History:
        """Return a page of messages, oldest first.

        An offset counts from the newest message. Messages that the caller deleted for themselves keep their
        place in it, so that pages neither overlap nor skip; such a page is shorter than its limit. Any page ends
        after about a mebibyte, one by an offset with the newest of it: ``next_before_seq`` goes on.
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
            count = fitting_messages(rows, cmd.limit)
            has_more, rows = count < len(rows), rows[:count]
        elif cmd.before_seq is not None:
            count = fitting_messages(rows, cmd.limit)
            has_more, rows = count < len(rows), rows[:count][::-1]
        else:
            # The newest of them, where they are too long together.
            count = fitting_messages(rows[::-1], cmd.limit)
            has_more = count < len(rows) or bottom > bounds.hidden_number
            rows = rows[len(rows) - count :]
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
        """Return a page of the pinned messages that the caller sees, the last one pinned first."""
        counted = await self._db.one("pin_count", caller.user_id, cmd.conversation_id)
        if counted is None:
            raise not_found("conversation")
        rows = await self._db.all(
            "pins", caller.user_id, cmd.conversation_id, cmd.limit, cmd.offset
        )
        rows = rows[: fitting_messages(rows, cmd.limit)]
        has_more = cmd.offset + len(rows) < counted["total"]
        return Pins(
            messages=await self._reader.resources(rows),
            total=counted["total"],
            pagination=Page(limit=cmd.limit, offset=cmd.offset, has_more=has_more),
        )

    async def sync(
        self, caller: Caller, conversation_id: UUID, after_seq: int, limit: int
    ) -> Synced:
        """Return what happened after a seq, without what the caller has hidden or deleted for themselves since."""
        bounds = await self._bounds(caller, conversation_id)
        if after_seq < bounds.pruned_seq:
            return Synced(events=(), has_more=False, limited=True)
        for page in range(_PAGES_OF_HIDDEN):
            most = limit if page == 0 else _EVENTS_OF_HIDDEN
            rows = await self._db.all("events_after", conversation_id, after_seq, most + 1)
            count = fitting(row["bytes"] for row in rows[:most])
            has_more, rows = count < len(rows), rows[:count]
            if page > 0:
                self._on_read(count)
            events = await self._log.visible(caller.user_id, conversation_id, rows)
            if events or not has_more:
                break
            # All of it is hidden: nothing in the answer would say where to go on.
            after_seq = rows[-1]["seq"]
        else:
            return Synced(events=(), has_more=False, limited=True)
        shown = fitting(map(_shown_size, events[:limit]))
        return Synced(
            events=tuple(
                LoggedEvent(event=event.name, data=event.payload_for(caller.user_id))
                for event in events[:shown]
            ),
            has_more=has_more or shown < len(events),
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


def _shown_size(event: Event) -> int:
    """Return about how many bytes an event takes; an edit shows its message whole, with all its reactions."""
    data = event.payload
    message: Message | None = data.message if isinstance(data, Received) else data.get("message")
    if message is None:
        return 0
    text = message.content or message.content_encrypted or ""
    return len(text) + REACTION_BYTES * len(message.reactions)
