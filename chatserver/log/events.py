"""Says what each kind of event in the log looks like as a push: one row of `KINDS` per kind.

Live and replayed pushes are made here alike: a mutation commits its event, and it is handed on as it is
read from the log. (Only ``chat:message_received`` of a send, the hot path, is made without reading.)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chatserver.core.caller import User
from chatserver.core.encoding import Received
from chatserver.schemas.blocks import ConversationBlocked, UserBlocked
from chatserver.schemas.conversations import ConversationCreated
from chatserver.schemas.files import FileUpdated
from chatserver.schemas.messages import MessageDeleted, MessageDeletedForSelf, MessageEdited
from chatserver.schemas.own_views import ConversationOwnView
from chatserver.schemas.pins import MessagePinned
from chatserver.schemas.reactions import ReactionAdded, ReactionRemoved
from chatserver.schemas.resources import (
    ConversationSettings,
    Message,
    Reaction,
    SharedConversation,
)
from chatserver.schemas.settings import ConversationSettingsUpdated
from chatserver.store import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An event's row with what its push needs.

    ``message`` is the row's message as it is now, ``conversation`` the stream's as it stood then, and
    ``names`` has everybody whom the kind's ``people`` named.
    """

    conversation_id: str
    seq: int
    actor_id: str
    message_id: str | None
    payload: Mapping[str, Any]
    message: Message | None = None
    conversation: SharedConversation | None = None
    names: Mapping[str, User] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How one kind of event becomes its push."""

    push: Callable[[Logged], object]
    message: bool = False
    conversation: bool = False
    # What the people who join by the event get instead, where that is something else.
    welcome: Callable[[Logged], object] | None = None
    # The ids of the people whose names the push carries.
    people: Callable[[Record], tuple[str, ...]] = lambda _row: ()


def _message_received(event: Logged) -> Received:
    assert event.message is not None  # its kind asks for it
    return Received(event.message)


def _about_message(event: Logged) -> dict[str, Any]:
    return {
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "message_id": event.message_id,
    }


def _message_edited(event: Logged) -> MessageEdited:
    assert event.message is not None  # its kind asks for it
    return MessageEdited(**_about_message(event), message=event.message)


def _message_deleted(event: Logged) -> MessageDeleted:
    return MessageDeleted(
        **_about_message(event), delete_for_everyone=True, deleted_by=event.actor_id
    )


def _message_deleted_for_self(event: Logged) -> MessageDeletedForSelf:
    return MessageDeletedForSelf(
        conversation_id=event.payload["conversationId"],
        message_id=event.payload["messageId"],
        delete_for_everyone=False,
        personal_seq=event.seq,
    )


def _file_updated(event: Logged) -> FileUpdated:
    assert event.message is not None  # its kind asks for it
    found = (file for file in event.message.files if file.id == event.payload["fileId"])
    return FileUpdated(**_about_message(event), file=next(found, None))


def _reaction_added(event: Logged) -> ReactionAdded:
    # The reaction as it was set; later events say what became of it.
    reaction = Reaction(
        user_id=event.actor_id,
        username=event.names[event.actor_id].username,
        reaction=event.payload["reaction"],
    )
    return ReactionAdded(**_about_message(event), reaction=reaction)


def _reaction_removed(event: Logged) -> ReactionRemoved:
    return ReactionRemoved(**_about_message(event), user_id=event.actor_id)


def _message_pinned(event: Logged) -> MessagePinned:
    return MessagePinned(**_about_message(event), by=event.actor_id)


def _conversation_blocked(event: Logged) -> ConversationBlocked:
    return ConversationBlocked(
        conversation_id=event.conversation_id,
        seq=event.seq,
        blocked=event.payload["blocked"],
        blocked_by=event.payload["blockedBy"],
    )


def _actor(row: Record) -> tuple[str, ...]:
    return (row["actor_id"],)


def _conversation_created(event: Logged) -> ConversationCreated:
    assert event.conversation is not None  # its kind asks for it
    return ConversationCreated(
        conversation_id=event.conversation_id,
        seq=event.seq,
        conversation=event.conversation,
        by=event.actor_id,
    )


def _conversation_own_view(event: Logged) -> ConversationOwnView:
    return ConversationOwnView(
        conversation_id=event.payload["conversationId"],
        up_to_seq=event.payload["upToSeq"],
        personal_seq=event.seq,
    )


def _settings_updated(event: Logged) -> ConversationSettingsUpdated:
    return ConversationSettingsUpdated(
        conversation_id=event.payload["conversationId"],
        settings=ConversationSettings(**event.payload["settings"]),
        personal_seq=event.seq,
    )


def _user_blocked(event: Logged) -> UserBlocked:
    return UserBlocked(user_id=event.payload["userId"], personal_seq=event.seq)


KINDS: dict[str, Kind] = {
    "chat:message_received": Kind(push=_message_received, message=True),
    "chat:message_edited": Kind(push=_message_edited, message=True),
    "chat:message_deleted": Kind(push=_message_deleted),
    "chat:file_updated": Kind(push=_file_updated, message=True),
    "chat:reaction_added": Kind(push=_reaction_added, people=_actor),
    "chat:reaction_removed": Kind(push=_reaction_removed),
    "chat:message_pinned": Kind(push=_message_pinned),
    "chat:message_unpinned": Kind(push=_message_pinned),
    "chat:conversation_created": Kind(push=_conversation_created, conversation=True),
    "chat:conversation_blocked": Kind(push=_conversation_blocked),
}

# The kinds of the personal streams.
PERSONAL_KINDS: dict[str, Kind] = {
    "chat:message_deleted": Kind(push=_message_deleted_for_self),
    "chat:conversation_deleted": Kind(push=_conversation_own_view),
    "chat:conversation_marked_unread": Kind(push=_conversation_own_view),
    "chat:conversation_settings_updated": Kind(push=_settings_updated),
    "user:blocked": Kind(push=_user_blocked),
    "user:unblocked": Kind(push=_user_blocked),
}
