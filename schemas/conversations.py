"""Conversations: opened, listed and shown."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from chatserver.schemas.base import OfConversation, Paged, Retryable
from chatserver.schemas.fields import Flag, Nullable, OneOf, UserId
from chatserver.schemas.resources import Conversation, CursorPage, SharedConversation, Uuid
from chatserver.schemas.table import Command, Push, Rest, per_rows

ConversationType = Literal["direct", "group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationOpen(Retryable):
    """The person to talk to, and the product to talk about."""

    recipient_id: Annotated[str, UserId()]
    product_id: Annotated[str | None, UserId()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFind:
    """The other person of the direct conversation, and the product that it is about."""

    recipient_id: Annotated[str, UserId()]
    product_id: Annotated[str | None, UserId()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFound:
    """The id of the conversation; null where there is none."""

    conversation_id: Uuid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationListAsk(Paged):
    """A page of conversations: of both types or of one, archived or not; null lists both."""

    type: Annotated[ConversationType | None, OneOf(*get_args(ConversationType))] = None
    archived: Annotated[bool | None, Nullable(Flag())] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationGiven:
    """One conversation."""

    conversation: Conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPage:
    """Conversations, the most recently active first. Pass ``offset`` as ``auth.since`` to connect from here."""

    conversations: tuple[Conversation, ...]
    total: int
    pagination: CursorPage
    offset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationCreated:
    """A direct conversation that the person takes part in from now on."""

    conversation_id: Uuid
    seq: int
    conversation: SharedConversation
    by: str


COMMANDS = (
    Command(
        "chat:conversation_open",
        takes=ConversationOpen,
        gives=ConversationGiven,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED", "CONFLICT"),
        rest=(
            Rest(
                "POST",
                "/api/conversations/direct",
                bare="conversation",
                renames=(("user_id", "recipient_id"),),
            ),
        ),
        doc="Find or create the direct conversation with a person.",
    ),
    Command(
        "chat:conversation_find",
        takes=ConversationFind,
        gives=ConversationFound,
        doc="Find your direct conversation with a person; none is created.",
    ),
    Command(
        "chat:conversation_list",
        takes=ConversationListAsk,
        gives=ConversationPage,
        page=True,
        rows=per_rows(50),
        rest=(
            Rest(
                "GET",
                "/api/conversations",
                shows=("conversations", "total", "pagination", "offset"),
                unsteady=("offset",),
            ),
        ),
        doc="Your conversations that are not archived, or those that are, the most recently active first.",
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
        "chat:conversation_created",
        carries=ConversationCreated,
        durable=True,
        doc="A direct conversation was opened with you, or by you on another device. One whose `seq` is above 1 "
        "was moved in from another system: load its history.",
    ),
)
