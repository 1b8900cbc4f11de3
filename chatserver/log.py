"""Reading the log: its rows as the pushes that they are now."""

from collections.abc import Sequence
from uuid import UUID

from chatserver.conversations import Conversations
from chatserver.delivery import Delivery
from chatserver.directory import Directory
from chatserver.encoding import Received
from chatserver.events import KINDS, PERSONAL_KINDS, Logged
from chatserver.events_group import GROUP_KINDS
from chatserver.messages import MessageReader
from chatserver.pushes import Event, conversation_room, user_room
from chatserver.session import User
from chatserver.store import Database, Record
from schemas.resources import Message, SharedConversation
from schemas.wire import payload

_KINDS = KINDS | GROUP_KINDS
_MESSAGE = "chat:message_received"


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
    ) -> None:
        self._db = db
        self._directory = directory
        self._reader = reader
        self._conversations = conversations

    async def epoch(self) -> str:
        """The name of the one history that seqs and offsets are valid in."""
        row = await self._db.one("epoch")
        assert row is not None  # it always answers
        epoch: str = row["epoch"]
        return epoch

    async def between(self, room: str, after: int, up_to: int) -> list[Event]:
        """The events of a room's stream after one seq, up to another."""
        kind, _, key = room.partition(":")
        if kind == "conversation":
            rows = await self._db.all("events_between", UUID(key), after, up_to)
            return await self.conversation_events(UUID(key), rows)
        rows = await self._db.all("personal_events_between", key, after, up_to)
        return [_personal_event(key, row) for row in rows]

    async def visible_between(self, user_id: str, room: str, after: int, up_to: int) -> list[Event]:
        """`between`, without the events of messages that a user has hidden or deleted for themselves."""
        kind, _, key = room.partition(":")
        if kind != "conversation":
            return await self.between(room, after, up_to)
        conversation_id = UUID(key)
        rows = await self._db.all("visible_events_between", conversation_id, after, up_to, user_id)
        return await self._shown_to(user_id, conversation_id, rows)

    async def visible(
        self, user_id: str, conversation_id: UUID, rows: Sequence[Record]
    ) -> list[Event]:
        """`conversation_events` of those rows whose messages a user has neither hidden nor deleted."""
        named = [row["message_id"] for row in rows if row["message_id"]]
        found = (
            await self._db.all("hidden_messages", user_id, conversation_id, named) if named else []
        )
        gone = {row["id"] for row in found}
        return await self._shown_to(
            user_id, conversation_id, [row for row in rows if row["message_id"] not in gone]
        )

    async def _shown_to(
        self, user_id: str, conversation_id: UUID, rows: Sequence[Record]
    ) -> list[Event]:
        hidden = (
            await self._db.one("hidden_seq", user_id, conversation_id)
            if any(_KINDS[row["kind"]].conversation for row in rows)
            else None
        )
        return await self.conversation_events(
            conversation_id, rows, hidden_seq=hidden["seq"] if hidden else 0
        )

    async def conversation_events(
        self, conversation_id: UUID, rows: Sequence[Record], hidden_seq: int = 0
    ) -> list[Event]:
        """Rows of ``events`` of a conversation as events to hand on, with everything as it is now.

        Args:
            hidden_seq: no conversation shows a message up to it as its last: its reader has hidden these.
        """
        # Nearly all events are messages, and a client that comes back is sent many: they take the short way.
        others = [row for row in rows if row["kind"] != _MESSAGE]
        wanted = [row["message_id"] for row in rows if _KINDS[row["kind"]].message]
        messages = await self._messages(conversation_id, wanted)
        states = {
            row["seq"]: row["payload"].get("conversation", {})
            for row in others
            if _KINDS[row["kind"]].conversation
        }
        shown = (
            await self._conversations.for_push(conversation_id, states, hidden_seq)
            if states
            else {}
        )
        people = {p for row in others for p in _KINDS[row["kind"]].people(row)}
        names = await self._directory.names(people)
        room = conversation_room(conversation_id)
        events = []
        for row in rows:
            message = messages.get(row["message_id"])
            if row["kind"] == _MESSAGE and message is not None:
                event = Event(room, row["seq"], _MESSAGE, Received(message), row["created_at"])
            else:
                event = _event(room, conversation_id, row, message, shown.get(row["seq"]), names)
            events.append(event)
        return events

    async def _messages(self, conversation_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Message]:
        if not ids:
            return {}
        rows = await self._db.all("messages_of", conversation_id, ids)
        resources = await self._reader.resources(rows)
        return {row["id"]: message for row, message in zip(rows, resources, strict=True)}


class Publisher:
    """Hands on what was committed: commit, then speak."""

    def __init__(self, log: Log, delivery: Delivery) -> None:
        self._log = log
        self._delivery = delivery

    async def conversation(
        self, conversation_id: UUID, seq: int, last_seq: int | None = None
    ) -> None:
        """Hand on the event of a conversation that was committed with this seq, or those up to another."""
        await self._publish(conversation_room(conversation_id), seq, last_seq or seq)

    async def person(self, user_id: str, seq: int) -> None:
        """Hand on the event of a person's own stream that was committed with this seq."""
        await self._publish(user_room(user_id), seq, seq)

    async def _publish(self, room: str, seq: int, last_seq: int) -> None:
        for event in await self._log.between(room, seq - 1, last_seq):
            self._delivery.publish(event)


def _event(
    room: str,
    conversation_id: UUID,
    row: Record,
    message: Message | None,
    conversation: SharedConversation | None,
    names: dict[str, User],
) -> Event:
    kind = _KINDS[row["kind"]]
    logged = Logged(
        conversation_id=str(conversation_id),
        seq=row["seq"],
        actor_id=row["actor_id"],
        message_id=str(row["message_id"]) if row["message_id"] else None,
        payload=row["payload"],
        message=message,
        conversation=conversation,
        names=names,
    )
    return Event(
        room=room,
        seq=row["seq"],
        name=row["kind"],
        payload=payload(kind.push(logged)),
        created_at=row["created_at"],
        welcome=payload(kind.welcome(logged)) if kind.welcome else None,
        joined=tuple(row["payload"].get("joined", ())),
        left=tuple(row["payload"].get("left", ())),
    )


def _personal_event(user_id: str, row: Record) -> Event:
    kind = PERSONAL_KINDS[row["kind"]]
    logged = Logged(
        conversation_id="",
        seq=row["seq"],
        actor_id=row["actor_id"],
        message_id=str(row["message_id"]) if row["message_id"] else None,
        payload=row["payload"],
    )
    return Event(
        room=user_room(user_id),
        seq=row["seq"],
        name=row["kind"],
        payload=payload(kind.push(logged)),
        created_at=row["created_at"],
    )
