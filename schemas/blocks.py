"""Blocks: between people, and of one direct conversation."""

from dataclasses import dataclass
from typing import Annotated

from chatserver.schemas.base import ChangeOfConversation, OfUser
from chatserver.schemas.fields import Flag
from chatserver.schemas.resources import Uuid
from chatserver.schemas.table import Command, Push, Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationBlock(ChangeOfConversation):
    """Whether the caller blocks the direct conversation from now on."""

    block: Annotated[bool, Flag()]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockState:
    """Whether anybody blocks the conversation itself, and who: the caller where they do."""

    blocked: bool
    blocked_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationBlocked(BlockState):
    """Whether the conversation ``is_blocked`` now, by a block of its own or one between its two people; and by
    whom: the one who acted where they do.
    """

    conversation_id: Uuid
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserBlocked:
    """The user whom you blocked or unblocked, perhaps on another device."""

    user_id: str
    personal_seq: int


def _conversations(_: OfUser) -> int:
    """Count a block: up to a hundred conversations of the two are told; most people share one or two."""
    return 10


COMMANDS = (
    Command(
        "chat:conversation_block",
        takes=ConversationBlock,
        gives=BlockState,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "IDEMPOTENCY_CONFLICT"),
        rest=(
            Rest(
                "POST",
                "/api/conversations/{conversation_id}/block",
                echoes=("conversation_id",),
            ),
        ),
        doc="Block a direct conversation for both of you, or remove your own block.",
    ),
    Command(
        "user:block",
        takes=OfUser,
        gives=None,
        mutates=True,
        limit="message",
        pushes=_conversations,
        errors=("RESOURCE_NOT_FOUND", "CONFLICT"),
        doc="Block a person: neither of you can send to the other, open a conversation with them or see their "
        "presence. Counts as ten messages, since all your conversations with them are told.",
    ),
    Command(
        "user:unblock",
        takes=OfUser,
        gives=None,
        mutates=True,
        limit="message",
        pushes=_conversations,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Remove your own block of a person. Counts as ten messages.",
    ),
)

PUSHES = (
    Push(
        "chat:conversation_blocked",
        carries=ConversationBlocked,
        durable=True,
        doc="Somebody blocked a direct conversation or its other person, or removed that block.",
    ),
    Push(
        "user:blocked",
        carries=UserBlocked,
        durable=True,
        personal=True,
        doc="You blocked a person.",
    ),
    Push(
        "user:unblocked",
        carries=UserBlocked,
        durable=True,
        personal=True,
        doc="You unblocked a person.",
    ),
)
