"""Which local connections are in which rooms, and how far the stream of each room was handed on here."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from chatserver.core.slices import SLICE
from chatserver.core.tally import Headcount
from chatserver.delivery.pushes import Bell, Connection, Event, user_room

# How many rooms without local connections to remember the last seq of. While a connection is asking where its
# streams stand none of them is forgotten, up to another bound.
_PASSED = 20_000
_MOST_PASSED = 500_000

# After one seq, up to another.
Span = tuple[int, int]
_NOTHING: Span = (0, 0)


@dataclass(slots=True, eq=False)
class Room:
    """A room with local connections, or one whose events are being read that may join some."""

    # None: a member is here, but where the stream stands is still being asked.
    seq: int | None
    members: set[Connection] = field(default_factory=set)
    waiting: dict[int, Event] = field(default_factory=dict)
    # The log is known to reach at least here; other processes say that it reaches there.
    known: int = 0
    claimed: int = 0
    filling: asyncio.Task[None] | None = None
    # Where it began: events up to here were handed on only if that was `before`, when it had other members.
    start: int = 0
    before: Span = _NOTHING
    # Those who joined by an event that was not handed on, and are being told of it.
    late: dict[Connection, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def reach(self) -> int:
        """The seq to which the log has to be read."""
        return max(self.known, self.claimed)

    @property
    def handed(self) -> Span:
        """The last events that were handed on without a gap: after the first of the two seqs, up to the second."""
        if self.seq is None or self.seq == self.start:
            return self.before
        return (self.before[0] if self.before[1] == self.start else self.start), self.seq

    def has(self, seq: int) -> bool:
        """Return whether everything up to `seq` was handed on here, and nothing else is under way."""
        busy = self.waiting or self.late or self.filling
        return not busy and self.seq is not None and self.seq >= max(seq, self.known, self.claimed)


class Rooms:
    """The rooms of one process, by their names, and its connections with the rooms that they are in.

    Args:
        bell: told which rooms there are.
    """

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.open: dict[str, Room] = {}
        self.of: dict[Connection, set[str]] = {}
        # Of rooms that were read from the log: those who are in them no longer, and the seq of their end. What was
        # read shows messages as they are now, and these people may not see that.
        self.ending: dict[str, dict[str, int]] = {}
        self.headcount = Headcount()
        # How far the streams of rooms without members are known to reach, are said to, and were handed on here.
        self.passed: OrderedDict[str, tuple[int, int, Span]] = OrderedDict()
        # Those who register and whose rooms are not all known yet; and those of them for whom too much has passed.
        self._arriving: set[Connection] = set()
        self._unsure: set[Connection] = set()

    @property
    def conversations(self) -> int:
        """How many conversations have a local connection."""
        return max(0, len(self.open) - self.headcount.users)

    def members(self, name: str) -> Collection[Connection]:
        """Return the local connections in a room, as they are now."""
        found = self.open.get(name)
        return tuple(found.members) if found else ()

    def has(self, user_id: str) -> bool:
        """Return whether a user has a connection to this process."""
        return user_room(user_id) in self.open

    # -- connections ------------------------------------------------------------------------------

    def come(self, connection: Connection) -> None:
        """Know a connection by its user, whose other rooms are not known yet."""
        self.of[connection] = set()
        self._arriving.add(connection)
        self.headcount.come(connection.user_id)
        self.enter(connection, user_room(connection.user_id), None)

    def arrived(self, connection: Connection) -> bool:
        """Note that all rooms of a connection are known. Returns whether what passed meanwhile is known, too."""
        self._arriving.discard(connection)
        is_sure = connection not in self._unsure
        self._unsure.discard(connection)
        return is_sure

    def go(self, connection: Connection) -> None:
        """Forget a connection. Costs what its own rooms cost, some of them at a time."""
        names = self.of.pop(connection, None)
        if names is None:
            return
        self.headcount.go(connection.user_id)
        self.arrived(connection)
        # Events that join its user would find it by this room.
        own = user_room(connection.user_id)
        names.discard(own)
        self._leave(connection, own)
        self._leave_some(connection, names)

    def _leave_some(self, connection: Connection, names: set[str]) -> None:
        for _ in range(min(SLICE, len(names))):
            self._leave(connection, names.pop())
        if names:
            asyncio.get_running_loop().call_soon(self._leave_some, connection, names)

    def enter(
        self, connection: Connection, name: str, seq: int | None, *, is_direct: bool = False
    ) -> Room:
        """Put a connection into a room, whose stream was at `seq` when that was asked (None: not asked yet).

        The bell need not be told of a direct conversation: it rings where its people are.
        """
        room = self.open.get(name)
        if room is None:
            room = self._new(name, is_direct=is_direct)
        room.members.add(connection)
        self.of[connection].add(name)
        if room.seq is None and seq is not None:
            self._begin(name, room, seq)
        if room.seq is not None:
            # Where it stands may be further than what was heard of here.
            room.known = max(room.known, seq or 0)
        return room

    def _leave(self, connection: Connection, name: str) -> None:
        room = self.open.get(name)
        if room is not None:
            room.members.discard(connection)
            self.close_if_empty(name, room)

    # -- rooms ------------------------------------------------------------------------------------

    def begin(self, name: str, seq: int, *, is_direct: bool = False) -> Room:
        """Open a room without members, which stands at `seq`."""
        room = self._new(name, is_direct=is_direct)
        self._begin(name, room, seq)
        return room

    def _new(self, name: str, *, is_direct: bool) -> Room:
        room = self.open[name] = Room(None)
        if not is_direct:
            self._bell.join(name)
        return room

    def _begin(self, name: str, room: Room, seq: int) -> None:
        known, claimed, room.before = self.passed.pop(name, (0, 0, _NOTHING))
        room.seq = room.start = seq
        room.known = max(room.known, known)
        room.claimed = max(room.claimed, claimed)

    def close_if_empty(self, name: str, room: Room) -> None:
        """Forget a room that nobody here is in, unless events are being read that may yet join somebody."""
        busy = room.members or room.filling or room.late
        if not busy and self.open.get(name) is room:
            del self.open[name]
            self._bell.leave(name)
            self.ending.pop(name, None)
            self.note(name, max(room.known, room.seq or 0), room.handed, claimed=room.claimed)

    def note(self, name: str, known: int, handed: Span | None = None, *, claimed: int = 0) -> None:
        """Remember how far a room's stream is known to reach while nobody here is in it."""
        was_known, was_claimed, was_handed = self.passed.pop(name, (0, 0, _NOTHING))
        reach = max(known, was_known), max(claimed, was_claimed)
        self.passed[name] = *reach, handed or was_handed
        # Forget two at most each time, since others wait meanwhile.
        for _ in range(2):
            if len(self.passed) <= (_MOST_PASSED if self._arriving else _PASSED):
                return
            self.passed.popitem(last=False)
            self._unsure |= self._arriving

    def handed(self, name: str) -> Span:
        """Return what was handed on in a room that nobody here is in now."""
        return self.passed.get(name, (0, 0, _NOTHING))[2]
