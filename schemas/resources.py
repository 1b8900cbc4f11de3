"""The resources of the main door: snake_case, times as ISO 8601 in UTC with milliseconds and Z."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from schemas.wire import resource

# A string with a format, as JSON Schema calls it; what has none is a str.
Uuid = Annotated[str, "uuid"]
Time = Annotated[str, "date-time"]

Role = Literal["owner", "admin", "moderator", "member"]
Status = Literal["sent", "delivered", "read"]


@resource
class Named:
    """A person by id and name."""

    user_id: str
    username: str


@resource
class Reaction:
    """One person's reaction to a message; a person has at most one."""

    user_id: str
    username: str
    reaction: str


@resource
class Mention:
    """A mention in a group's message: of one person (``user``), or of all (``everyone``, without a person)."""

    type: Literal["user", "everyone"]
    user_id: str | None
    username: str | None


@resource
class Message:
    """A message. An end-to-end encrypted one has ``content_encrypted`` and no ``content``; an erased one neither.

    ``status`` is ``sent``, ``delivered`` or ``read``, as the recipient of a direct message has it.
    """

    id: Uuid
    conversation_id: Uuid
    seq: int
    sender_id: str
    sender_username: str
    recipient_id: str | None
    content: str | None
    content_encrypted: str | None
    message_type: Literal["text", "image", "file", "voice", "system"]
    client_message_id: str | None
    reply_to_message_id: Uuid | None
    mentions: tuple[Mention, ...]
    reactions: tuple[Reaction, ...]
    metadata: dict[str, Any]
    is_announcement: bool
    is_pinned: bool
    is_edited: bool
    is_deleted: bool
    created_at: Time
    edited_at: Time | None
    status: Status


@resource
class Product:
    """What a conversation is about, as the directory has it."""

    id: str
    title: str | None
    image: str | None


@resource
class Participant:
    """A member of a conversation. ``read_seq`` is the highest seq read."""

    user_id: str
    username: str
    display_name: str
    avatar_url: str | None
    role: Role
    joined_at: Time
    delivered_seq: int
    read_seq: int


@resource
class SharedConversation:
    """A conversation as all its members see it alike: what pushes carry."""

    id: Uuid
    type: Literal["direct", "group"]
    title: str | None
    description: str | None
    product: Product | None
    created_by: str
    max_members: int | None
    member_count: int
    is_active: bool
    settings: dict[str, Any]
    created_at: Time
    last_message_at: Time | None
    last_seq: int
    last_message: Message | None


@resource
class Conversation(SharedConversation):
    """A conversation as one member sees it. ``unread_count`` stops at 1,000.

    ``either_follows`` is null for a group.
    """

    either_follows: bool | None
    unread_count: int
    is_blocked: bool
    blocked_by_me: bool
    my_role: Role
    participants: tuple[Participant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user as presence and sessions name them."""

    user_id: str
    username: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a page stands in its list."""

    limit: int
    offset: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage(Page):
    """Where a page of history stands. ``next_before_seq`` asks for the page before it; null at the beginning."""

    next_before_seq: int | None
