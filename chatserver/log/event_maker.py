"""Makes events of rows of the log, with everything that they show as it is now."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chatserver.core.about import NOTHING, About
from chatserver.core.caller import User
from chatserver.core.encoding import Received
from chatserver.delivery import Event, conversation_room, user_room
from chatserver.log.events import KINDS, PERSONAL_KINDS, Logged
from chatserver.log.events_group import GROUP_KINDS
from chatserver.resources import Abouts, Conversations, Directory
from chatserver.schemas.resources import Message, SharedConversation
from chatserver.schemas.wire import payload
from chatserver.store import Record

CONVERSATION_KINDS = KINDS | GROUP_KINDS
_MESSAGE = "chat:message_received"


class EventMaker:
    """Makes events of rows.

    Raises (all methods):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(self, directory: Directory, conversations: Conversations, abouts: Abouts) -> None:
        self._directory = directory
        self._conversations = conversations
        self._abouts = abouts

    async def events(
        self,
        rows: Mapping[UUID, Sequence[Record]],
        messages: Mapping[UUID, Message],
        hidden_seqs: Mapping[UUID, int],
        *,
        with_about: bool = True,
    ) -> list[Event]:
        """Return the events of rows, by their conversations, but those about a message that is not in `messages`.

        Args:
            hidden_seqs: no conversation says when a message up to it was posted: its reader has hidden these.
            with_about: whether anybody asks what they are about.
        """
        # Nearly all events are messages, and a client that comes back is sent many: they take the short way.
        others = {c: [row for row in some if row["kind"] != _MESSAGE] for c, some in rows.items()}
        states = {
            c: {
                row["seq"]: row["payload"].get("conversation", {})
                for row in some
                if CONVERSATION_KINDS[row["kind"]].conversation
            }
            for c, some in others.items()
        }
        states = {c: events for c, events in states.items() if events}
        shown = await self._conversations.for_push(states, hidden_seqs) if states else {}
        people = {
            p
            for some in others.values()
            for row in some
            for p in CONVERSATION_KINDS[row["kind"]].people(row)
        }
        abouts: Mapping[UUID, About] = {}
        if with_about:
            # The senders' names were just asked for: they are in memory.
            people |= {
                row["actor_id"]
                for some in rows.values()
                for row in some
                if CONVERSATION_KINDS[row["kind"]].message
            }
            abouts = await self._abouts.of_all(rows)
        names = await self._directory.names(people) if people else {}
        events = []
        for conversation_id, some in rows.items():
            room, about = conversation_room(conversation_id), abouts.get(conversation_id)
            for row in some:
                message = messages.get(row["message_id"])
                if message is None and CONVERSATION_KINDS[row["kind"]].message:
                    continue
                if row["kind"] == _MESSAGE:
                    assert message is not None  # just looked
                    event = Event(
                        room,
                        row["seq"],
                        _MESSAGE,
                        Received(message),
                        row["created_at"],
                        about=about and about.by(names[row["actor_id"]]),
                    )
                else:
                    conversation = shown.get((conversation_id, row["seq"]))
                    event = _event(room, conversation_id, row, message, conversation, names, about)
                events.append(event)
        return events

    async def personal_events(
        self, user_id: str, rows: Sequence[Record], *, with_about: bool = True
    ) -> list[Event]:
        """Return rows of ``events`` of a person's own stream as events to hand on."""
        if not with_about:
            return [_personal_event(user_id, row, None) for row in rows]
        talks = [
            None if named is None else UUID(named)
            for named in (row["payload"].get("conversationId") for row in rows)
        ]
        abouts = await self._abouts.of_all(talk for talk in talks if talk is not None)
        return [
            _personal_event(user_id, row, NOTHING if talk is None else abouts[talk])
            for row, talk in zip(rows, talks, strict=True)
        ]


def _event(
    room: str,
    conversation_id: UUID,
    row: Record,
    message: Message | None,
    conversation: SharedConversation | None,
    names: dict[str, User],
    about: About | None,
) -> Event:
    kind = CONVERSATION_KINDS[row["kind"]]
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
        about=about and about.by(names.get(row["actor_id"])),
    )


def _personal_event(user_id: str, row: Record, about: About | None) -> Event:
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
        about=about,
    )
