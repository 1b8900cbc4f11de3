"""What clients of the marketplace system are shown (``marketplace-api.md``), and its six routes."""

from dataclasses import dataclass
from typing import Any, Literal

from chatserver.schemas.files import FileElsewhere
from chatserver.schemas.receipts import Updated
from chatserver.schemas.resources import Time, Uuid

API = "/marketplace/api"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketMessage:
    """A message of a direct conversation.

    An end-to-end encrypted one has ``content_encrypted``, and its ``text`` is empty; so may be that of one with
    ``files``, which others lack.
    """

    id: Uuid
    conversation_id: Uuid
    sender_id: str
    recipient_id: str
    product_id: str | None
    text: str
    created_at: Time
    read: bool
    sender_name: str
    sender_email: str | None
    content_encrypted: str | None = None
    files: tuple[FileElsewhere, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketConversation:
    """A direct conversation as one of its two people sees it; the participant is the other.

    ``last_message`` is a text, empty where it is end-to-end encrypted or erased. ``unread_count`` stops at 1,000.
    """

    id: Uuid
    product_id: str | None
    product_title: str | None
    product_image: str | None
    participant_id: str
    participant_name: str
    participant_email: str | None
    last_message: str | None
    last_message_at: Time | None
    unread_count: int
    is_blocked: bool
    blocked_by_me: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBlock:
    """Whether anybody blocks the conversation itself, and who: the caller where they do."""

    conversation_id: Uuid
    blocked: bool
    blocked_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFailure:
    """A refusal: what a Spring Boot application says of it, and more. ``error`` is the name of the status."""

    timestamp: Time
    status: int
    error: str
    message: str
    code: str
    retryable: bool
    details: str | None = None
    fields: dict[str, Any] | None = None
    retry_after: int | None = None
    error_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRoute:
    """A route, and the command that it asks.

    Args:
        takes: the fields of its query or body, as (theirs, the command's); those in `needs` are required.
        gives: what it answers; `many` of them as a bare array, at most `page`.
        errors: the codes with which it may be refused, beside those of any command.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    command: str
    takes: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    gives: type[Any]
    many: bool = False
    page: int = 0
    status: int = 200
    errors: tuple[str, ...] = ()
    doc: str


def _same(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


_OF_OTHERS = ("PERMISSION_DENIED", "RESOURCE_NOT_FOUND")

CONVERSATIONS = MarketRoute(
    method="GET",
    path=f"{API}/conversations",
    command="chat:conversation_list",
    takes=_same("limit", "cursor", "offset"),
    gives=MarketConversation,
    many=True,
    page=200,
    doc="Your direct conversations, the one with the newest message first: 200, unless `limit` says otherwise. "
    "The header `Link` has the address of the next page.",
)
CONVERSATION = MarketRoute(
    method="GET",
    path=f"{API}/conversations/{{conversationId}}",
    command="chat:conversation_get",
    gives=MarketConversation,
    errors=_OF_OTHERS,
    doc="One of your direct conversations.",
)
BLOCK = MarketRoute(
    method="POST",
    path=f"{API}/conversations/{{conversationId}}/block",
    command="chat:conversation_block",
    takes=_same("block"),
    needs=("block",),
    gives=MarketBlock,
    errors=(*_OF_OTHERS, "IDEMPOTENCY_CONFLICT"),
    doc="Block a direct conversation for both of you, or remove your own block.",
)
MESSAGES = MarketRoute(
    method="GET",
    path=f"{API}/messages",
    command="chat:history",
    takes=_same("conversationId", "recipientId", "productId", "limit", "beforeSeq", "offset"),
    gives=MarketMessage,
    many=True,
    page=100,
    errors=_OF_OTHERS,
    doc="The newest messages, the oldest of them first: 100, unless `limit` asks for fewer. Give "
    "`conversationId`, or `recipientId` and perhaps `productId`; where these have no conversation, the array is "
    "empty. The header `Link` has the address of the page before.",
)
SEND = MarketRoute(
    method="POST",
    path=f"{API}/messages",
    command="chat:message_send",
    takes=(
        *_same("conversationId", "recipientId", "productId"),
        ("text", "content"),
        *_same("contentEncrypted", "clientMessageId"),
    ),
    gives=MarketMessage,
    status=201,
    errors=(*_OF_OTHERS, "USER_BLOCKED", "CONFLICT", "IDEMPOTENCY_CONFLICT"),
    doc="Send a message to a conversation of yours, or to a person, perhaps about a product. Where "
    "`conversationId` is given, `productId` is not looked at: the conversation has its own.",
)
MARK_READ = MarketRoute(
    method="PATCH",
    path=f"{API}/messages/mark-read",
    command="chat:message_read",
    takes=_same("messageIds"),
    needs=("messageIds",),
    gives=Updated,
    errors=("PERMISSION_DENIED", "IDEMPOTENCY_CONFLICT"),
    doc="Mark messages to you as read: 200 at most. Your own, and those that you have read, are passed over.",
)
ROUTES = (CONVERSATIONS, CONVERSATION, BLOCK, MESSAGES, SEND, MARK_READ)
