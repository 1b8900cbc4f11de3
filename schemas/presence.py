"""Who is online."""

from dataclasses import dataclass
from typing import Literal

from schemas.base import Empty, Retryable
from schemas.resources import Person, Time
from schemas.table import Command, Push


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
    Command("presence:list", takes=Empty, gives=OnlineList, doc="Your contacts who are online."),
)

PUSHES = (
    Push(
        "user:status_changed",
        carries=UserStatusChanged,
        doc="A contact came online or went offline.",
    ),
)
