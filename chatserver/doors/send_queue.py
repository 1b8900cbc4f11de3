"""What is on its way to one client, counted in bytes from when it is queued until it is written."""

from collections import deque

from engineio.packet import MESSAGE, Packet

from chatserver.signal import Signal


class TextPacket(Packet):  # type: ignore[misc]  # engineio has no types
    """A MESSAGE of text, made of its bytes, and a frame from the beginning: it may go to thousands of clients."""

    def __init__(self, text: bytes) -> None:
        # Upstream's, without its look at what the data is.
        self.packet_type = MESSAGE
        self.binary = False
        self.data = None
        self.encode_cache = None
        self.text = text
        self.framed = _frame(_TEXT, b"4" + text)

    def encode(self, b64: bool = False) -> str:
        """For polling."""
        return "4" + self.text.decode()


_TEXT, _BINARY = 0x81, 0x82


def _frame(first: int, payload: bytes) -> bytes:
    """A WebSocket frame from a server: unmasked, and a message in one piece (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65_536:
        return bytes((first, 126, size >> 8, size & 255)) + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


def framed(packet: Packet) -> bytes:
    """A packet as a WebSocket frame, made once."""
    try:
        made: bytes = packet.framed
    except AttributeError:
        # engineio caches the encoding of a binary packet for one transport alone, so it is not asked.
        made = packet.framed = (
            _frame(_BINARY, packet.data)
            if packet.binary
            else _frame(_TEXT, packet.encode().encode())
        )
    return made


class SendQueue:
    """Packets in order.

    A packet that finds less than `bound` bytes before it is taken, whatever its size: a page of history may
    be larger than what a client that reads has waiting. So no more than the bound and one packet wait.
    """

    __slots__ = (
        "_handed",
        "_packets",
        "_written",
        "bound",
        "bytes",
        "changed",
        "ended",
        "total",
    )

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._packets: deque[Packet] = deque()
        # Of the bytes that count, those that a transport keeps.
        self._handed = 0
        self._written = Signal()
        self.bytes = 0
        # What was given to a transport, in all.
        self.total = 0
        # Nothing is put any more.
        self.ended = False
        # Fires when there is something to take packet by packet, or nothing will come any more.
        self.changed = Signal()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to take; what was taken may not be written yet."""
        return not self._packets

    def put(self, packet: Packet) -> None:
        """Queue a packet."""
        self._packets.append(packet)
        self.bytes += len(framed(packet))

    def add(self, packet: TextPacket) -> bool:
        """Queue a packet behind others, whose transport has been told of them; whether there are any, and room."""
        if not self._packets or self.bytes >= self.bound:
            return False
        self._packets.append(packet)
        self.bytes += len(packet.framed)
        return True

    # Packet by packet: the next ones count until they are written.

    def take(self, most: int) -> list[Packet]:
        """The next packets; they count until they are `written`."""
        return [self._packets.popleft() for _ in range(min(most, len(self._packets)))]

    def written(self, packet: Packet) -> None:
        """A packet that was taken is with the operating system."""
        size = len(framed(packet))
        self.bytes = max(0, self.bytes - size)
        self.total += size
        self._written.fire()

    # All at once, into a transport that keeps what the operating system does not take yet.

    def take_frames(self) -> bytes:
        """Everything queued, as WebSocket frames."""
        packets = self._packets
        if len(packets) == 1:
            joined: bytes = packets.popleft().framed
        else:
            joined = b"".join([packet.framed for packet in packets])
            packets.clear()
        self.total += len(joined)
        return joined

    def kept(self, size: int) -> None:
        """The transport keeps `size` bytes of what it was given."""
        self.bytes += size - self._handed
        self._handed = size

    def handed(self, size: int) -> None:
        """Everything was given to the transport, which keeps `size` bytes."""
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
