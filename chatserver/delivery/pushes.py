"""What is pushed, and to whom: events and frames, rooms and connections, and the bell between processes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from chatserver.core.about import NOTHING, About
from chatserver.core.times import iso, iso_now


def conversation_room(conversation_id: object) -> str:
    """Return the name of the room of a conversation's members."""
    return f"conversation:{conversation_id}"


def user_room(user_id: str) -> str:
    """Return the name of the room of a user's devices."""
    return f"user:{user_id}"


class Event(NamedTuple):
    """A durable push of a stream. ``joined`` and ``left`` are the users whose membership changes at it.

    ``welcome`` is what those who join get instead of ``payload``, where that is something else. ``about`` is for
    doors with other words; None where another process did not say it, so that the log has to. ``origin`` is the id
    of the connection that caused it, where that is known: as it happens, and not as it is read from the log. (A
    named tuple is made in a quarter of a frozen dataclass' time, and every message is one.)
    """

    room: str
    seq: int
    name: str
    payload: Any
    created_at: datetime | None = None
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    welcome: Any = None
    about: About | None = NOTHING
    origin: str | None = None

    def payload_for(self, user_id: str) -> Any:
        """Return the payload that one user gets."""
        welcomed = self.welcome is not None and user_id in self.joined
        return self.welcome if welcomed else self.payload


@dataclass(slots=True, eq=False)
class Frame:
    """A push on its way out. Doors keep their encodings of it here, so that each is made once per push."""

    name: str
    payload: Any
    # What a client may say when it comes back: everything up to here was handed on. Durable pushes have it.
    offset: str | None = None
    # Where a durable push stands in its stream.
    room: str | None = None
    seq: int = 0
    encoded: dict[Any, Any] = field(default_factory=dict)
    # What it is about: None where another process, or another program, did not say.
    about: About | None = None
    # The connection that caused it, where that is known.
    origin: str | None = None
    # When it was written, where it is in a log.
    at: datetime | None = None

    @property
    def written_at(self) -> str:
        """When it was written, as the wire has times; now, for what is in no log."""
        return iso_now() if self.at is None else iso(self.at)


def frame_of(event: Event, user_id: str | None = None, offset: str | None = None) -> Frame:
    """Return an event on its way out: to one user, or to all alike."""
    payload = event.payload if user_id is None else event.payload_for(user_id)
    return Frame(
        event.name,
        payload,
        offset,
        event.room,
        event.seq,
        about=event.about,
        origin=event.origin,
        at=event.created_at,
    )


class Connection(Protocol):
    """One device, at any door."""

    @property
    def user_id(self) -> str:
        """The id of the connection's user."""

    def send(self, frame: Frame) -> None:
        """Queue a push; never waits."""


class Acting(Connection, Protocol):
    """One that may not be sent what it caused, since the answer to its command says that."""

    def passes_over(self, frame: Frame) -> bool:
        """Return whether a push that it caused is not sent to it."""


class Bell(Protocol):
    """Tells the other processes. It may lose anything, and it never waits or raises.

    It is told which rooms have somebody here: what concerns none of them may not be heard.
    """

    def join(self, room: str) -> None:
        """Note that somebody is in a room from now on. Of a direct conversation that need not be said."""

    def leave(self, room: str) -> None:
        """Note that nobody is in a room any longer, whether somebody was said to be or not."""

    def ring(self, event: Event) -> None:
        """Tell of a committed event."""

    def tell(
        self,
        rooms: Sequence[str],
        name: str,
        payload: Any,
        skip_user: str | None,
        about: About | None = None,
    ) -> None:
        """Tell of an ephemeral push."""

    def announce_superseded(self, user_id: str, since: float, by: str) -> None:
        """Tell that a user's older connections end: connection `by` began at `since` (seconds since 1970)."""


class SilentBell:
    """The bell of one process alone: whatever it is told, nobody hears it."""

    def _say_nothing(self, *_told: object, **_named: object) -> None:
        pass

    join = leave = ring = tell = announce_superseded = _say_nothing
