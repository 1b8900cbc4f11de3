"""Hands on what was committed: each process, each conversation in seq order, to every door.

A *room* is ``conversation:<id>`` or ``user:<id>``, by the names that the Redis channel uses. A room with
local connections remembers the last seq handed on: the next one is handed on, an older one dropped, and
before a later one the missing are read from the log. Commits of one stream happen in seq order (a row
lock), so what is missing is always there to be read.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from chatserver.errors import ChatError
from chatserver.logs import get_logger

_log = get_logger(__name__)

# Two of our own commits may wake up in the other order; a moment's patience spares reading the log.
_PATIENCE = 0.005
_RETRY = 1.0
# How many rooms without local connections to remember the last seq of: long enough for a connection that
# is just asking where its streams stand.
_PASSED = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A durable push of a stream. ``joined`` and ``left`` are the users whose membership changes at it."""

    room: str
    seq: int
    name: str
    payload: Any
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Frame:
    """A push on its way out. Doors keep their encoding of it here, so that it is made once per push."""

    name: str
    payload: Any
    encoded: dict[str, Any] = field(default_factory=dict)


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


ReadLog = Callable[[str, int, int], Awaitable[list[Event]]]


@dataclass(slots=True, eq=False)
class _Room:
    # None: a member is here, but where the stream stands is still being asked.
    seq: int | None
    members: set[Connection] = field(default_factory=set)
    waiting: dict[int, Event] = field(default_factory=dict)
    # The log is known to reach at least here.
    known: int = 0
    filling: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that a connection must be sent before anything else of their room."""

    room: str
    after: int
    up_to: int


def conversation_room(conversation_id: object) -> str:
    """The room of a conversation's members."""
    return f"conversation:{conversation_id}"


def user_room(user_id: str) -> str:
    """The room of a user's devices."""
    return f"user:{user_id}"


class Delivery:
    """The local connections, the rooms they are in, and what each room has been told.

    Args:
        read_log: the events of a room after one seq, up to another.
        bell: how the other processes hear of it.
    """

    def __init__(self, read_log: ReadLog, bell: Bell) -> None:
        self._read_log = read_log
        self.bell = bell
        self._rooms: dict[str, _Room] = {}
        self._rooms_of: dict[Connection, set[str]] = {}
        self._passed: OrderedDict[str, int] = OrderedDict()

    # -- connections ------------------------------------------------------------------------------

    def register(self, connection: Connection) -> None:
        """Know a connection by its user, before it is asked where the user's streams stand.

        A conversation that is created meanwhile finds it, so no event falls between the question and `attach`.
        """
        self._rooms_of[connection] = set()
        self._join(connection, user_room(connection.user_id), None)

    def attach(self, connection: Connection, positions: Iterable[tuple[str, int]]) -> list[Gap]:
        """Add a connection to its rooms; `positions` are (room, last seq of its stream when it was asked).

        Returns what was handed on in the rooms between the question and now: the caller reads it with
        `missed` and sends it first. Later events come by `Connection.send`.
        """
        gaps = []
        for name, seq in positions:
            room = self._join(connection, name, seq)
            if room.seq is not None and room.seq > seq:
                gaps.append(Gap(name, seq, room.seq))
        return gaps

    async def missed(self, connection: Connection, gap: Gap) -> list[Frame]:
        """The frames of a gap; they end with the connection's own removal, if that is among them.

        Raises:
            ChatError: UNAVAILABLE
        """
        frames = []
        for event in await self._read_log(gap.room, gap.after, gap.up_to):
            frames.append(Frame(event.name, event.payload))
            if connection.user_id in event.left:
                self._rooms_of.get(connection, set()).discard(gap.room)
                self._leave(connection, gap.room)
                break
        return frames

    def detach(self, connection: Connection) -> None:
        """Forget a connection. Costs what its own rooms cost, however many there are."""
        for room in self._rooms_of.pop(connection, ()):
            self._leave(connection, room)

    def members(self, room: str) -> Iterable[Connection]:
        """The local connections in a room, as they are now."""
        found = self._rooms.get(room)
        return tuple(found.members) if found else ()

    def has(self, user_id: str) -> bool:
        """Whether a user has a connection to this process."""
        return user_room(user_id) in self._rooms

    def _join(self, connection: Connection, name: str, seq: int | None) -> _Room:
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = _Room(seq)
        room.members.add(connection)
        self._rooms_of[connection].add(name)
        if room.seq is None and seq is not None:
            room.seq = seq
        if room.seq is not None:
            room.known = max(room.known, self._passed.pop(name, 0))
            self._advance(name, room)
        return room

    def _leave(self, connection: Connection, name: str) -> None:
        room = self._rooms.get(name)
        if room is None:
            return
        room.members.discard(connection)
        if not room.members:
            del self._rooms[name]
            self._pass(name, max(room.known, room.seq or 0))
            if room.filling:
                room.filling.cancel()

    def _pass(self, name: str, seq: int) -> None:
        """Remember how far a room's stream is known to reach while nobody here is in it."""
        self._passed[name] = max(seq, self._passed.pop(name, 0))
        if len(self._passed) > _PASSED:
            self._passed.popitem(last=False)

    # -- what was committed -----------------------------------------------------------------------

    def publish(self, event: Event) -> None:
        """Hand on an event that this process has committed, and ring for the others."""
        self.hear(event)
        self.bell.ring(event)

    def hear(self, event: Event) -> None:
        """Hand on a committed event, in its turn, to the local connections."""
        room = self._rooms.get(event.room)
        if room is None and any(self.has(user_id) for user_id in event.joined):
            room = self._rooms[event.room] = _Room(event.seq - 1)
        if room is None:
            self._pass(event.room, event.seq)
        elif room.seq is None or event.seq > room.seq:
            room.waiting[event.seq] = event
            room.known = max(room.known, event.seq)
            self._advance(event.room, room)

    def _advance(self, name: str, room: _Room) -> None:
        """Hand on what is next; where something is missing before it, have the log read."""
        if room.seq is None:
            return
        self._hand_on(name, room)
        if room.known > room.seq and room.filling is None:
            room.filling = asyncio.create_task(self._fill(name, room))

    def _hand_on(self, name: str, room: _Room) -> None:
        assert room.seq is not None  # asked by the callers
        while event := room.waiting.pop(room.seq + 1, None):
            room.seq = event.seq
            for user_id in event.joined:
                # A new conversation, or a new member of one: their devices here join at this event.
                for connection in self.members(user_room(user_id)):
                    room.members.add(connection)
                    self._rooms_of[connection].add(name)
            self._send(tuple(room.members), Frame(event.name, event.payload))
            for user_id in event.left:
                for connection in self.members(user_room(user_id)):
                    if connection in room.members:
                        self._rooms_of[connection].discard(name)
                        self._leave(connection, name)
        for seq in [seq for seq in room.waiting if seq <= room.seq]:
            del room.waiting[seq]

    async def _fill(self, name: str, room: _Room) -> None:
        assert room.seq is not None  # asked by _advance
        delay = _PATIENCE
        while room.known > room.seq:
            await asyncio.sleep(delay)
            if room.known <= room.seq:
                break
            try:
                missing = await self._read_log(name, room.seq, room.known)
            except ChatError:
                delay = _RETRY
                continue
            except Exception:
                _log.exception("the log could not be read", room=name, seq=room.seq)
                delay = _RETRY
                continue
            delay = _PATIENCE
            for event in missing:
                room.waiting.setdefault(event.seq, event)
            self._hand_on(name, room)
            if room.known > room.seq and not missing:
                # The log does not hold them any more (pruned): go on from what there is.
                _log.warning("events are missing from the log", room=name, seq=room.seq)
                room.seq = min(room.waiting, default=room.known + 1) - 1
                self._hand_on(name, room)
        room.filling = None

    # -- what is not in the log -------------------------------------------------------------------

    def tell(
        self, rooms: Sequence[str], name: str, payload: Any, *, skip_user: str | None = None
    ) -> None:
        """Send an ephemeral push to rooms, here and at the other processes; not to `skip_user`'s devices."""
        self.told(rooms, name, payload, skip_user=skip_user)
        self.bell.tell(rooms, name, payload, skip_user)

    def told(
        self, rooms: Sequence[str], name: str, payload: Any, *, skip_user: str | None = None
    ) -> None:
        """Send an ephemeral push to the local connections in rooms; to each once."""
        if len(rooms) == 1:
            found: Iterable[Connection] = self.members(rooms[0])
        else:
            found = {connection for room in rooms for connection in self.members(room)}
        self._send([c for c in found if c.user_id != skip_user], Frame(name, payload))

    def told_all(self, name: str, payload: Any) -> None:
        """Send an ephemeral push to every local connection."""
        self._send(tuple(self._rooms_of), Frame(name, payload))

    @staticmethod
    def _send(connections: Iterable[Connection], frame: Frame) -> None:
        for connection in connections:
            try:
                connection.send(frame)
            except Exception:
                # One broken connection must not keep the push from the others.
                _log.exception("a connection refused a push", push=frame.name)
