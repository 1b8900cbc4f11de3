"""Delivers what was committed: in each process, each conversation in seq order, to every door.

A *room* is ``conversation:<id>`` or ``user:<id>``, by the names that the Redis channel uses. A room with
local connections remembers the last seq handed on: the next one is handed on, an older one dropped, and
before a later one the missing are read from the log (`missing`).
"""

import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Container,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager

from chatserver.core.crowd import CROWD
from chatserver.core.slices import in_slices
from chatserver.core.tally import SECONDS, Histogram
from chatserver.delivery.late import Gap, Latecomers
from chatserver.delivery.missing import PAGE, Ended, Missing, ReadLog, nobody
from chatserver.delivery.owed_offsets import OwedOffsets
from chatserver.delivery.pushes import Bell, Connection, Event, Frame, frame_of, user_room
from chatserver.delivery.rooms import Room
from chatserver.delivery.telling import Telling


class Delivery(Telling):
    """Hands on committed events to the local connections in their rooms, and ephemeral pushes (`Telling`).

    Args:
        read_log: the events of a room after one seq, up to another.
        bell: tells the other processes.
        ended: those of some users who are in a room no longer, and the seq of the end, where that is after a seq
            and messages may have been changed since.
        on_crowd: told how many connections got an event at once, where they are a crowd.
    """

    def __init__(
        self,
        read_log: ReadLog,
        bell: Bell,
        ended: Ended = nobody,
        *,
        on_crowd: Callable[[int], None] = lambda _count: None,
    ) -> None:
        super().__init__(bell)
        self.missing = Missing(self.rooms, read_log, ended, self._hand_on, self.hear)
        self._late = Latecomers(self.rooms, self.missing, self._enter, self._send, self.owe_offset)
        # Connections that are to be told of a newer offset.
        self.owed = OwedOffsets()
        self._watchers: dict[str, list[Callable[[], None]]] = {}
        # Through where everything has been handed on; the log reader says so.
        self.offset: str | None = None
        # From when an event was written, by the database's clock, to when it is handed on here.
        self.lag = Histogram(SECONDS)
        self._on_crowd = on_crowd

    # -- connections ------------------------------------------------------------------------------

    def register(self, connection: Connection) -> None:
        """Know a connection by its user, before it is asked where the user's streams stand.

        A conversation that is created meanwhile finds it, so no event falls between the question and `attach`.
        """
        self.rooms.come(connection)

    def attach(
        self,
        connection: Connection,
        positions: Iterable[tuple[str, int]],
        direct: Container[str] = (),
    ) -> list[Gap]:
        """Add a connection to rooms of its own; `positions` are (room, last seq of its stream when it was asked),
        of which some are `direct` conversations.

        May be called for some of them at a time; `arrived` says that these were all. Returns what was handed on
        in the rooms between the question and now: the caller reads it with `missed` and sends it first. It may
        hold the connection's own removal, so only `missed` lets it in. Later events come by `Connection.send`.
        """
        gaps = []
        for name, seq in positions:
            room = self.rooms.open.get(name)
            if room is not None and room.seq is not None and room.seq > seq:
                gaps.append(Gap(name, seq, room.seq))
            else:
                self._enter(connection, name, seq, is_direct=name in direct)
        return gaps

    def _enter(
        self, connection: Connection, name: str, seq: int, *, is_direct: bool = False
    ) -> None:
        """Put a connection into a room whose stream it has up to `seq`."""
        self._advance(name, self.rooms.enter(connection, name, seq, is_direct=is_direct))

    def stands_elsewhere(self, connection: Connection, name: str, seq: int) -> bool:
        """Return whether a room is open here already, at another seq or for this connection.

        Then what is handed on in it may be what the connection has.
        """
        room = self.rooms.open.get(name)
        return room is not None and (room.seq != seq or connection in room.members)

    def arrived(self, connection: Connection) -> bool:
        """Note that all rooms of a connection are known. Returns whether what passed meanwhile is known, too.

        If not, it has to come back: it has missed nothing more by then.
        """
        return self.rooms.arrived(connection)

    def missed(self, connection: Connection, gap: Gap) -> AsyncIterator[list[Frame]]:
        """Yield the frames of a gap, in pages; then the connection is in its room, unless they removed it.

        Raises:
            ChatError: UNAVAILABLE
        """
        return self._late.missed(connection, gap)

    def detach(self, connection: Connection) -> None:
        """Forget a connection. Costs what its own rooms cost, some of them at a time."""
        self.rooms.go(connection)
        self.owed.forget(connection)

    # -- what was committed -----------------------------------------------------------------------

    def publish(self, event: Event) -> None:
        """Hand on an event that this process has committed, and ring the bell for other processes."""
        before = self.pushed
        self.hear(event)
        if self.pushed - before > CROWD:
            self._on_crowd(self.pushed - before)
        self.bell.ring(event)

    def coming(self, room: str) -> AbstractContextManager[None]:
        """Say that this process has committed events of a room and reads them, to publish them by then.

        What comes after them waits for that, rather than having them read without what caused them.
        """
        return self.missing.coming(room)

    def watch(self, name: str, changed: Callable[[], None]) -> None:
        """Call `changed` as soon as an event of that name is heard of, whoever it is about."""
        self._watchers.setdefault(name, []).append(changed)

    def _say_changed(self, event: Event) -> None:
        for changed in self._watchers.get(event.name, ()):
            changed()

    def hear(self, event: Event) -> None:
        """Hand on a committed event, in its turn, to the local connections."""
        rooms = self.rooms
        room = rooms.open.get(event.room)
        if room is not None and room.seq == event.seq - 1 and not room.waiting:
            # The usual: the next one, and nothing waits for it.
            self._pass_on(event.room, room, event)
            room.known = max(room.known, event.seq)
            if event.left:
                rooms.close_if_empty(event.room, room)
            return
        self._say_changed(event)
        if room is None and any(map(rooms.has, event.joined)):
            if event.seq <= rooms.handed(event.room)[1]:
                # Heard twice, or so late that the log reader comes first.
                return
            # A later event may have been heard before this one: the removal of the same person, perhaps.
            is_direct = event.about is not None and event.about.users != ()
            room = rooms.begin(event.room, event.seq - 1, is_direct=is_direct)
        if room is None:
            rooms.note(event.room, event.seq)
        elif room.seq is None or event.seq > room.seq:
            room.waiting[event.seq] = event
            room.known = max(room.known, event.seq)
            self._advance(event.room, room)

    def rung(self, event: Event) -> None:
        """Hand on, in its turn, an event that another process says it has committed.

        Its word is taken for what the next event of a room is. Who is in the room, and whether there is anything
        between here and a later event, or that event, is asked of the log: an intruder who makes up a message, or
        repeats an old one, lets nobody in and takes nothing from anybody.
        """
        name, room = event.room, self.rooms.open.get(event.room)
        # A process of an older release does not say what its events are about; the log does.
        plain = not event.joined and not event.left and event.about is not None
        if room is None:
            self._say_changed(event)
            self.rooms.note(name, 0, claimed=event.seq)
            if any(map(self.rooms.has, event.joined)):
                self.missing.look(name, event.seq)
        elif plain and room.seq == event.seq - 1 and not room.waiting:
            self._pass_on(name, room, event)
        elif room.seq is None or event.seq > room.seq:
            self._say_changed(event)
            room.claimed = max(room.claimed, event.seq)
            if plain and len(room.waiting) < PAGE:
                room.waiting[event.seq] = event
            self._advance(name, room)

    def behind(
        self,
        reached: Iterable[tuple[str, int]],
        joined: Mapping[str, Sequence[tuple[int, list[str]]]],
    ) -> list[str]:
        """Note how far rooms' streams reach. Returns the rooms in which something of that is to be handed on yet.

        In nearly all of them nothing is, or nobody is here: each process is told what all processes commit.

        Args:
            joined: of some of the rooms, the events that joined users to them, and whom.
        """
        rooms = self.rooms
        opened = rooms.open
        found = []
        for name, seq in reached:
            room = opened.get(name)
            if joined and name in joined:
                is_here = self.reaches(name, seq, joined[name])
            elif room is None:
                rooms.note(name, seq)
                continue
            else:
                is_here = room.has(seq) or self.reaches(name, seq, ())
            if not is_here:
                found.append(name)
        return found

    def reaches(self, name: str, seq: int, joined: Iterable[tuple[int, list[str]]]) -> bool:
        """Note that a room's stream reaches `seq`. Returns whether everything to there has been handed on here.

        Args:
            joined: the events that joined users to it, and whom: those before which the room began here.
        """
        rooms = self.rooms
        room = rooms.open.get(name)
        if room is None:
            after, up_to = rooms.handed(name)
            ours = (
                at for at, users in joined if not after < at <= up_to and any(map(rooms.has, users))
            )
            first = next(ours, None)
            if first is None:
                rooms.note(name, seq)
                return True
            room = rooms.begin(name, first - 1)
        if room.seq is None:
            # Its only members are just asking where it stands; they have no offset to be wrong about.
            rooms.note(name, seq)
            return True
        after, up_to = room.before
        for at, users in joined:
            if at <= room.start and not after < at <= up_to:
                self._late.join(name, room, at, users)
        room.known = max(room.known, seq)
        self._advance(name, room)
        return room.seq >= seq and not room.late

    def _advance(self, name: str, room: Room) -> None:
        """Hand on what is next; where something is missing before it, have the log read."""
        if room.seq is None:
            return
        self._hand_on(name, room)
        if room.reach > room.seq and room.filling is None:
            self.missing.fill(name, room)
        self.rooms.close_if_empty(name, room)

    def _hand_on(self, name: str, room: Room) -> None:
        assert room.seq is not None  # asked by the callers
        while event := room.waiting.pop(room.seq + 1, None):
            self._pass_on(name, room, event)
        for seq in [seq for seq in room.waiting if seq <= room.seq]:
            del room.waiting[seq]

    def _pass_on(self, name: str, room: Room, event: Event) -> None:
        """Hand on the next event of a room."""
        rooms = self.rooms
        room.seq = event.seq
        self.owed.rooms.add(name)
        self._say_changed(event)
        for user_id in event.joined:
            # A new conversation, or a new member of one: their devices here join at this event.
            for connection in self.members(user_room(user_id)):
                room.members.add(connection)
                rooms.of[connection].add(name)
        members: Collection[Connection] = room.members
        if rooms.ending and (ending := rooms.ending.get(name)):
            members = self.missing.not_ending(name, ending, members, event)
        if event.welcome is None:
            self._send(tuple(members), frame_of(event, offset=self.offset))
        else:
            self._send_welcome(members, event)
        if event.created_at is not None:
            self.lag.observe(max(0.0, time.time() - event.created_at.timestamp()))
        for user_id in event.left:
            # They are in the room no longer, and are to hear of a newer offset all the same.
            self.owed.rooms.add(user_room(user_id))
            for connection in self.members(user_room(user_id)):
                if connection in room.members:
                    rooms.of[connection].discard(name)
                    room.members.discard(connection)

    def _send_welcome(self, members: Collection[Connection], event: Event) -> None:
        """Send an event that is another one to those who join by it."""
        joining = {c for c in members if c.user_id in event.joined}
        self._send([c for c in members if c not in joining], frame_of(event, offset=self.offset))
        for user_id in event.joined:
            theirs = [connection for connection in joining if connection.user_id == user_id]
            self._send(theirs, frame_of(event, user_id, self.offset))

    # -- offsets ----------------------------------------------------------------------------------

    async def caught_up_for(self, connection: Connection) -> None:
        """Wait as `caught_up` does, for the rooms that a connection is in."""
        names = self.rooms.of.get(connection, set())
        await self.caught_up([name for name in self.missing.unsettled if name in names])

    async def caught_up(self, rooms: Iterable[str]) -> None:
        """Wait until what is known of the rooms' streams has been handed on here."""
        await self.missing.caught_up(rooms)

    def owe_offset(self, connection: Connection) -> None:
        """Note that a connection was sent something durable that the last offset it was told does not cover."""
        if connection in self.rooms.of:
            self.owed.connections.add(connection)

    async def tell_offset(self) -> None:
        """Tell the present offset to those for whom it covers all that they were pushed, and is news."""
        frame = Frame("session:offset", {}, self.offset)
        async for some in in_slices(await self.owed.settle(self.members)):
            self._send(some, frame)
