"""Counts what is on its way to one client, in bytes from when it is queued until it is written."""

from collections import deque
from typing import Protocol

from chatserver.core.signal import Signal


class Outgoing(Protocol):
    """Something for a client, as its door writes it."""

    @property
    def framed(self) -> bytes:
        """The bytes that are written."""


class SendQueue:
    """Packets in order.

    A packet that finds less than `bound` bytes before it is taken, whatever its size: a page of history may
    be larger than what a client that reads has waiting. And while such a page is on its way, as much again may
    wait behind it: it is not for what is pushed meanwhile that a slow client would be cut off. So no more than
    twice the bound and one packet wait.
    """

    __slots__ = (
        "_handed",
        "_packets",
        "_written",
        "bound",
        "bytes",
        "changed",
        "ended",
        "spare",
        "total",
    )

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._packets: deque[Outgoing] = deque()
        # Of the bytes that count, those that a transport keeps.
        self._handed = 0
        self._written = Signal()
        self.bytes = 0
        # How much may wait beyond the bound, since a large packet does.
        self.spare = 0
        # What was given to a transport, in all.
        self.total = 0
        # Whether nothing is queued any more.
        self.ended = False
        # Fires when there is something to take packet by packet, or nothing will come any more.
        self.changed = Signal()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to take; what was taken may not be written yet."""
        return not self._packets

    def put(self, packet: Outgoing) -> None:
        """Queue a packet."""
        size, half = len(packet.framed), self.bound // 2
        if size > half:
            self.spare = self.bound
        elif self.bytes < half:
            self.spare = 0
        self._packets.append(packet)
        self.bytes += size

    def add(self, packet: Outgoing) -> bool:
        """Queue a packet behind others, whose transport knows of them. Returns whether there are any, and room."""
        if not self._packets or self.bytes >= self.bound:
            return False
        self._packets.append(packet)
        self.bytes += len(packet.framed)
        return True

    # Packet by packet: the next ones count until they are written.

    def take(self, most: int) -> list[Outgoing]:
        """Return the next packets; they count until they are `written`."""
        return [self._packets.popleft() for _ in range(min(most, len(self._packets)))]

    def put_back(self, packet: Outgoing) -> None:
        """Make the last packet that was taken the next one again."""
        self._packets.appendleft(packet)

    def written(self, packet: Outgoing) -> None:
        """Note that a packet that was taken is with the operating system."""
        size = len(packet.framed)
        self.bytes = max(0, self.bytes - size)
        self.total += size
        self._written.fire()

    # All at once, into a transport that keeps what the operating system does not take yet.

    def take_frames(self) -> bytes:
        """Return everything queued, as it is written."""
        packets = self._packets
        if len(packets) == 1:
            joined = packets.popleft().framed
        else:
            joined = b"".join([packet.framed for packet in packets])
            packets.clear()
        self.total += len(joined)
        return joined

    def kept(self, size: int) -> None:
        """Note that the transport keeps `size` bytes of what it was given."""
        self.bytes += size - self._handed
        self._handed = size

    def handed(self, size: int) -> None:
        """Note that everything was given to the transport, which keeps `size` bytes."""
        self.bytes = self._handed = size

    def end(self, *, drop: bool) -> None:
        """Take no more packets, and with `drop` forget those that wait."""
        self.ended = True
        self.bound = 0
        if drop:
            self._packets.clear()
            self.bytes = self._handed = 0
        self.changed.fire()
        self._written.fire()

    async def drained(self, below: int) -> None:
        """Wait until less than `below` bytes are queued, or the queue has ended; for packet by packet."""
        while self.bytes >= below and not self.ended:
            await self._written.wait()
