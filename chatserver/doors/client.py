"""One connected device at the Socket.IO door: what is pushed to it, and what of that has arrived."""

from collections import deque
from dataclasses import dataclass, field

from chatserver.doors import packets
from chatserver.doors.lane import Lane
from chatserver.doors.link import Link
from chatserver.doors.send_queue import SendQueue, TextPacket
from chatserver.pushes import Frame
from chatserver.session import Session

# Pushes that wait while a client is sent what it missed.
_HELD = 5_000


@dataclass(eq=False, slots=True)
class Client:
    """One connected device. What is pushed to it before it is ready waits in `held`."""

    session: Session
    link: Link
    lane: Lane = field(default_factory=Lane)
    held: deque[Frame] | None = field(default_factory=deque)
    # Whether durable pushes carry an offset as their last argument.
    offsets: bool = True
    # The seqs sent of each room: since the last ping (but for the latest room), and before it. A pong proves
    # that the latter arrived.
    sent: dict[str, int] = field(default_factory=dict)
    pinged: dict[str, int] = field(default_factory=dict)
    # Conversations that the client is to reload: nothing of theirs counts as received until it has read them.
    resync: frozenset[str] = frozenset()
    # More was pushed during the replay than can be held: the client has to come back for it.
    overflowed: bool = False
    # How far the client has, or was sent, each room: delivery may come to these events later than the replay
    # did, or once more, where this process heard of them late. By the next ping the log reader has passed them.
    had: dict[str, int] = field(default_factory=dict)
    # The room that the latest push was of, and its seq. Most pushes are of the same room as the one before: two
    # writes into dicts for each would be as much as all the rest of `send`.
    _room: str | None = None
    _seq: int = 0
    # The session's and the link's: a push to a room is to touch few objects of each member: none is in
    # the processor's caches.
    user_id: str = field(init=False)
    _queue: SendQueue = field(init=False)

    def __post_init__(self) -> None:
        self.user_id = self.session.user.id
        self._queue = self.link.queue

    @property
    def eio_sid(self) -> str:
        """Its link's id."""
        sid: str = self.link.sid
        return sid

    def answer(self, packet: TextPacket) -> None:
        """Queue the answer to a command, which goes out before what waits for others."""
        self.link.push(packet)
        self.link.hurry()

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
        key = _WITH_OFFSET if self.offsets and frame.offset is not None else _PLAIN
        packet = frame.encoded.get(key) or encoded(frame, key)
        if not self._queue.add(packet):
            self.link.push(packet)

    def _note(self) -> None:
        """Note what was sent of the latest room."""
        if self._room is not None:
            self.sent[self._room] = self.had[self._room] = self._seq
            self._room = None

    def _hold(self, frame: Frame) -> None:
        """Keep a push until the client is ready; past the bound it has to come back for them all."""
        assert self.held is not None  # asked by send
        if len(self.held) < _HELD:
            self.held.append(frame)
        else:
            self.overflowed = True

    def send_early(self, frame: Frame) -> None:
        """Queue a push before the session is ready: without an offset, past what is held."""
        if (room := frame.room) is not None:
            self.sent[room] = frame.seq
            self.had[room] = max(frame.seq, self.had.get(room, 0))
        self.link.push(encoded(frame, _PLAIN))

    def open(self, ready: Frame) -> None:
        """Send what was held, then ``session:ready``, and hold no longer.

        What is held of a conversation that is to be reloaded comes after it: before, it would show as a
        gap.
        """
        held, self.held = self.held or deque(), None
        later = []
        for frame in held:
            if frame.room in self.resync:
                later.append(frame)
            elif frame.room is None or frame.seq > self.had.get(frame.room, 0):
                self.send_early(frame)
        self.send(ready)
        for frame in later:
            self.send(frame)

    def ping(self) -> None:
        """A ping is queued, behind all that was sent so far."""
        self._note()
        self.pinged |= self.sent
        self.sent = {}
        self.had = {}

    def pong(self) -> dict[str, int]:
        """The ping was answered; returns what has arrived."""
        arrived, self.pinged = self.pinged, {}
        return {room: seq for room, seq in arrived.items() if room not in self.resync}


# How a frame was encoded.
_PLAIN, _WITH_OFFSET = "socketio", "socketio+offset"


def encoded(frame: Frame, key: str) -> TextPacket:
    """A push as a packet, made once for all its recipients."""
    packet: TextPacket | None = frame.encoded.get(key)
    if packet is None:
        offset = frame.offset if key == _WITH_OFFSET else None
        packet = TextPacket(packets.event(frame.name, frame.payload, offset))
        frame.encoded[key] = packet
    return packet
