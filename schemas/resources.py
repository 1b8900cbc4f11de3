"""The resources of the main door: snake_case, times as ISO 8601 in UTC with milliseconds and Z."""

from dataclasses import dataclass
from typing import Any

from schemas.wire import resource


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

    type: str
    user_id: str | None
    username: str | None


@resource
class Message:
    """A message. An end-to-end encrypted one has ``content_encrypted`` and no ``content``; an erased one neither.

    ``status`` is ``sent``, ``delivered`` or ``read``, as the recipient of a direct message has it.
    """

    id: str
    conversation_id: str
    seq: int
    sender_id: str
    sender_username: str
    recipient_id: str | None
    content: str | None
    content_encrypted: str | None
    message_type: str
    client_message_id: str | None
    reply_to_message_id: str | None
    mentions: tuple[Mention, ...]
    reactions: tuple[Reaction, ...]
    metadata: dict[str, Any]
    is_announcement: bool
    is_pinned: bool
    is_edited: bool
    is_deleted: bool
    created_at: str
    edited_at: str | None
    status: str


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
    role: str
    joined_at: str
    delivered_seq: int
    read_seq: int


@resource
class SharedConversation:
    """A conversation as all its members see it alike: what pushes carry."""

    id: str
    type: str
    title: str | None
    description: str | None
    product: Product | None
    created_by: str
    max_members: int | None
    member_count: int
    is_active: bool
    settings: dict[str, Any]
    created_at: str
    last_message_at: str | None
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
    my_role: str
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
