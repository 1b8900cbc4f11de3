"""What these clients are told by themselves: every push of the main door in the words of messaging-api.md, or why
it has none.
"""

from collections.abc import Sequence
from typing import Any

from chatserver import schemas
from chatserver.core.encoding import Received
from chatserver.delivery import Frame
from chatserver.doors.messaging import shapes
from chatserver.doors.messaging.hidden import HIDDEN
from chatserver.doors.messaging.ids import direct_id, group_id
from chatserver.doors.words import (
    Computed,
    Fact,
    Fields,
    Maybe,
    Pushes,
    Shown,
    is_direct,
    is_group,
)

# -- what many have -------------------------------------------------------------------------------


def _direct_id(conversation_id: str, users: Sequence[str], product_id: str | None) -> str:
    named = direct_id(*users) if len(users) == 2 and product_id is None else None
    return named or conversation_id


def _named(
    conversation_id: str, kind: str | None, users: Sequence[str], product_id: str | None
) -> str:
    if kind == "group":
        return group_id(conversation_id)
    return _direct_id(conversation_id, users, product_id)


def _group_only(conversation_id: str, kind: str | None) -> str | None:
    return group_id(conversation_id) if kind == "group" else None


_ABOUT = (Fact("users"), Fact("product_id"))
_TYPE = Fact("conversation_type")
_DIRECT = Computed(_direct_id, "conversationId", *_ABOUT)
_AT = {"timestamp": Fact("at")}
# Which message it is about, and in which conversation, which a group is too.
_MESSAGE: Fields = {
    "messageId": "messageId",
    "conversationId": Computed(_named, "conversationId", _TYPE, *_ABOUT),
    "groupId": Maybe(Computed(_group_only, "conversationId", _TYPE)),
}
_GROUP: Fields = {"groupId": Computed(group_id, "conversationId")}
_MEMBER: Fields = {**_GROUP, "userId": "user.user_id"}


def _private(
    message: shapes.Resource, conversation_id: str, users: Sequence[str], product_id: str | None
) -> shapes.Body:
    return shapes.private_message(message, _direct_id(conversation_id, users, product_id))


def _whole(frame: Frame) -> Any:
    return frame.payload.message if isinstance(frame.payload, Received) else frame.payload


def _stands(frame: Frame) -> bool:
    """Return whether a message was not erased since: the messaging system has no tombstones."""
    message = _whole(frame)
    return not message.get("message", message)["is_deleted"]


def _is_read(frame: Frame) -> bool:
    """Return whether a push is of a message by its id, which is all that these clients understand."""
    return frame.payload["status"] == "read" and frame.payload.get("messageId") is not None


def _text(text: str | None) -> str:
    return text or ""


# -- the tables -----------------------------------------------------------------------------------

_MESSAGES = (
    Shown(
        push="chat:message_received",
        type="new_private_message",
        when=lambda frame: is_direct(frame) and _stands(frame),
        fields={
            "message": Computed(_private, Fact("whole"), "conversation_id", *_ABOUT),
            "messageId": "id",
            "conversationId": Computed(_direct_id, "conversation_id", *_ABOUT),
            "timestamp": "created_at",
        },
    ),
    Shown(
        push="chat:message_received",
        type="new_group_message",
        when=lambda frame: is_group(frame) and _stands(frame),
        fields={
            "message": Computed(shapes.group_message, Fact("whole"), "conversation_id"),
            "timestamp": "created_at",
        },
    ),
    Shown(
        push="chat:message_edited",
        type="message_edited",
        when=_stands,
        fields={
            **_MESSAGE,
            "message": Computed(shapes.edited_message, "message"),
            "timestamp": "message.edited_at",
        },
    ),
    Shown(
        push="chat:message_deleted",
        type="message_deleted",
        fields={
            **_MESSAGE,
            "deleteForEveryone": "deleteForEveryone",
            "deletedBy": "deletedBy",
            **_AT,
        },
    ),
    Shown(
        push="chat:message_deleted",
        personal=True,
        type="message_deleted",
        fields={**_MESSAGE, "deleteForEveryone": "deleteForEveryone", **_AT},
    ),
    Shown(
        push="chat:reaction_added",
        type="reaction_added",
        fields={**_MESSAGE, "reaction": Computed(shapes.reaction, "reaction"), **_AT},
    ),
    Shown(
        push="chat:reaction_removed",
        type="reaction_removed",
        fields={**_MESSAGE, "userId": "userId", **_AT},
    ),
    Shown(
        push="chat:message_pinned",
        type="message_pinned",
        fields={**_MESSAGE, "pinnedBy": "by", **_AT},
    ),
    Shown(
        push="chat:message_unpinned",
        type="message_unpinned",
        fields={**_MESSAGE, "unpinnedBy": "by", **_AT},
    ),
    Shown(
        push="chat:message_status_updated",
        type="message_read",
        when=_is_read,
        fields={**_MESSAGE, "readBy": "userId", "timestamp": "timestamp"},
    ),
    Shown(
        push="chat:mentioned",
        type="mentioned_in_group",
        fields={
            "messageId": "messageId",
            **_GROUP,
            "message": Computed(shapes.group_message, "message", "conversationId"),
            "mentionedBy": "mentionedBy",
            "mentionedByUsername": "mentionedByUsername",
            "timestamp": "message.created_at",
        },
    ),
    Shown(
        push="chat:user_typing",
        type="user_typing",
        # They know of nobody but their counterpart who types: in a group it would show in the wrong place.
        when=is_direct,
        fields={
            "userId": "userId",
            "username": "username",
            "isTyping": "isTyping",
            "conversationId": _DIRECT,
            "timestamp": "timestamp",
        },
    ),
    Shown(
        push="chat:conversation_deleted",
        personal=True,
        type="conversation_deleted",
        fields={"conversationId": _MESSAGE["conversationId"], **_AT},
    ),
)

_GROUPS = (
    Shown(
        push="group:created",
        type="group_created",
        fields={**_GROUP, "groupName": "conversation.title", "createdBy": "by", **_AT},
    ),
    Shown(
        push="group:info_updated",
        type="group_info_updated",
        fields={
            **_GROUP,
            "groupName": "conversation.title",
            "groupDescription": Computed(_text, "conversation.description"),
            "updatedBy": "by",
            **_AT,
        },
    ),
    Shown(
        push="group:deleted",
        type="group_deleted",
        fields={**_GROUP, "deletedBy": "by", **_AT},
    ),
    Shown(
        push="group:member_added",
        type="member_added",
        fields={
            **_GROUP,
            "user": {"userId": "user.user_id", "username": "user.username"},
            "addedBy": "by",
            # For whoever was added.
            "group": Maybe(Computed(shapes.group_or_none, "conversation")),
            **_AT,
        },
    ),
    Shown(
        push="group:member_removed",
        type="member_removed",
        fields={**_MEMBER, "removedBy": "by", **_AT},
    ),
    Shown(push="group:member_left", type="member_left", fields={**_MEMBER, **_AT}),
    Shown(
        push="group:member_promoted",
        type="member_promoted",
        fields={**_MEMBER, "newRole": "role", "promotedBy": "by", **_AT},
    ),
    Shown(
        push="group:member_demoted",
        type="member_demoted",
        fields={**_MEMBER, "newRole": "role", "demotedBy": "by", **_AT},
    ),
    # With ``newRole`` "owner".
    Shown(
        push="group:owner_changed",
        type="member_promoted",
        fields={**_MEMBER, "newRole": "role", "promotedBy": "by", **_AT},
    ),
)


def _is(status: str) -> Any:
    return lambda frame: frame.payload["status"] == status


_USER: Fields = {
    "user": {
        "id": "userId",
        "userId": "userId",
        "username": Fact("actor.username"),
        "displayName": Fact("actor.display_name"),
    },
    "timestamp": "timestamp",
}

_PEOPLE = (
    Shown(push="user:status_changed", type="user_online", when=_is("online"), fields=_USER),
    Shown(push="user:status_changed", type="user_offline", when=_is("offline"), fields=_USER),
)

SHOWN = (*_MESSAGES, *_GROUPS, *_PEOPLE)
PUSHES = Pushes(schemas.PUSHES, (*SHOWN, *HIDDEN))
