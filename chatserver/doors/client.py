"""One connected device at the Socket.IO door: what is pushed to it, and what of that has arrived."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from engineio.packet import Packet

from chatserver.doors import packets
from chatserver.doors.lane import Lane
from chatserver.doors.send_queue import TextPacket
from chatserver.pushes import Frame
from chatserver.session import Session

# Pushes that wait while a client is sent what it missed.
_HELD = 5_000


@dataclass(eq=False, slots=True)
class Client:
    """One connected device. What is pushed to it before it is ready waits in `held`."""

    session: Session
    eio_sid: str
    # Queues a packet on its transport.
    push: Callable[[Packet], None]
    lane: Lane = field(default_factory=Lane)
    held: deque[Frame] | None = field(default_factory=deque)
    # Whether durable pushes carry an offset as their last argument.
    offsets: bool = True
    # The seqs sent of each room: since the last ping, and before it. A pong proves that the latter arrived.
    sent: dict[str, int] = field(default_factory=dict)
    pinged: dict[str, int] = field(default_factory=dict)
    # Conversations that the client is to reload: nothing of theirs counts as received until it has read them.
    resync: frozenset[str] = frozenset()
    # More was pushed during the replay than can be held: the client has to come back for it.
    overflowed: bool = False
    # How far the client has, or was sent, each room: delivery may come to these events later than the replay
    # did, or once more, where this process heard of them late. By the next ping the log reader has passed them.
    had: dict[str, int] = field(default_factory=dict)

    @property
    def user_id(self) -> str:
        """Whose device it is."""
        return self.session.user.id

    def send(self, frame: Frame) -> None:
        """Queue a push, unless the client has it."""
        # Once for each recipient of each push: no more calls than needed.
        if self.held is not None:
            self._hold(frame)
            return
        room = frame.room
        if room is not None:
            if frame.seq <= self.had.get(room, 0):
                return
            self.sent[room] = self.had[room] = frame.seq
        key = _WITH_OFFSET if self.offsets and frame.offset is not None else _PLAIN
        self.push(frame.encoded.get(key) or encoded(frame, key))

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
        self.push(encoded(frame, _PLAIN))

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
