"""Writes and reads what our processes say to each other.

A message says one thing after the other, in two lines each: a head, which is a JSON array, and a payload, which is
empty where the head says all. A head begins with what is said:

    ["event", room, seq, name, joined, left, at, about]      a logged event; `at` in seconds since 1970
    ["push", rooms, name, skipped user, about]               a push that is in no log
    ["supersede", user, since, by]                           where a user has one session alone

Who joins or leaves is read from the log, so an event that changes memberships has no payload. What is read is
checked as if it came from a stranger.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

import orjson

from chatserver.core.about import About
from chatserver.core.caller import User
from chatserver.core.encoding import dumps
from chatserver.delivery import Event

# A push's rooms and payload fit many times over; parsing more would hold up everybody.
MAX_MESSAGE = 8 * 1024 * 1024
ROOMS = ("conversation:", "user:")
# What JavaScript counts exactly; PostgreSQL's bigint ends later.
_MAX_SEQ = 2**53
# The year 5138; datetime ends later.
_MAX_TIME = 10**11


@dataclass(frozen=True, slots=True)
class Emit:
    """An ephemeral push. `rooms` are None where it is for everybody; `sids` are single connections."""

    name: str
    payload: Any
    rooms: tuple[str, ...] | None
    sids: tuple[str, ...] = ()
    skip_user: str | None = None
    about: About | None = None


@dataclass(frozen=True, slots=True)
class Superseded:
    """A user has one session alone: connection `by`, which began at `since` (seconds since 1970)."""

    user_id: str
    since: float
    by: str


Heard = Event | Emit | Superseded

# -- writing --------------------------------------------------------------------------------------


def event(event: Event) -> bytes:
    """Write a committed event; raises TypeError where its payload is no JSON."""
    at = None if event.created_at is None else event.created_at.timestamp()
    about = None if event.about is None else _about(event.about)
    head = ("event", event.room, event.seq, event.name, event.joined, event.left, at, about)
    if event.joined or event.left:
        return _said(head)
    return _said(head, dumps(event.payload))


def push(
    rooms: Sequence[str], name: str, payload: Any, skip_user: str | None, about: About | None = None
) -> bytes:
    """Write an ephemeral push; raises TypeError where its payload is no JSON."""
    said = None if about is None else _about(about)
    return _said(("push", rooms, name, skip_user, said), dumps(payload))


def superseded(user_id: str, since: float, by: str) -> bytes:
    """Write that a connection supersedes its user's older ones."""
    return _said(("supersede", user_id, since, by))


def together(said: Iterable[bytes]) -> bytes:
    """Return several of what was written as one message, in their order."""
    return b"\n".join(said)


def _said(head: tuple[Any, ...], payload: bytes = b"") -> bytes:
    return b"%b\n%b" % (orjson.dumps(head), payload)


def _about(about: About) -> tuple[Any, ...]:
    actor = about.actor
    said = None if actor is None else _user(actor)
    more = (about.messages,) if about.messages else ()
    return about.conversation_type, about.users, about.product_id, said, *more


def _user(user: User) -> dict[str, str]:
    said = {"id": user.id, "username": user.username, "display_name": user.display_name}
    if user.email is not None:
        said["email"] = user.email
    return said


# -- reading --------------------------------------------------------------------------------------


def read(said: bytes) -> Iterator[Heard | None]:
    """Yield what a message of one of our processes says; None for each thing that is not to be heeded."""
    if len(said) > MAX_MESSAGE:
        yield None
        return
    lines = iter(said.split(b"\n"))
    for head in lines:
        yield _read(head, next(lines, b""))


def _read(line: bytes, payload: bytes) -> Heard | None:
    try:
        head = orjson.loads(line)
        data = orjson.loads(payload) if payload else None
    except ValueError:
        return None
    match head:
        case ["event", str(room), int(seq), str(name), joined, left, at, about]:
            # A bool is an int.
            if seq is True or not 0 < seq <= _MAX_SEQ or not room.startswith(ROOMS):
                return None
            if not (are_texts(joined) and are_texts(left)):
                return None
            about = _read_about(about)
            joined, left = tuple(joined), tuple(left)
            return Event(room, seq, name, data, _moment(at), joined, left, about=about)
        case ["push", rooms, str(name), str() | None as skip_user, about] if are_texts(rooms):
            return Emit(
                name,
                data,
                tuple(room for room in rooms if room.startswith(ROOMS)),
                skip_user=skip_user,
                about=_read_about(about),
            )
        case ["supersede", str(user_id), float(since), str(by)]:
            return Superseded(user_id, since, by)
    return None


def _read_about(said: object) -> About | None:
    """Read what a push is about; None where that is not said, or not as our processes say it."""
    match said:
        case ["direct", [str(low), str(high)], str() | None as product_id, actor, *more]:
            return About("direct", (low, high), product_id, _read_user(actor), _read_ids(more))
        case ["group" | None as kind, [], None, actor, *more]:
            return About(kind, (), None, _read_user(actor), _read_ids(more))
    return None


def _read_ids(more: list[Any]) -> tuple[str, ...]:
    """Read the messages of an `About`, which come last where there are any."""
    return tuple(more[0]) if len(more) == 1 and are_texts(more[0]) else ()


def _read_user(said: Any) -> User | None:
    match said:
        case {"id": str(id_), "username": str(username), "display_name": str(display_name)}:
            email = said.get("email")
            return User(
                id=id_,
                username=username,
                display_name=display_name,
                email=email if isinstance(email, str) else None,
            )
    return None


def _moment(seconds: object) -> datetime | None:
    if type(seconds) not in (int, float) or not 0 < seconds < _MAX_TIME:  # type: ignore[operator]
        return None
    return datetime.fromtimestamp(seconds, UTC)  # type: ignore[arg-type]  # a number by now


def are_texts(value: Any) -> TypeGuard[list[str]]:
    """Return whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
