"""Reactions to messages."""

from dataclasses import dataclass
from typing import Annotated

from chatserver.schemas.base import ChangeOfMessage, MessageEvent
from chatserver.schemas.characters import one_form
from chatserver.schemas.fields import Text
from chatserver.schemas.resources import Reaction
from chatserver.schemas.table import Command, Push, Rest

MAX_REACTION = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionAdd(ChangeOfMessage):
    """A reaction such as an emoji. Variation selectors do not count: ``❤`` is ``❤️``."""

    reaction: Annotated[str, Text(1, MAX_REACTION, blank=False, kept_as=one_form)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionSet:
    """``reaction`` as it is shown to all, however it was typed. ``removed``: it stood already, so asking for it
    again took it away.
    """

    reaction: str
    removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionRemove(ChangeOfMessage):
    """The caller's reaction, whichever it is, or only where it is the one named."""

    reaction: Annotated[str | None, Text(1, MAX_REACTION, blank=False, kept_as=one_form)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionAdded(MessageEvent):
    """Replaces the reaction that the person had, if any."""

    reaction: Reaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionRemoved(MessageEvent):
    """The person has no reaction any more."""

    user_id: str


COMMANDS = (
    Command(
        "chat:reaction_add",
        takes=ReactionAdd,
        gives=ReactionSet,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED", "CONFLICT", "IDEMPOTENCY_CONFLICT"),
        rest=(
            Rest(
                "POST",
                "/api/messages/{message_id}/reactions",
                renames=(("emoji", "reaction"),),
                echoes=("message_id",),
                shown_as=(("reaction", "reaction_emoji"),),
            ),
        ),
        doc="React to a message. The same reaction again removes it; another one replaces it.",
    ),
    Command(
        "chat:reaction_remove",
        takes=ReactionRemove,
        gives=None,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "USER_BLOCKED", "IDEMPOTENCY_CONFLICT"),
        rest=(
            Rest(
                "DELETE",
                "/api/messages/{message_id}/reactions",
                renames=(("emoji", "reaction"),),
            ),
        ),
        doc="Remove your reaction to a message, if there is one.",
    ),
)

PUSHES = (
    Push(
        "chat:reaction_added",
        carries=ReactionAdded,
        durable=True,
        doc="Somebody reacted to a message, or changed their reaction.",
    ),
    Push(
        "chat:reaction_removed",
        carries=ReactionRemoved,
        durable=True,
        doc="Somebody removed their reaction to a message.",
    ),
)
