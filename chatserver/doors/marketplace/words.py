"""The marketplace system's words: what its clients are told of each push, and what they ask by a SEND."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chatserver import schemas
from chatserver.core.about import About
from chatserver.core.encoding import Received
from chatserver.core.errors import ChatError, ErrorCode, invalid
from chatserver.delivery import Frame
from chatserver.doors.words import (
    Ask,
    Asks,
    Computed,
    Fact,
    Fields,
    Hidden,
    Maybe,
    Pushes,
    Shown,
    files,
    is_direct,
)
from chatserver.schemas.resources import Message

TOPIC = "/topic/conversation."
NOTIFICATIONS = "/user/queue/notifications"

# -- what they are told ---------------------------------------------------------------------------

MESSAGE: Fields = {
    "id": "id",
    "conversationId": "conversation_id",
    "senderId": "sender_id",
    "recipientId": "recipient_id",
    "productId": Fact("product_id"),
    "text": Computed(lambda content: content or "", "content"),
    "contentEncrypted": Maybe("content_encrypted"),
    "files": Maybe(Computed(files, "files")),
    "createdAt": "created_at",
    "read": Computed(lambda status: status == "read", "status"),
    "senderName": Fact("actor.display_name"),
    "senderEmail": Fact("actor.email"),
}


def _is_there(frame: Frame) -> bool:
    """Return whether a message is one of a direct conversation, and was not erased since."""
    said: Any = frame.payload.message if type(frame.payload) is Received else frame.payload
    return is_direct(frame) and not said["is_deleted"]


def _is_read(frame: Frame) -> bool:
    """Return whether a push names messages of a direct conversation that were read."""
    return is_direct(frame) and frame.payload["status"] == "read" and bool(_read(frame))


def _read(frame: Frame) -> Sequence[str]:
    """Return the messages that were read, also where they are too many for the push to name."""
    named: Sequence[str] = frame.payload["messageIds"]
    return named or (frame.about.messages if frame.about else ())


def _is_typing(frame: Frame) -> bool:
    return is_direct(frame) and bool(frame.payload["isTyping"])


_NO_EVENT = "The document has no event for it: what GET answers from then on shows it."
_NOT_SHOWN = "The document shows nothing of it."
_NO_GROUPS = "Groups do not appear."
_NO_REPLAY = "Nothing is replayed: those who come back ask GET."
_CLOSED = "The connection is closed, which says so."

PUSH_ROWS: tuple[Shown | Hidden, ...] = (
    Shown(
        "chat:message_received",
        "NEW_MESSAGE",
        {"conversationId": "conversation_id", "message": MESSAGE},
        when=_is_there,
    ),
    Shown(
        "chat:message_status_updated",
        "MESSAGE_READ",
        {"conversationId": "conversationId", "messageIds": "messageIds", "userId": "userId"},
        when=_is_read,
    ),
    Shown(
        "chat:user_typing",
        "USER_TYPING",
        {"conversationId": "conversationId", "userId": "userId"},
        when=_is_typing,
    ),
    Hidden("chat:message_edited", _NO_EVENT),
    Hidden("chat:message_deleted", _NO_EVENT),
    Hidden("chat:message_deleted", _NO_EVENT, personal=True),
    Hidden("chat:conversation_blocked", _NO_EVENT),
    Hidden("chat:conversation_created", "Its first message tells of it."),
    Hidden("chat:conversation_deleted", _NO_EVENT, personal=True),
    Hidden("chat:conversation_marked_unread", _NO_EVENT, personal=True),
    Hidden("user:blocked", _NO_EVENT, personal=True),
    Hidden("user:unblocked", _NO_EVENT, personal=True),
    Hidden("chat:file_updated", _NO_EVENT),
    Hidden("chat:reaction_added", _NOT_SHOWN),
    Hidden("chat:reaction_removed", _NOT_SHOWN),
    Hidden("chat:message_pinned", _NOT_SHOWN),
    Hidden("chat:message_unpinned", _NOT_SHOWN),
    Hidden("chat:conversation_settings_updated", _NOT_SHOWN, personal=True),
    Hidden("user:status_changed", _NOT_SHOWN),
    Hidden("chat:read_state", _NO_REPLAY),
    Hidden("session:offset", _NO_REPLAY),
    Hidden("chat:mentioned", _NO_GROUPS),
    *(Hidden(p.name, _NO_GROUPS) for p in schemas.PUSHES if p.name.startswith("group:")),
    Hidden("session:ready", "CONNECTED says so."),
    Hidden("session:expiring", "A token is renewed by connecting again."),
    Hidden("session:draining", _CLOSED),
    Hidden("error", "It is the ERROR frame."),
)
PUSHES = Pushes(schemas.PUSHES, PUSH_ROWS)


def show(frame: Frame) -> dict[str, Any] | None:
    """Return what is told of a push; None where it is not shown."""
    shown = PUSHES.show(frame)
    if shown is not None and shown["type"] == "MESSAGE_READ":
        shown["messageIds"] = _read(frame)
    return shown


def message(shown: Message, about: About) -> dict[str, Any] | None:
    """Return a message of a direct conversation as its push shows it; None where it is erased.

    Args:
        about: the conversation, and who has sent the message.
    """
    told = PUSHES.show(Frame("chat:message_received", shown, about=about))
    return None if told is None else told["message"]


# -- what they ask --------------------------------------------------------------------------------


def _id(name: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return an id, unless it is blank: pages send blank ones for those they lack."""
    return lambda message: message.get(name) or None


def _product(message: Mapping[str, Any]) -> Any:
    """Return the product, unless a conversation is named, which has its own."""
    return None if message.get("conversationId") else message.get("productId") or None


SEND = Ask(
    "/app/message.send",
    "chat:message_send",
    takes={
        "conversationId": _id("conversationId"),
        "recipientId": _id("recipientId"),
        "productId": _product,
        "content": "text",
        "contentEncrypted": "contentEncrypted",
        "clientMessageId": "clientMessageId",
    },
)
TYPING = Ask(
    "/app/typing.start",
    "chat:typing",
    takes={"conversationId": _id("conversationId"), "isTyping": lambda _message: True},
)
ASKED = (SEND, TYPING)
ASKS = Asks(schemas.COMMANDS, ASKED)


def payload(ask: Ask, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the command of a message is given. Other fields are not looked at, as in that system.

    Raises:
        ChatError: VALIDATION_ERROR for a message without a text.
    """
    given = ASKS.payload(ask, message)
    if ask is SEND and "content" not in given and "contentEncrypted" not in given:
        raise invalid("text", "Missing.")
    return given


def in_their_words(error: ChatError) -> ChatError:
    """Return an error whose fields are named as in that system."""
    if error.code is ErrorCode.VALIDATION_ERROR and error.fields:
        error.fields = {
            "text" if name == "content" else name: why for name, why in error.fields.items()
        }
    return error
