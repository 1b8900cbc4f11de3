"""The messages on the Redis channel: python-socketio's format, read as if a stranger had sent them.

Ours carry one key more, ``chatserver``: the seq of a logged event, when it was written (seconds since 1970)
and whose membership it changes, or whom a push skips. Of what other programs send, two methods are taken:

- ``emit`` without binary attachments: to rooms, to single connections by their sid, or (no room) to everybody. One
  argument; an ack is never asked for, because the callback kept for it would leak.
- ``disconnect`` of a connection by its sid.

A method of our own is ``supersede``, where a user has one session alone.

``enter_room``, ``leave_room`` and ``close_room`` are not: who is in a room is what the log says. ``callback``
answers asks that are never made. All of these, and everything malformed, are ignored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

import orjson

from chatserver.encoding import dumps
from chatserver.pushes import Event

# A push's rooms and payload fit many times over; parsing more would hold up everybody.
MAX_MESSAGE = 8 * 1024 * 1024
# What JavaScript counts exactly; PostgreSQL's bigint ends later.
_MAX_SEQ = 2**53
# The year 5138; datetime ends later.
_MAX_TIME = 10**11
_ROOMS = ("conversation:", "user:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """An ephemeral push. `rooms` and `sids` are None for everybody."""

    name: str
    payload: Any
    rooms: tuple[str, ...] | None
    sids: tuple[str, ...] | None
    skip_user: str | None = None


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A connection is to be closed."""

    sid: str


@dataclass(frozen=True, slots=True)
class Echo:
    """A message of our own came back."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """A user has one session alone: connection `by`, which began at `since` (seconds since 1970)."""

    user_id: str
    since: float
    by: str


Heard = Event | Emit | Disconnect | Superseded | Echo


def event(host_id: str, event: Event) -> bytes:
    """A committed event, for the other processes; raises TypeError where its payload is no JSON."""
    ours = {"seq": event.seq, "joined": event.joined, "left": event.left}
    if event.welcome is not None:
        ours["welcome"] = event.welcome
    if event.created_at is not None:
        ours["at"] = event.created_at.timestamp()
    return _emit(host_id, event.name, event.payload, event.room, {"chatserver": ours})


def push(
    host_id: str, rooms: Sequence[str], name: str, payload: Any, skip_user: str | None
) -> bytes:
    """An ephemeral push, for the other processes; raises TypeError where its payload is no JSON."""
    extra = {"chatserver": {"skipUser": skip_user}} if skip_user is not None else {}
    return _emit(host_id, name, payload, rooms[0] if len(rooms) == 1 else list(rooms), extra)


def ping(host_id: str) -> bytes:
    """A sign of life to oneself; to stock managers it is an unknown method, which they ignore."""
    return orjson.dumps({"method": "ping", "host_id": host_id})


def superseded(host_id: str, user_id: str, since: float, by: str) -> bytes:
    """A connection supersedes its user's older ones; unknown to stock managers, which ignore it."""
    return orjson.dumps(
        {"method": "supersede", "host_id": host_id, "user": user_id, "since": since, "by": by}
    )


def _emit(host_id: str, name: str, payload: Any, room: object, extra: dict[str, Any]) -> bytes:
    return dumps(
        {
            "method": "emit",
            "event": name,
            "data": [payload],
            "binary": False,
            "namespace": "/",
            "room": room,
            "skip_sid": None,
            "callback": None,
            "host_id": host_id,
            **extra,
        }
    )


def read(raw: object, host_id: str) -> Heard | None:
    """What a message asks for; None where it is not to be heeded, whatever it is."""
    if not isinstance(raw, bytes) or len(raw) > MAX_MESSAGE:
        return None
    try:
        message = orjson.loads(raw)
    except ValueError:
        return None
    if not isinstance(message, dict):
        return None
    if message.get("host_id") == host_id:
        return Echo()
    if message.get("namespace") not in ("/", None):
        return None
    match message.get("method"):
        case "emit":
            return _read_emit(message)
        case "disconnect" if isinstance(message.get("sid"), str):
            return Disconnect(message["sid"])
        case "supersede":
            return _read_superseded(message)
    return None


def _read_emit(message: dict[str, Any]) -> Event | Emit | None:
    name, data, ours = message.get("event"), message.get("data"), message.get("chatserver", {})
    room = message.get("room")
    addressed = [room] if isinstance(room, str) else room
    if (
        not isinstance(name, str)
        or not isinstance(data, list)
        or message.get("binary")
        or not isinstance(ours, dict)
        or not (addressed is None or _are_texts(addressed))
    ):
        return None
    payload = data[0] if data else None
    if "seq" in ours:
        return _read_event(name, payload, addressed, ours)
    skip_user = ours.get("skipUser")
    if not (skip_user is None or isinstance(skip_user, str)):
        return None
    rooms = sids = None
    if addressed is not None:
        rooms = tuple(text for text in addressed if text.startswith(_ROOMS))
        sids = tuple(text for text in addressed if not text.startswith(_ROOMS))
    return Emit(name=name, payload=payload, rooms=rooms, sids=sids, skip_user=skip_user)


def _read_superseded(message: dict[str, Any]) -> Superseded | None:
    user_id, since, by = message.get("user"), message.get("since"), message.get("by")
    if isinstance(user_id, str) and isinstance(since, float) and isinstance(by, str):
        return Superseded(user_id, since, by)
    return None


def _read_event(
    name: str, payload: Any, rooms: list[str] | None, ours: dict[str, Any]
) -> Event | None:
    seq, joined, left = ours["seq"], ours.get("joined"), ours.get("left")
    # type(), because True is an int.
    if type(seq) is not int or not 0 < seq <= _MAX_SEQ:
        return None
    if rooms is None or len(rooms) != 1 or not rooms[0].startswith(_ROOMS):
        return None
    if not _are_texts(joined) or not _are_texts(left):
        return None
    return Event(
        room=rooms[0],
        seq=seq,
        name=name,
        payload=payload,
        joined=tuple(joined),
        left=tuple(left),
        welcome=ours.get("welcome"),
        created_at=_moment(ours.get("at")),
    )


def _moment(seconds: object) -> datetime | None:
    if type(seconds) not in (int, float) or not 0 < seconds < _MAX_TIME:  # type: ignore[operator]
        return None
    return datetime.fromtimestamp(seconds, UTC)  # type: ignore[arg-type]  # a number by now


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
