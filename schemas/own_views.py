"""What a person changes of a conversation for themselves alone."""

from dataclasses import dataclass

from chatserver.schemas.base import ChangeOfConversation
from chatserver.schemas.resources import Uuid
from chatserver.schemas.table import Choice, Command, Push, Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationOwnView:
    """What a person changed for themselves alone, perhaps on another device: everything up to this seq."""

    conversation_id: Uuid
    up_to_seq: int
    personal_seq: int


COMMANDS = (
    Command(
        "chat:conversation_delete",
        takes=ChangeOfConversation,
        gives=None,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "IDEMPOTENCY_CONFLICT"),
        rest=(
            Rest(
                "DELETE",
                "/api/conversations/{conversation_id}",
                chosen_by=Choice("for_everyone", False, default=True),
            ),
        ),
        doc="Hide a conversation and its history so far, for you alone. A new message brings it back.",
    ),
    Command(
        "chat:conversation_mark_unread",
        takes=ChangeOfConversation,
        gives=None,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "IDEMPOTENCY_CONFLICT"),
        doc="Show a conversation as unread to you, until you read in it or hide it.",
    ),
)

PUSHES = (
    Push(
        "chat:conversation_deleted",
        carries=ConversationOwnView,
        durable=True,
        personal=True,
        doc="You hid a conversation with its history up to a seq; a later message brings it back.",
    ),
    Push(
        "chat:conversation_marked_unread",
        carries=ConversationOwnView,
        durable=True,
        personal=True,
        doc="You marked a conversation as unread: it shows at least one until you read in it or hide it.",
    ),
)
