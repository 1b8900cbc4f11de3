"""Messages, receipts, history and conversations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from schemas.base import ChangeOfConversation, OfConversation, Paged, Retryable
from schemas.fields import Flag, Id, Many, Metadata, OneOf, Text, UserId, Whole
from schemas.resources import Conversation, HistoryPage, Message, Page, SharedConversation
from schemas.table import Command, Push, Rest

MAX_CONTENT = 10_000
MAX_CONTENT_ENCRYPTED = 64 * 1024
MAX_METADATA_BYTES = 4 * 1024
MESSAGE_TYPES = ("text", "image", "file", "voice")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSend:
    """To a conversation, or to a person (about a product); text or end-to-end ciphertext."""

    conversation_id: Annotated[UUID | None, Id()] = None
    recipient_id: Annotated[str | None, UserId()] = None
    product_id: Annotated[str | None, UserId()] = None
    content: Annotated[str | None, Text(1, MAX_CONTENT, blank=False)] = None
    content_encrypted: Annotated[str | None, Text(1, MAX_CONTENT_ENCRYPTED)] = None
    message_type: Annotated[str, OneOf(*MESSAGE_TYPES)] = "text"
    client_message_id: Annotated[str | None, Text(1, 64)] = None
    reply_to_message_id: Annotated[UUID | None, Id()] = None
    metadata: Annotated[dict[str, Any] | None, Metadata(MAX_METADATA_BYTES)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """Fields that contradict each other."""
        if self.conversation_id is None and self.recipient_id is None:
            yield "conversation_id", "Give conversationId or recipientId."
        if self.conversation_id is not None and self.product_id is not None:
            yield "product_id", "Goes with recipientId: a conversation has its product already."
        if self.content is None and self.content_encrypted is None:
            yield "content", "Give content or contentEncrypted."
        if self.content is not None and self.content_encrypted is not None:
            yield "content_encrypted", "Give content or contentEncrypted, not both."


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent:
    """``duplicate``: the same ``clientMessageId`` was sent before, and this is that message as it is now."""

    message_id: str
    message: Message
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Retryable):
    """One message, several, or everything in a conversation up to a seq."""

    message_id: Annotated[UUID | None, Id()] = None
    message_ids: Annotated[tuple[UUID, ...] | None, Many(Id(), 1, 200)] = None
    conversation_id: Annotated[UUID | None, Id()] = None
    up_to_seq: Annotated[int | None, Whole(1)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """Exactly one of the three ways."""
        by_position = self.up_to_seq is not None
        ways = (self.message_id is not None) + (self.message_ids is not None) + by_position
        if ways == 0:
            yield "message_id", "Give messageId, messageIds, or conversationId with upToSeq."
        elif ways > 1:
            wrong = "up_to_seq" if by_position else "message_ids"
            yield wrong, "Give one of messageId, messageIds, or conversationId with upToSeq."
        if by_position and self.conversation_id is None:
            yield "conversation_id", "Goes with upToSeq: missing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """How many messages changed their state by this."""

    updated_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing(ChangeOfConversation):
    """Whether the caller is typing; a lone true expires after 3 s."""

    is_typing: Annotated[bool, Flag()]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryAsk(OfConversation):
    """The newest page, or one at an offset, before a seq, or after one."""

    limit: Annotated[int, Whole(1, 200)] = 50
    offset: Annotated[int | None, Whole()] = None
    before_seq: Annotated[int | None, Whole()] = None
    after_seq: Annotated[int | None, Whole()] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """At most one position."""
        given = [
            name
            for name in ("offset", "before_seq", "after_seq")
            if getattr(self, name) is not None
        ]
        for name in given[1:]:
            yield name, "Give at most one of offset, beforeSeq and afterSeq."


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Messages, oldest first. ``total`` counts all that the caller can see."""

    messages: tuple[Message, ...]
    pagination: HistoryPage
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAsk(OfConversation):
    """Everything that happened after a seq."""

    after_seq: Annotated[int, Whole()]
    limit: Annotated[int, Whole(1, 1000)] = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """A durable push as it would be sent now."""

    event: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """``limited``: the log does not go back that far; load the conversation anew."""

    events: tuple[LoggedEvent, ...]
    has_more: bool
    limited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationOpen(Retryable):
    """With whom, and about which product."""

    recipient_id: Annotated[str, UserId()]
    product_id: Annotated[str | None, UserId()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationGiven:
    """One conversation."""

    conversation: Conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPage:
    """Conversations, the most recently active first."""

    conversations: tuple[Conversation, ...]
    total: int
    pagination: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Message):
    """The message itself, with its conversation's id in the envelope's casing as well."""

    conversationId: str  # noqa: N815 - pushes carry it in camelCase beside the resource's own


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationCreated:
    """A direct conversation that the person takes part in from now on."""

    conversation_id: str
    seq: int
    conversation: SharedConversation
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTyping:
    """Somebody types, or stopped."""

    conversation_id: str
    user_id: str
    username: str
    is_typing: bool
    timestamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStatusUpdated:
    """Messages up to a seq were received or read. ``message_ids`` is empty where they are over 200."""

    conversation_id: str
    up_to_seq: int
    message_ids: tuple[str, ...]
    status: str
    user_id: str
    timestamp: str
    message_id: str | None = None
    delivered_by: str | None = None
    read_by: str | None = None


COMMANDS = (
    Command(
        "chat:message_send",
        takes=MessageSend,
        gives=MessageSent,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED", "IDEMPOTENCY_CONFLICT"),
        rest=(Rest("POST", "/api/messages", 201, bare="message"),),
        doc="Post a message to a conversation you take part in, or to a person.",
    ),
    Command(
        "chat:message_delivered",
        takes=Receipt,
        gives=Updated,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Say that your device has received messages.",
    ),
    Command(
        "chat:message_read",
        takes=Receipt,
        gives=Updated,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Say that you have read messages: exactly those named.",
    ),
    Command(
        "chat:typing",
        takes=Typing,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Say that you are typing, or stopped. Nothing is stored.",
    ),
    Command(
        "chat:history",
        takes=HistoryAsk,
        gives=History,
        errors=("RESOURCE_NOT_FOUND",),
        rest=(
            Rest(
                "GET",
                "/api/messages/{conversation_id}",
                shows=("messages", "total", "pagination"),
            ),
        ),
        doc="A page of a conversation's messages, oldest first.",
    ),
    Command(
        "chat:sync",
        takes=SyncAsk,
        gives=Synced,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Everything that happened in a conversation after a seq, as it is shown now.",
    ),
    Command(
        "chat:conversation_open",
        takes=ConversationOpen,
        gives=ConversationGiven,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED"),
        rest=(Rest("POST", "/api/conversations/direct", bare="conversation"),),
        doc="Find or create the direct conversation with a person.",
    ),
    Command(
        "chat:conversation_list",
        takes=Paged,
        gives=ConversationPage,
        rest=(Rest("GET", "/api/conversations", shows=("conversations", "total", "pagination")),),
        doc="Your conversations, the most recently active first.",
    ),
    Command(
        "chat:conversation_get",
        takes=OfConversation,
        gives=ConversationGiven,
        errors=("RESOURCE_NOT_FOUND",),
        rest=(Rest("GET", "/api/conversations/{conversation_id}", bare="conversation"),),
        doc="One of your conversations.",
    ),
)

PUSHES = (
    Push(
        "chat:message_received", carries=MessageReceived, durable=True, doc="A message was posted."
    ),
    Push(
        "chat:conversation_created",
        carries=ConversationCreated,
        durable=True,
        doc="A direct conversation was opened with you, or by you on another device.",
    ),
    Push("chat:user_typing", carries=UserTyping, doc="Somebody types, or stopped."),
    Push(
        "chat:message_status_updated",
        carries=MessageStatusUpdated,
        doc="Messages were received or read by somebody.",
    ),
)
