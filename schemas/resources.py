"""The resources of the main door: snake_case, times as ISO 8601 in UTC with milliseconds and Z."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from chatserver.schemas.wire import resource

# A string with a format, as JSON Schema calls it; what has none is a str.
Uuid = Annotated[str, "uuid"]
Time = Annotated[str, "date-time"]

Role = Literal["owner", "admin", "moderator", "member"]
MessageStatus = Literal["sent", "delivered", "read"]
NotificationLevel = Literal["all", "mentions", "none"]
FileState = Literal["uploading", "scanning", "ready", "refused"]


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
class File:
    """A file. ``duration`` is in ms, ``preview`` a small picture as a data URL; what nobody knows is null.

    ``url`` and ``thumb_url`` are addresses at this server, for requests with a token.
    """

    id: Uuid
    name: str
    size: int
    type: str
    state: FileState
    width: int | None
    height: int | None
    duration: int | None
    waveform: tuple[int, ...] | None
    preview: str | None
    url: str
    thumb_url: str | None


@resource
class Message:
    """A message. An end-to-end encrypted one has ``content_encrypted`` and no ``content``; an erased one neither.

    One with ``files`` may have no text either.

    ``recipient_id`` is null in a group. ``updated_seq`` is the seq of the last event that changed the message,
    its own at first: of two showings the higher one is the newer. ``status`` is ``sent``, ``delivered`` or
    ``read``, as the recipient of a direct message has it.
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
    updated_seq: int
    files: tuple[File, ...]
    status: MessageStatus


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
    """A conversation as all its members see it alike: what pushes carry, beside pushes of its messages."""

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


@resource
class ConversationSettings:
    """What one member has set of a conversation for themselves.

    ``level`` says which messages notify: where it was never set, ``all`` in a conversation of up to 100 members
    and ``mentions`` in a larger one. Until ``muted_until``, none do. An archived conversation is listed apart.
    """

    level: NotificationLevel
    muted_until: Time | None
    archived: bool
    favourite: bool


@resource
class Conversation(SharedConversation):
    """A conversation as one member sees it. ``unread_count`` stops at 1,000.

    ``either_follows`` is null for a group.
    """

    last_message: Message | None
    either_follows: bool | None
    unread_count: int
    is_blocked: bool
    blocked_by_me: bool
    my_role: Role
    my_settings: ConversationSettings
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
class CursorPage(Page):
    """Where a page of a moving list stands. ``next_cursor`` asks for the page behind it; null at the end."""

    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage(Page):
    """Where a page of history stands. ``next_before_seq`` asks for the page before it; null at the beginning."""

    next_before_seq: int | None
