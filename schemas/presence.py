"""Who is online."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from chatserver.schemas.base import Empty, Retryable
from chatserver.schemas.fields import Id, Nullable
from chatserver.schemas.resources import Person, Time
from chatserver.schemas.table import Command, Push


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusSet(Retryable):
    """The conversation that this connection has open in front of its user; null is none."""

    conversation_id: Annotated[UUID | None, Nullable(Id())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """The contacts who are online."""

    users: tuple[Person, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineList(Online):
    """The contacts who are online, counted."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStatusChanged:
    """A contact came online or went offline."""

    user_id: str
    status: Literal["online", "offline"]
    timestamp: Time


COMMANDS = (
    Command(
        "presence:online",
        takes=Retryable,
        gives=Online,
        mutates=True,
        doc="Count this connection as present again. Connecting does so by itself.",
    ),
    Command(
        "presence:offline",
        takes=Retryable,
        gives=None,
        mutates=True,
        doc="Count this connection as gone, at once and without grace.",
    ),
    Command(
        "presence:focus",
        takes=FocusSet,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Say which conversation this connection has open in front of you: you are not notified of its "
        "messages, on any device. It ends with the connection.",
    ),
    Command(
        "presence:list",
        takes=Empty,
        gives=OnlineList,
        page=True,
        doc="Your contacts who are online.",
    ),
)

PUSHES = (
    Push(
        "user:status_changed",
        carries=UserStatusChanged,
        doc="A contact came online or went offline, or a block between you has come (`offline`) or gone.",
    ),
)
