"""What is on its way to one client, counted in bytes from when it is queued until it is written."""

import asyncio
from collections import deque

from engineio.packet import Packet


def wire(packet: Packet) -> bytes:
    """A packet as the payload of a WebSocket frame, made once however many clients it goes to."""
    made: bytes | None = packet.__dict__.get("wire")
    if made is None:
        # engineio caches the encoding of a binary packet for one transport alone, so it is not asked.
        made = packet.wire = packet.data if packet.binary else packet.encode().encode()
    return made


class Signal:
    """Wakes whoever waits now; lighter than an asyncio.Event, which costs each connection a deque."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Wait for the next `fire`."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def fire(self) -> None:
        """Wake them."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


class SendQueue:
    """Packets in order.

    A packet that finds less than `bound` bytes before it is taken, whatever its size: a page of history may
    be larger than what a client that reads has waiting. So no more than the bound and one packet wait.
    """

    __slots__ = ("_bound", "_packets", "_written", "bytes", "changed", "ended", "total")

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._packets: deque[Packet] = deque()
        self._written = Signal()
        self.bytes = 0
        # What was queued in all, and was not dropped.
        self.total = 0
        # Nothing is put any more.
        self.ended = False
        # Fires when there is something to take, or nothing will come any more.
        self.changed = Signal()

    @property
    def full(self) -> bool:
        """Whether the bound is reached."""
        return self.bytes >= self._bound

    @property
    def empty(self) -> bool:
        """Whether there is nothing to take; what was taken may not be written yet."""
        return not self._packets

    def put(self, packet: Packet) -> None:
        """Queue a packet."""
        self._packets.append(packet)
        size = len(wire(packet))
        self.bytes += size
        self.total += size
        self.changed.fire()

    def take(self, most: int) -> list[Packet]:
        """The next packets; they count until they are `written`."""
        return [self._packets.popleft() for _ in range(min(most, len(self._packets)))]

    def written(self, packet: Packet) -> None:
        """A packet that was taken is with the operating system."""
        self.bytes = max(0, self.bytes - len(wire(packet)))
        self._written.fire()

    def end(self, *, drop: bool) -> None:
        """Take no more packets, and with `drop` forget those that wait."""
        self.ended = True
        if drop:
            self._packets.clear()
            self.total -= self.bytes
            self.bytes = 0
        self.changed.fire()
        self._written.fire()

    async def drained(self, below: int) -> None:
        """Wait until less than `below` bytes are queued, or the queue has ended."""
        while self.bytes >= below and not self.ended:
            await self._written.wait()
