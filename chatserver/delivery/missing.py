"""Reads from the log what rooms lack: events between the last one handed on and a later one that is known of.

Commits of one stream happen in seq order (a row lock), so what is missing is always there to be read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.delivery.pushes import Connection, Event
from chatserver.delivery.rooms import Room, Rooms

_log = get_logger(__name__)

# Two of our own commits may wake up in the other order; a moment's patience spares reading the log (s).
_PATIENCE = 0.005
# After a failure (s).
_RETRY = 1.0
# Events of a room to read from the log at once, and to keep until those before them have come.
PAGE = 1_000
# Events that may bring somebody here into a room, of which so many are read at once.
_LOOKS = 100

ReadLog = Callable[[str, int, int], Awaitable[list[Event]]]
Ended = Callable[[str, Collection[str], int], Awaitable[Mapping[str, int]]]


async def nobody(_room: str, _users: Collection[str], _after: int) -> Mapping[str, int]:
    """Say that nobody's membership has ended; an `Ended`."""
    return {}


class Missing:
    """Has events of rooms read from the log, and hands them back.

    Args:
        read_log: the events of a room after one seq, up to another.
        ended: those of some users who are in a room no longer, and the seq of the end, where that is after a seq
            and messages may have been changed since.
        hand_on: hands on what waits in a room and is next.
        hear: takes an event that may open a room.
    """

    def __init__(
        self,
        rooms: Rooms,
        read_log: ReadLog,
        ended: Ended,
        hand_on: Callable[[str, Room], None],
        hear: Callable[[Event], None],
    ) -> None:
        self._rooms = rooms
        self.read_log = read_log
        self.ended = ended
        self._hand_on = hand_on
        self._hear = hear
        # Rooms whose log is being read, for all or for those who joined late.
        self.unsettled: set[str] = set()
        # What this process has committed in a room, and is about to publish.
        self._coming: dict[str, set[asyncio.Future[None]]] = {}
        # The rooms that somebody may have joined, as another process says.
        self.looking: dict[str, asyncio.Task[None]] = {}

    @contextmanager
    def coming(self, room: str) -> Iterator[None]:
        """Say that this process has committed events of a room and reads them, to publish them by then.

        What comes after them waits for that, rather than having them read without what caused them.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._coming.setdefault(room, set()).add(done)
        try:
            yield
        finally:
            done.set_result(None)
            self._coming[room].discard(done)
            if not self._coming[room]:
                del self._coming[room]

    # -- what comes before an event ---------------------------------------------------------------

    def fill(self, name: str, room: Room) -> None:
        """Have a room's log read as far as it is known to reach."""
        self.unsettled.add(name)
        room.filling = asyncio.create_task(self._fill(name, room))

    async def _fill(self, name: str, room: Room) -> None:
        assert room.seq is not None  # asked by the caller
        delay = _PATIENCE
        # Where nobody is connected, nobody waits for it: the server stops.
        while room.reach > room.seq and self._rooms.of:
            await asyncio.sleep(delay)
            if coming := self._coming.get(name):
                await asyncio.wait(coming)
            if room.reach <= room.seq:
                break
            up_to = min(room.reach, room.seq + PAGE)
            # Events that are heard of while the log is read may have been committed too late for this reading.
            claimed, room.claimed = room.claimed, 0
            heard = tuple(room.waiting)
            try:
                missing = await self.read_log(name, room.seq, up_to)
                await self._note_ends(name, room.seq, tuple(room.members), missing)
            except Exception as error:
                if not isinstance(error, ChatError):
                    _log.exception("the log could not be read", room=name, seq=room.seq)
                room.claimed = max(room.claimed, claimed)
                delay = _RETRY
                continue
            delay = _PATIENCE
            for event in missing:
                room.waiting.setdefault(event.seq, event)
            self._hand_on(name, room)
            if room.seq < up_to and room.known <= room.seq:
                # Only a message of another process said that there is more; the log says that there is not.
                for seq in heard:
                    room.waiting.pop(seq, None)
                continue
            room.claimed = max(room.claimed, claimed)
            if room.seq < up_to:
                # The next one was asked for, and the log does not hold it any more (pruned): go on from what
                # there is. What was heard of while it was read has not been asked for yet.
                _log.warning("events are missing from the log", room=name, seq=room.seq)
                up_to = min(up_to, room.known)
                room.seq = min(min(room.waiting, default=up_to + 1) - 1, up_to)
                self._hand_on(name, room)
        room.filling = None
        self.settle(name, room)
        self._rooms.close_if_empty(name, room)

    # -- what may join somebody -------------------------------------------------------------------

    def look(self, name: str, seq: int) -> None:
        """Have an event read that may bring somebody here into a room; the log reader finds what is not read."""
        if name not in self.looking and len(self.looking) < _LOOKS:
            self.looking[name] = asyncio.create_task(self._read_joining(name, seq))

    async def _read_joining(self, name: str, seq: int) -> None:
        try:
            # With what has come since: those whom it brought in may be gone by now.
            events = await self.read_log(name, seq - 1, seq - 1 + PAGE)
            await self._note_ends(name, seq - 1, (), events)
            for event in events:
                self._hear(event)
        except ChatError:
            pass  # the database said so in the log already
        except Exception:
            _log.exception("a joining could not be read", room=name, seq=seq)
        finally:
            del self.looking[name]

    # -- those whose membership is over -----------------------------------------------------------

    async def _note_ends(
        self, name: str, after: int, members: Collection[Connection], events: Iterable[Event]
    ) -> None:
        """Note whose membership is over by now, since events of a room were read from the log."""
        users = {c.user_id for c in members}
        users.update(
            user_id for event in events for user_id in event.joined if self._rooms.has(user_id)
        )
        if users and (over := await self.ended(name, users, after)):
            self._rooms.ending.setdefault(name, {}).update(over)

    def not_ending(
        self, name: str, ending: dict[str, int], members: Collection[Connection], event: Event
    ) -> list[Connection]:
        """Return the members to whom an event goes: those who are to be removed get only their removal."""
        found = [c for c in members if c.user_id not in ending or c.user_id in event.left]
        for user_id in [user_id for user_id, end in ending.items() if end <= event.seq]:
            del ending[user_id]
        if not ending:
            del self._rooms.ending[name]
        return found

    # -- waiting for it ---------------------------------------------------------------------------

    def settle(self, name: str, room: Room) -> None:
        """Note that a reading of a room is over; another one may go on."""
        if not room.filling and not room.late:
            self.unsettled.discard(name)

    async def caught_up(self, names: Iterable[str]) -> None:
        """Wait until what is known of the rooms' streams has been handed on here."""
        for name in names:
            while (room := self._rooms.open.get(name)) and (room.filling or room.late):
                await asyncio.wait({*room.late.values(), *filter(None, (room.filling,))})
