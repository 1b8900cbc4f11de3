"""Writes WebSocket frames of a server: unmasked, each a message in one piece (RFC 6455, section 5.2)."""

from collections.abc import Iterator

TEXT, BINARY, PING, PONG = 0x1, 0x2, 0x9, 0xA

# What may stand in the payload of a control frame (RFC 6455, section 5.5), and in a reason beside its code, bytes.
MAX_CONTROL = 125
MAX_REASON = MAX_CONTROL - 2

_FINAL = 0x80


class FramedPacket:
    """Something for a client, framed already: it may go to thousands of them."""

    # One may be made for each of thousands, too: a frozen dataclass takes twice as long.
    __slots__ = ("framed",)

    def __init__(self, framed: bytes) -> None:
        self.framed = framed


def frame(opcode: int, payload: bytes) -> bytes:
    """Write a frame."""
    size, first = len(payload), _FINAL | opcode
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65_536:
        return bytes((first, 126, size >> 8, size & 255)) + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


def unframed(framed: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the opcode and the payload of what `frame` made."""
    start = 0
    while start < len(framed):
        length, begin = framed[start + 1], start + 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, begin = int.from_bytes(framed[begin : begin + size], "big"), begin + size
        yield framed[start] & 0xF, framed[begin : begin + length]
        start = begin + length


def text(payload: bytes) -> FramedPacket:
    """Make a text message; `payload` is UTF-8."""
    return FramedPacket(frame(TEXT, payload))


def ping(payload: bytes) -> FramedPacket:
    """Make a ping, whose pong carries the same payload of up to 125 bytes."""
    return FramedPacket(frame(PING, payload))


def pong(payload: bytes) -> FramedPacket:
    """Make the answer to a ping."""
    return FramedPacket(frame(PONG, payload))
