"""Reading the log: its rows as the pushes that they are now."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from chatserver.conversations import Conversations
from chatserver.delivery import Event, conversation_room, user_room
from chatserver.messages import MessageReader
from chatserver.store import Database, Record
from schemas.conversations import ConversationCreated
from schemas.messages import MessageReceived
from schemas.resources import Message, SharedConversation
from schemas.user import UserBlocked
from schemas.wire import payload


def message_received(message: Message) -> Any:
    """What ``chat:message_received`` carries."""
    values = {name: getattr(message, name) for name in Message.__slots__}
    return MessageReceived(**values, conversationId=message.conversation_id)


class Log:
    """Reads streams of events.

    Raises (all methods):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(self, db: Database, reader: MessageReader, conversations: Conversations) -> None:
        self._db = db
        self._reader = reader
        self._conversations = conversations

    async def epoch(self) -> str:
        """The name of the one history that seqs and offsets are valid in."""
        row = await self._db.one("epoch")
        assert row is not None  # the migration that made the table wrote it
        return f"{row['system_identifier']}-{row['timeline']}-{row['generation']}"

    async def positions(self, user_id: str) -> list[tuple[str, int]]:
        """The rooms of a user, and the last seq of each one's stream, in one snapshot."""
        rows = await self._db.all("positions", user_id)
        return [(row["room"], row["seq"]) for row in rows]

    async def between(self, room: str, after: int, up_to: int) -> list[Event]:
        """The events of a room's stream after one seq, up to another."""
        kind, _, key = room.partition(":")
        if kind == "conversation":
            rows = await self._db.all("events_between", UUID(key), after, up_to)
            return await self.conversation_events(UUID(key), rows)
        rows = await self._db.all("personal_events_between", key, after, up_to)
        return [self._personal(key, row) for row in rows]

    async def conversation_events(
        self, conversation_id: UUID, rows: Sequence[Record]
    ) -> list[Event]:
        """Rows of ``events`` of a conversation as events to hand on, with messages as they are now."""
        seqs = [row["seq"] for row in rows if row["kind"] == "chat:message_received"]
        found = await self._db.all("messages_at", conversation_id, seqs) if seqs else []
        messages = {message.seq: message for message in await self._reader.resources(found)}
        shared: SharedConversation | None = None
        if any(row["kind"] in _CARRY_CONVERSATION for row in rows):
            shared = await self._conversations.for_push(conversation_id)
        events = []
        for row in rows:
            if row["kind"] == "chat:message_received":
                data = message_received(messages[row["seq"]])
            else:
                data = payload(_PAYLOADS[row["kind"]](conversation_id, row, shared))
            events.append(
                Event(
                    room=conversation_room(conversation_id),
                    seq=row["seq"],
                    name=row["kind"],
                    payload=data,
                    joined=tuple(row["payload"].get("joined", ())),
                    left=tuple(row["payload"].get("left", ())),
                )
            )
        return events

    @staticmethod
    def _personal(user_id: str, row: Record) -> Event:
        data = UserBlocked(user_id=row["payload"]["userId"], personal_seq=row["seq"])
        return Event(
            room=user_room(user_id), seq=row["seq"], name=row["kind"], payload=payload(data)
        )


def _conversation_created(
    conversation_id: UUID, row: Record, shared: SharedConversation | None
) -> Any:
    assert shared is not None
    return ConversationCreated(
        conversation_id=str(conversation_id),
        seq=row["seq"],
        conversation=shared,
        by=row["actor_id"],
    )


_PAYLOADS: dict[str, Callable[[UUID, Record, SharedConversation | None], Any]] = {
    "chat:conversation_created": _conversation_created,
}
_CARRY_CONVERSATION = frozenset({"chat:conversation_created"})
