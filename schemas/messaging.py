"""What the routes of the messaging system answer (``messaging-api.md``, "HTTP Endpoints")."""

from dataclasses import dataclass
from typing import Any, Literal

from chatserver.schemas.resources import Time, Uuid

API = "/messaging/api"
CONVERSATIONS = f"{API}/conversations"
PICTURES = f"{API}/profile-pictures/batch"
# Conversations of a page: where nothing is said, and at most.
USUAL, MOST = 50, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingPerson:
    """The other person of a conversation."""

    user_id: str
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingLast:
    """The newest message of a conversation. ``content`` is empty where it is end-to-end encrypted."""

    id: Uuid
    content: str
    timestamp: Time
    content_encrypted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingConversation:
    """A direct conversation as one of its people sees it. ``last_message`` is null where there is none.

    ``conversation_id`` is ``conv_<a>_<b>``, or a UUID.
    """

    conversation_id: str
    participant: MessagingPerson
    last_message: MessagingLast | None
    unread_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingPage:
    """Where a page stands. ``count`` is how many it has, and ``total`` how many there are."""

    limit: int
    offset: int
    count: int
    has_more: bool
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingConversations:
    """A page of direct conversations, the most recently active first."""

    conversations: tuple[MessagingConversation, ...]
    pagination: MessagingPage
    timestamp: Time
    status: Literal["ok"] = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingFailure:
    """A refusal, in the words of the messaging system's ``error``."""

    message: str
    details: str
    code: str
    timestamp: Time
    requires_auth: Literal[True] | None = None
    retry_after: int | None = None
    error_id: str | None = None
    fields: dict[str, Any] | None = None
    status: Literal["error"] = "error"
