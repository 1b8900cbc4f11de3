"""One connected device: what is pushed to it, and what of that has arrived."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from chatserver.core.caller import Session
from chatserver.delivery import Frame
from chatserver.doors.connection.dialect import Encode
from chatserver.doors.connection.lane import Lane
from chatserver.doors.connection.line import Line
from chatserver.doors.connection.send_queue import Outgoing, SendQueue

# Pushes that wait while a client is sent what it missed; those beyond are read from the log in their turn.
_HELD = 1_000
# The same, of conversations that the client is to reload: reloading brings the others.
_HELD_TO_RELOAD = 100
# Pages, of up to about a mebibyte each, that are made for one connection at once.
_PAGES = 4


@dataclass(eq=False, slots=True)
class Device:
    """One connected device. What is pushed to it before it is ready waits in `held`."""

    session: Session
    line: Line
    lane: Lane = field(default_factory=Lane)
    held: deque[Frame] | None = field(default_factory=deque)
    # Whether it has hung up, or was refused after all: nothing more is sent.
    gone: bool = False
    # Whether durable pushes carry an offset as their last argument.
    offsets: bool = True
    # The seqs sent of each room: since the last ping (but for the latest room), and before it. A pong proves
    # that the latter arrived.
    sent: dict[str, int] = field(default_factory=dict)
    pinged: dict[str, int] = field(default_factory=dict)
    # Conversations that the client is to reload: nothing of theirs counts as received until it has read them.
    resync: set[str] = field(default_factory=set)
    # What was pushed of these while it could not be held: after one seq, up to another.
    unheld: dict[str, tuple[int, int]] = field(default_factory=dict)
    later: deque[Frame] = field(default_factory=deque)
    # How far the client has, or was sent, each room: delivery may come to these events later than the replay
    # did, or once more, where this process heard of them late. By the next ping the log reader has passed them.
    had: dict[str, int] = field(default_factory=dict)
    # The room that the latest push was of, and its seq. Most pushes are of the same room as the one before: two
    # writes into dicts for each would be as much as all the rest of `send`.
    _room: str | None = None
    _seq: int = 0
    # Made when it is needed first: most connections ask for few pages.
    _pages: asyncio.Semaphore | None = None
    # Commands that were answered UNAVAILABLE, and go on: what they do is told by no answer.
    abandoned: int = 0
    # The session's and the line's: a push to a room is to touch few objects of each member: none is in
    # the processor's caches.
    user_id: str = field(init=False)
    _queue: SendQueue = field(init=False)
    _event: Encode = field(init=False)
    _event_with_offset: Encode = field(init=False)

    def __post_init__(self) -> None:
        self.user_id = self.session.user.id
        self._queue = self.line.queue
        dialect = self.line.dialect
        self._event = dialect.event
        self._event_with_offset = dialect.event_with_offset

    def page_turns(self) -> asyncio.Semaphore:
        """Return the turns of this connection's pages."""
        if self._pages is None:
            self._pages = asyncio.Semaphore(_PAGES)
        return self._pages

    def send(self, frame: Frame) -> None:
        """Queue a push, unless the client has it."""
        # Once for each recipient of each push: no more calls than needed.
        if self.held is not None:
            self._hold(frame)
            return
        room = frame.room
        if room is not None:
            seq = frame.seq
            if room != self._room:
                if seq <= self.had.get(room, 0):
                    return
                self._note()
                self._room = room
            elif seq <= self._seq:
                return
            self._seq = seq
        elif frame.offset is not None and not self.offsets:
            # It says nothing but the offset.
            return
        offset = self.offsets and frame.offset is not None
        encode = self._event_with_offset if offset else self._event
        packet = frame.encoded.get(encode)
        if packet is None and (packet := _encoded(frame, encode)) is None:
            return
        if not self._queue.add(packet):
            self.line.push(packet)

    def _note(self) -> None:
        """Note what was sent of the latest room."""
        if self._room is not None:
            self.sent[self._room] = self.had[self._room] = self._seq
            self._room = None

    def _hold(self, frame: Frame) -> None:
        """Keep a push until the client is ready; past the bound only note that it is in the log."""
        assert self.held is not None  # asked by send
        room = frame.room
        if room is None:
            # Pushes in no log are for those who are there; an offset by itself is for when the session is on.
            # They take at most half of the places from pushes that are in a log.
            if frame.offset is None and len(self.held) < _HELD // 2:
                self.held.append(frame)
        elif room in self.resync:
            self._hold_to_reload(frame)
        elif room in self.unheld:
            self.unheld[room] = (self.unheld[room][0], frame.seq)
        elif len(self.held) < _HELD:
            self.held.append(frame)
        else:
            self.unheld[room] = (frame.seq - 1, frame.seq)

    def _hold_to_reload(self, frame: Frame) -> None:
        if len(self.later) < _HELD_TO_RELOAD:
            self.later.append(frame)

    def next_held(self) -> Frame | None:
        """Return the next push that was held and that the client does not have; None where there is no more."""
        while self.held:
            frame = self.held.popleft()
            if frame.room in self.resync:
                # It was held before that was known; sent before session:ready it would show as a gap.
                self._hold_to_reload(frame)
            elif frame.room is None or frame.seq > self.had.get(frame.room, 0):
                return frame
        return None

    def send_early(self, frame: Frame) -> None:
        """Queue a push before the session is ready: without an offset, past what is held."""
        self._count_early(frame)
        self._push_early(frame)

    def _count_early(self, frame: Frame) -> None:
        if (room := frame.room) is not None:
            self.sent[room] = frame.seq
            self.had[room] = max(frame.seq, self.had.get(room, 0))

    def _push_early(self, frame: Frame) -> None:
        if (packet := _encoded(frame, self._event)) is not None:
            self.line.push(packet)

    def gathered(self, frame: Frame, encode: Callable[[Frame], bytes | None]) -> bytes | None:
        """Return a missed push as it is told in what says that the session is on; None where it is not shown."""
        self._count_early(frame)
        return encode(frame)

    def send_ready(self, ready: Frame) -> None:
        """Queue ``session:ready``."""
        encode = self._event_with_offset if self.offsets else self._event
        if (packet := _encoded(ready, encode)) is not None:
            self.line.push(packet)

    def open(self) -> None:
        """Hold no longer; what was held is to have been sent.

        Some of what was pushed of conversations that are to be reloaded comes after it, as far as there is room.
        """
        self.held = None
        while self.later and not self.line.is_half_full:
            self.send(self.later.popleft())
        self.later.clear()

    @property
    def has_unproven(self) -> bool:
        """Whether something durable was sent since the latest ping."""
        return self._room is not None or bool(self.sent)

    def ping(self) -> None:
        """Note that a ping is queued, behind all that was sent so far."""
        self._note()
        self.pinged |= self.sent
        self.sent = {}
        self.had = {}

    def pong(self) -> dict[str, int]:
        """Note that the ping was answered. Returns what has arrived."""
        arrived, self.pinged = self.pinged, {}
        return {room: seq for room, seq in arrived.items() if room not in self.resync}


class ActingDevice(Device):
    """A device that is not sent what it caused, where the answer to its command says that."""

    __slots__ = ("_answered", "_own_id")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._own_id = self.session.connection_id
        self._answered = self.line.dialect.answered

    def passes_over(self, frame: Frame) -> bool:
        """See `Acting`: what is passed over counts as sent."""
        if self.held is not None or not self._is_answered(frame):
            return False
        room = frame.room
        if room is not None and frame.seq > max(self.had.get(room, 0), self._latest_of(room)):
            self._note()
            self._room, self._seq = room, frame.seq
        return True

    def _latest_of(self, room: str) -> int:
        return self._seq if room == self._room else 0

    def gathered(self, frame: Frame, encode: Callable[[Frame], bytes | None]) -> bytes | None:
        """See `Device`."""
        part = super().gathered(frame, encode)
        return None if self._is_answered(frame) else part

    def _push_early(self, frame: Frame) -> None:
        # What it caused while what was pushed to it was held.
        if not self._is_answered(frame):
            super()._push_early(frame)

    def _is_answered(self, frame: Frame) -> bool:
        return frame.origin == self._own_id and frame.name in self._answered and not self.abandoned


def _encoded(frame: Frame, encode: Encode) -> Outgoing | None:
    """Return a push as it goes out, made once for all its recipients."""
    encoded = frame.encoded
    if encode not in encoded:
        encoded[encode] = encode(frame)
    packet: Outgoing | None = encoded[encode]
    return packet
