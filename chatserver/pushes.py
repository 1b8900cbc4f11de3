"""What is pushed, to whom: events and frames, rooms and connections, and the bell between processes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol


def conversation_room(conversation_id: object) -> str:
    """The room of a conversation's members."""
    return f"conversation:{conversation_id}"


def user_room(user_id: str) -> str:
    """The room of a user's devices."""
    return f"user:{user_id}"


class Event(NamedTuple):
    """A durable push of a stream. ``joined`` and ``left`` are the users whose membership changes at it.

    ``welcome`` is what those who join get instead of ``payload``, where that is something else. (A named tuple is
    made in a quarter of a frozen dataclass' time, and every message is one.)
    """

    room: str
    seq: int
    name: str
    payload: Any
    created_at: datetime | None = None
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    welcome: Any = None

    def payload_for(self, user_id: str) -> Any:
        """What one user gets."""
        welcomed = self.welcome is not None and user_id in self.joined
        return self.welcome if welcomed else self.payload


@dataclass(slots=True, eq=False)
class Frame:
    """A push on its way out. Doors keep their encoding of it here, so that it is made once per push."""

    name: str
    payload: Any
    # What a client may say when it comes back: everything up to here was handed on. Durable pushes have it.
    offset: str | None = None
    # Where a durable push stands in its stream.
    room: str | None = None
    seq: int = 0
    encoded: dict[str, Any] = field(default_factory=dict)


def frame_of(event: Event, user_id: str | None = None, offset: str | None = None) -> Frame:
    """An event on its way out: to one user, or to all alike."""
    payload = event.payload if user_id is None else event.payload_for(user_id)
    return Frame(event.name, payload, offset, event.room, event.seq)


class Connection(Protocol):
    """One device, at any door."""

    @property
    def user_id(self) -> str:
        """Whose it is."""

    def send(self, frame: Frame) -> None:
        """Queue a push; never waits."""


class Bell(Protocol):
    """Tells the other processes. May lose anything; never waits and never raises."""

    def ring(self, event: Event) -> None:
        """An event was committed."""

    def tell(self, rooms: Sequence[str], name: str, payload: Any, skip_user: str | None) -> None:
        """An ephemeral push."""


class SilentBell:
    """For one process alone."""

    def ring(self, event: Event) -> None:
        """Nobody is there to hear it."""

    def tell(self, rooms: Sequence[str], name: str, payload: Any, skip_user: str | None) -> None:
        """Nobody is there to hear it."""
