"""Reads the log: streams of events, as they are handed on to all or shown to one person."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from chatserver.config import ConfigError
from chatserver.delivery import Event, conversation_room, user_room
from chatserver.log.event_maker import CONVERSATION_KINDS, EventMaker
from chatserver.resources import Abouts, Conversations, Directory, MessageReader
from chatserver.schemas.resources import Message
from chatserver.store import Database, Record

# A page of messages is shown at once: no more bytes of them than this, unless one alone has more.
_PAGE_BYTES = 1024 * 1024


class LogRow(NamedTuple):
    """A row of ``events`` whose message, if it is about one, is not read yet."""

    room: str
    row: Record
    # Up to where its reader has hidden the conversation, and the bytes of its message.
    hidden_seq: int = 0
    size: int = 0


def in_pages(rows: Sequence[LogRow]) -> Iterator[Sequence[LogRow]]:
    """Split rows into those whose messages are read together."""
    start = size = 0
    for number, logged in enumerate(rows):
        if size and size + logged.size > _PAGE_BYTES:
            yield rows[start:number]
            start, size = number, 0
        size += logged.size
    if rows:
        yield rows[start:]


class Log:
    """Reads streams of events.

    Raises (all methods):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(
        self,
        db: Database,
        directory: Directory,
        reader: MessageReader,
        conversations: Conversations,
        abouts: Abouts,
    ) -> None:
        self._db = db
        self._reader = reader
        self._maker = EventMaker(directory, conversations, abouts)

    async def epoch(self) -> str:
        """Return the name of the one history in which seqs and offsets are valid.

        Raises:
            ConfigError: the database has lost its name, or has not got it yet.
        """
        row = await self._db.one("epoch")
        assert row is not None  # it always answers
        epoch: str | None = row["epoch"]
        if epoch is None:
            raise ConfigError(
                "DATABASE_URL leads to a database whose table log_epoch is empty: if it is being restored, "
                "start the server when that is done"
            )
        return epoch

    async def between(self, room: str, after: int, up_to: int) -> list[Event]:
        """Return the events of a room's stream after one seq, up to another."""
        kind, _, key = room.partition(":")
        if kind == "conversation":
            rows = await self._db.all("events_between", UUID(key), after, up_to)
            return await self.conversation_events(UUID(key), rows)
        rows = await self._db.all("personal_events_between", key, after, up_to)
        return await self._maker.personal_events(key, rows)

    async def ended(self, room: str, users: Collection[str], after: int) -> dict[str, int]:
        """Return those of some users who are in a room no longer, and the seqs of their ends.

        Only ends after a seq count, where messages have been changed since: these people may not see the changes.
        """
        kind, _, key = room.partition(":")
        if kind != "conversation" or not users:
            return {}
        rows = await self._db.all("ended_among", UUID(key), [*users], after)
        return {row["user_id"]: row["left_seq"] for row in rows}

    async def visible_among(
        self,
        user_id: str,
        stretches: Sequence[tuple[str, int, int]],
        *,
        within: float | None = None,
    ) -> list[LogRow]:
        """Return the events of several rooms, each after one seq up to another, that a user may see now.

        Those of messages that they have hidden or deleted for themselves are left out; of a conversation that
        they are no member of, all but the ends of their memberships are.

        Args:
            within: seconds that the database may take.
        """
        talks = [
            (UUID(room.partition(":")[2]), after, up_to)
            for room, after, up_to in stretches
            if room.startswith("conversation:")
        ]
        found: list[LogRow] = []
        if talks:
            ids, afters, ups = zip(*talks, strict=True)
            rows = await self._db.all(
                "visible_events_among", user_id, ids, afters, ups, within=within
            )
            found = [
                LogRow(
                    conversation_room(row["conversation_id"]),
                    row,
                    row["hidden_seq"],
                    row["size"] or 0,
                )
                for row in rows
            ]
        for room, after, up_to in stretches:
            if room.startswith("user:"):
                rows = await self._db.all("personal_events_between", user_id, after, up_to)
                found += [LogRow(room, row) for row in rows]
        return found

    async def shown_to(
        self, user_id: str, rows: Sequence[LogRow], *, with_about: bool
    ) -> list[Event]:
        """Return rows as events to hand on to one user, with everything as it is now, in their order.

        Those who stopped being members meanwhile are shown no message: it may have been edited since.

        Args:
            with_about: whether they are asked what they are about (`core.about`).
        """
        by_room: dict[str, list[LogRow]] = {}
        for logged in rows:
            by_room.setdefault(logged.room, []).append(logged)
        talks = {
            UUID(room.partition(":")[2]): some
            for room, some in by_room.items()
            if room.startswith("conversation:")
        }
        messages = await self._messages(
            [
                (conversation_id, logged.row["message_id"])
                for conversation_id, some in talks.items()
                for logged in some
                if CONVERSATION_KINDS[logged.row["kind"]].message
            ],
            reader=user_id,
        )
        made = await self._maker.events(
            {conversation_id: [r.row for r in some] for conversation_id, some in talks.items()},
            messages,
            {conversation_id: some[0].hidden_seq for conversation_id, some in talks.items()},
            with_about=with_about,
        )
        own = [logged.row for logged in by_room.get(user_room(user_id), ())]
        made += await self._maker.personal_events(user_id, own, with_about=with_about)
        found = {(event.room, event.seq): event for event in made}
        there = (found.get((logged.room, logged.row["seq"])) for logged in rows)
        return [event for event in there if event is not None]

    async def visible(
        self, user_id: str, conversation_id: UUID, rows: Sequence[Record]
    ) -> list[Event]:
        """Return those rows of a conversation, as events, whose messages a user has neither hidden nor deleted."""
        named = [row["message_id"] for row in rows if row["message_id"]]
        found = (
            await self._db.all("hidden_messages", user_id, conversation_id, named) if named else []
        )
        gone = {row["id"] for row in found}
        seen = [row for row in rows if row["message_id"] not in gone]
        hidden = (
            await self._db.one("hidden_seq", user_id, conversation_id)
            if any(CONVERSATION_KINDS[row["kind"]].conversation for row in seen)
            else None
        )
        room, hidden_seq = conversation_room(conversation_id), hidden["seq"] if hidden else 0
        logged = [LogRow(room, row, hidden_seq) for row in seen]
        return await self.shown_to(user_id, logged, with_about=False)

    async def conversation_events(
        self, conversation_id: UUID, rows: Sequence[Record]
    ) -> list[Event]:
        """Return rows of ``events`` of a conversation as events to hand on, with everything as it is now."""
        messages = await self._messages(
            [
                (conversation_id, row["message_id"])
                for row in rows
                if CONVERSATION_KINDS[row["kind"]].message
            ]
        )
        return await self._maker.events({conversation_id: rows}, messages, {})

    async def _messages(
        self, asked: Sequence[tuple[UUID, UUID]], reader: str | None = None
    ) -> dict[UUID, Message]:
        """Return the messages of (conversation, message); to a reader, those of conversations that they are in."""
        if not asked:
            return {}
        conversations, ids = zip(*asked, strict=True)
        one = conversations[0] if len(set(conversations)) == 1 else None
        if reader is None:
            # What is handed on to all is of one room.
            rows = await self._db.all("messages_of", conversations[0], ids)
        elif one is not None:
            rows = await self._db.all("shown_messages_of", reader, one, ids)
        else:
            rows = await self._db.all("shown_messages", reader, conversations, ids)
        resources = await self._reader.resources(rows)
        return {row["id"]: message for row, message in zip(rows, resources, strict=True)}
