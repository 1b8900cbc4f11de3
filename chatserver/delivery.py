"""Hands on what was committed: each process, each conversation in seq order, to every door.

A *room* is ``conversation:<id>`` or ``user:<id>``, by the names that the Redis channel uses. A room with
local connections remembers the last seq handed on: the next one is handed on, an older one dropped, and
before a later one the missing are read from the log. Commits of one stream happen in seq order (a row
lock), so what is missing is always there to be read.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatserver.errors import ChatError
from chatserver.logs import get_logger
from chatserver.pushes import Bell, Connection, Event, Frame, frame_of, user_room
from chatserver.tally import SECONDS, Headcount, Histogram

_log = get_logger(__name__)

# Two of our own commits may wake up in the other order; a moment's patience spares reading the log.
_PATIENCE = 0.005
_RETRY = 1.0
# How many rooms without local connections to remember the last seq of: long enough for a connection that
# is just asking where its streams stand.
_PASSED = 20_000


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
    # Where it began: events up to here were handed on only if that was `before`, when it had other members.
    start: int = 0
    before: "_Span" = (0, 0)
    # Those who joined by an event that was not, and are being told of it.
    late: dict[Connection, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def handed(self) -> "_Span":
        """The last events that were handed on."""
        if self.seq is None or self.seq == self.start:
            return self.before
        return (self.before[0] if self.before[1] == self.start else self.start), self.seq


# After one seq, up to another.
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that a connection must be sent before anything else of their room."""

    room: str
    after: int
    up_to: int


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
        # How far the streams of rooms without members are known to reach, and were handed on here.
        self._passed: OrderedDict[str, tuple[int, _Span]] = OrderedDict()
        self._watchers: dict[str, list[Callable[[], None]]] = {}
        # Through where everything has been handed on; the log reader says so.
        self.offset: str | None = None
        self.headcount = Headcount()
        # From when an event was written, by the database's clock, to when it is handed on here.
        self.lag = Histogram(SECONDS)
        # Pushes, one per connection that they went to.
        self.pushed = 0

    # -- connections ------------------------------------------------------------------------------

    def register(self, connection: Connection) -> None:
        """Know a connection by its user, before it is asked where the user's streams stand.

        A conversation that is created meanwhile finds it, so no event falls between the question and `attach`.
        """
        self._rooms_of[connection] = set()
        self.headcount.come(connection.user_id)
        self._join(connection, user_room(connection.user_id), None)

    def attach(self, connection: Connection, positions: Iterable[tuple[str, int]]) -> list[Gap]:
        """Add a connection to its rooms; `positions` are (room, last seq of its stream when it was asked).

        Returns what was handed on in the rooms between the question and now: the caller reads it with
        `missed` and sends it first. It may hold the connection's own removal, so only `missed` lets it in.
        Later events come by `Connection.send`.
        """
        gaps = []
        for name, seq in positions:
            room = self._rooms.get(name)
            if room is not None and room.seq is not None and room.seq > seq:
                gaps.append(Gap(name, seq, room.seq))
            else:
                self._join(connection, name, seq)
        return gaps

    async def missed(self, connection: Connection, gap: Gap) -> list[Frame]:
        """The frames of a gap, after which the connection is in its room, unless they removed it.

        Raises:
            ChatError: UNAVAILABLE
        """
        frames = []
        user_id, after, up_to, inside = connection.user_id, gap.after, gap.up_to, True
        while after < up_to:
            for event in await self._read_log(gap.room, after, up_to):
                inside = inside or user_id in event.joined
                if inside:
                    frames.append(frame_of(event, user_id))
                inside = inside and user_id not in event.left
            # What was handed on while the log was read belongs to the gap too.
            room = self._rooms.get(gap.room)
            after = up_to
            if room is not None and room.seq is not None:
                up_to = room.seq
        if inside and connection in self._rooms_of:
            self._join(connection, gap.room, after)
        return frames

    def detach(self, connection: Connection) -> None:
        """Forget a connection. Costs what its own rooms cost, however many there are."""
        rooms = self._rooms_of.pop(connection, None)
        if rooms is None:
            return
        self.headcount.go(connection.user_id)
        for room in rooms:
            self._leave(connection, room)

    def members(self, room: str) -> Collection[Connection]:
        """The local connections in a room, as they are now."""
        found = self._rooms.get(room)
        return tuple(found.members) if found else ()

    @property
    def conversations(self) -> int:
        """How many conversations have a local connection."""
        return max(0, len(self._rooms) - self.headcount.users)

    def has(self, user_id: str) -> bool:
        """Whether a user has a connection to this process."""
        return user_room(user_id) in self._rooms

    def _join(self, connection: Connection, name: str, seq: int | None) -> _Room:
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = _Room(None)
        room.members.add(connection)
        self._rooms_of[connection].add(name)
        if room.seq is None and seq is not None:
            self._begin(name, room, seq)
        if room.seq is not None:
            # Where it stands may be further than what was heard of here.
            room.known = max(room.known, seq or 0)
            self._advance(name, room)
        return room

    def _begin(self, name: str, room: _Room, seq: int) -> None:
        """A room stands at `seq` from now on."""
        known, room.before = self._passed.pop(name, (0, (0, 0)))
        room.seq = room.start = seq
        room.known = max(room.known, known)

    def _leave(self, connection: Connection, name: str) -> None:
        room = self._rooms.get(name)
        if room is None:
            return
        room.members.discard(connection)
        self._drop_if_empty(name, room)

    def _drop_if_empty(self, name: str, room: _Room) -> None:
        """Forget a room that nobody here is in, unless events are being read that may yet join somebody."""
        busy = room.members or room.filling or room.late
        if not busy and self._rooms.get(name) is room:
            del self._rooms[name]
            self._pass(name, max(room.known, room.seq or 0), room.handed)

    def _pass(self, name: str, known: int, handed: _Span | None = None) -> None:
        """Remember how far a room's stream is known to reach while nobody here is in it."""
        was_known, was_handed = self._passed.pop(name, (0, (0, 0)))
        self._passed[name] = max(known, was_known), handed or was_handed
        if len(self._passed) > _PASSED:
            self._passed.popitem(last=False)

    # -- what was committed -----------------------------------------------------------------------

    def publish(self, event: Event) -> None:
        """Hand on an event that this process has committed, and ring for the others."""
        self.hear(event)
        self.bell.ring(event)

    def watch(self, name: str, changed: Callable[[], None]) -> None:
        """Call `changed` as soon as an event of that name is heard of, whoever it is about."""
        self._watchers.setdefault(name, []).append(changed)

    def _say_changed(self, event: Event) -> None:
        for changed in self._watchers.get(event.name, ()):
            changed()

    def hear(self, event: Event) -> None:
        """Hand on a committed event, in its turn, to the local connections."""
        room = self._rooms.get(event.room)
        if room is not None and room.seq == event.seq - 1 and not room.waiting:
            # The usual: the next one, and nothing waits for it.
            self._pass_on(event.room, room, event)
            room.known = max(room.known, event.seq)
            if event.left:
                self._drop_if_empty(event.room, room)
            return
        self._say_changed(event)
        if room is None and any(self.has(user_id) for user_id in event.joined):
            if event.seq <= self._handed(event.room)[1]:
                # Heard twice, or so late that the log reader comes first.
                return
            # A later event may have been heard before this one: the removal of the same person, perhaps.
            room = self._rooms[event.room] = _Room(None)
            self._begin(event.room, room, event.seq - 1)
        if room is None:
            self._pass(event.room, event.seq)
        elif room.seq is None or event.seq > room.seq:
            room.waiting[event.seq] = event
            room.known = max(room.known, event.seq)
            self._advance(event.room, room)

    def reaches(self, name: str, seq: int, joined: Iterable[tuple[int, list[str]]]) -> bool:
        """A room's stream is known to reach `seq`; whether everything to there has been handed on here.

        Args:
            joined: the events that joined users to it, and whom: those before which the room began here.
        """
        room = self._rooms.get(name)
        if room is None:
            after, up_to = self._handed(name)
            ours = (
                at for at, users in joined if not after < at <= up_to and any(map(self.has, users))
            )
            first = next(ours, None)
            if first is None:
                self._pass(name, seq)
                return True
            room = self._rooms[name] = _Room(None)
            self._begin(name, room, first - 1)
        if room.seq is None:
            # Its only members are just asking where it stands; they have no offset to be wrong about.
            self._pass(name, seq)
            return True
        after, up_to = room.before
        for at, users in joined:
            if at <= room.start and not after < at <= up_to:
                self._join_late(name, room, at, users)
        room.known = max(room.known, seq)
        self._advance(name, room)
        return room.seq >= seq and not room.late

    def _handed(self, name: str) -> _Span:
        """What was handed on in a room that nobody here is in now."""
        return self._passed.get(name, (0, (0, 0)))[1]

    def _join_late(self, name: str, room: _Room, at: int, users: Iterable[str]) -> None:
        """Somebody's devices were here when they joined by an event that was not heard of; others came later,
        and the room began where those stand."""
        assert room.seq is not None  # asked by the caller
        for user_id in users:
            for connection in self.members(user_room(user_id)):
                # The first of several joinings tells of the others, too.
                if connection not in room.members and connection not in room.late:
                    gap = Gap(name, at - 1, room.seq)
                    room.late[connection] = asyncio.create_task(
                        self._tell_late(connection, room, gap)
                    )

    async def _tell_late(self, connection: Connection, room: _Room, gap: Gap) -> None:
        try:
            while connection in self._rooms_of:
                try:
                    for frame in await self.missed(connection, gap):
                        self._send((connection,), frame)
                    return
                except ChatError:
                    await asyncio.sleep(_RETRY)
        finally:
            del room.late[connection]
            self._drop_if_empty(gap.room, room)

    async def caught_up(self, rooms: Iterable[str]) -> None:
        """Wait until what is known of the rooms' streams has been handed on here."""
        for name in rooms:
            while (room := self._rooms.get(name)) and (room.filling or room.late):
                await asyncio.wait({*room.late.values(), *filter(None, (room.filling,))})

    def rooms_of(self, connection: Connection) -> tuple[str, ...]:
        """The rooms that a connection is in."""
        return tuple(self._rooms_of.get(connection, ()))

    def _advance(self, name: str, room: _Room) -> None:
        """Hand on what is next; where something is missing before it, have the log read."""
        if room.seq is None:
            return
        self._hand_on(name, room)
        if room.known > room.seq and room.filling is None:
            room.filling = asyncio.create_task(self._fill(name, room))
        self._drop_if_empty(name, room)

    def _hand_on(self, name: str, room: _Room) -> None:
        assert room.seq is not None  # asked by the callers
        while event := room.waiting.pop(room.seq + 1, None):
            self._pass_on(name, room, event)
        for seq in [seq for seq in room.waiting if seq <= room.seq]:
            del room.waiting[seq]

    def _pass_on(self, name: str, room: _Room, event: Event) -> None:
        """Hand on the next event of a room."""
        room.seq = event.seq
        self._say_changed(event)
        for user_id in event.joined:
            # A new conversation, or a new member of one: their devices here join at this event.
            for connection in self.members(user_room(user_id)):
                room.members.add(connection)
                self._rooms_of[connection].add(name)
        if event.welcome is None:
            self._send(tuple(room.members), frame_of(event, offset=self.offset))
        else:
            self._send_welcome(room, event)
        if event.created_at is not None:
            self.lag.observe(max(0.0, time.time() - event.created_at.timestamp()))
        for user_id in event.left:
            for connection in self.members(user_room(user_id)):
                if connection in room.members:
                    self._rooms_of[connection].discard(name)
                    room.members.discard(connection)

    def _send_welcome(self, room: _Room, event: Event) -> None:
        """Send an event that is another one to those who join by it."""
        joining = {c for c in room.members if c.user_id in event.joined}
        self._send(room.members - joining, frame_of(event, offset=self.offset))
        for user_id in event.joined:
            theirs = [connection for connection in joining if connection.user_id == user_id]
            self._send(theirs, frame_of(event, user_id, self.offset))

    async def _fill(self, name: str, room: _Room) -> None:
        assert room.seq is not None  # asked by _advance
        delay = _PATIENCE
        # Where nobody at all is connected, nobody is waiting: the server stops.
        while room.known > room.seq and self._rooms_of:
            await asyncio.sleep(delay)
            if room.known <= room.seq:
                break
            up_to = room.known
            try:
                missing = await self._read_log(name, room.seq, up_to)
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
            if room.seq < up_to:
                # The next one was asked for, and the log does not hold it any more (pruned): go on from what
                # there is. What was heard of while it was read has not been asked for yet.
                _log.warning("events are missing from the log", room=name, seq=room.seq)
                room.seq = min(min(room.waiting, default=up_to + 1) - 1, up_to)
                self._hand_on(name, room)
        room.filling = None
        self._drop_if_empty(name, room)

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
            found: Collection[Connection] = self.members(rooms[0])
        else:
            found = {connection for room in rooms for connection in self.members(room)}
        if skip_user is not None:
            found = [c for c in found if c.user_id != skip_user]
        self._send(found, Frame(name, payload))

    def told_all(self, name: str, payload: Any) -> None:
        """Send an ephemeral push to every local connection."""
        self._send(tuple(self._rooms_of), Frame(name, payload))

    def _send(self, connections: Collection[Connection], frame: Frame) -> None:
        self.pushed += len(connections)
        for connection in connections:
            try:
                connection.send(frame)
            except Exception:
                # One broken connection must not keep the push from the others.
                _log.exception("a connection refused a push", push=frame.name)
