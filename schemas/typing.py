"""Who types."""

from dataclasses import dataclass
from typing import Annotated

from chatserver.schemas.base import ChangeOfConversation
from chatserver.schemas.fields import Flag
from chatserver.schemas.resources import Time, Uuid
from chatserver.schemas.table import Command, Push


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing(ChangeOfConversation):
    """Whether the caller is typing; a lone true expires after 3 s."""

    is_typing: Annotated[bool, Flag()]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTyping:
    """Somebody is typing, or has stopped."""

    conversation_id: Uuid
    user_id: str
    username: str
    is_typing: bool
    timestamp: Time


COMMANDS = (
    Command(
        "chat:typing",
        takes=Typing,
        gives=None,
        mutates=True,
        runs="typing",
        errors=("RESOURCE_NOT_FOUND",),
        doc="Say that you are typing, or have stopped. Nothing is stored.",
    ),
)

PUSHES = (Push("chat:user_typing", carries=UserTyping, doc="Somebody is typing, or has stopped."),)
