"""What a person sets of a conversation for themselves: whether it notifies, and where it is listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, get_args

from chatserver.schemas.base import ChangeOfConversation
from chatserver.schemas.fields import UNSET, Flag, Moment, Nullable, OneOf, Unset
from chatserver.schemas.resources import ConversationSettings, NotificationLevel, Uuid
from chatserver.schemas.table import Command, Push, Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSettingsSet(ChangeOfConversation):
    """Changes the settings that are given. ``muted_until`` null ends the mute."""

    level: Annotated[NotificationLevel | None, OneOf(*get_args(NotificationLevel))] = None
    muted_until: Annotated[datetime | Unset | None, Nullable(Moment())] = UNSET
    archived: Annotated[bool | None, Flag()] = None
    favourite: Annotated[bool | None, Flag()] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """At least one of level, mutedUntil, archived and favourite."""
        others = (self.level, self.archived, self.favourite)
        if self.muted_until is UNSET and others == (None, None, None):
            yield "level", "Give level, mutedUntil, archived or favourite."


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSettingsGiven:
    """The settings as they are now."""

    settings: ConversationSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSettingsUpdated:
    """The settings as they were then."""

    conversation_id: Uuid
    settings: ConversationSettings
    personal_seq: int


COMMANDS = (
    Command(
        "chat:conversation_settings_set",
        takes=ConversationSettingsSet,
        gives=ConversationSettingsGiven,
        mutates=True,
        limit="message",
        errors=("RESOURCE_NOT_FOUND", "IDEMPOTENCY_CONFLICT"),
        rest=(Rest("PATCH", "/api/conversations/{conversation_id}/settings", bare="settings"),),
        doc="Set for yourself which messages of a conversation notify you, and where it is listed.",
    ),
)

PUSHES = (
    Push(
        "chat:conversation_settings_updated",
        carries=ConversationSettingsUpdated,
        durable=True,
        personal=True,
        doc="Your settings of a conversation have changed: by you, perhaps on another device, or by a message, "
        "your own too, that has brought it back from the archive.",
    ),
)
