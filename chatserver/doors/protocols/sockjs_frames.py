"""SockJS frames (sockjs-protocol 0.3.3): how messages go out over each transport, and how they come in."""

import re
from collections.abc import Iterable, Sequence

import orjson

from chatserver.doors.protocols import websocket_frames
from chatserver.doors.protocols.websocket_frames import FramedPacket

OPEN, HEARTBEAT = b"o", b"h"

# Characters beyond what JSON escapes that browsers mangle on their way, in UTF-8: U+200C to U+200F, U+2028 to
# U+202F, U+2060 to U+206F and U+FFF0 to U+FFFF ("JSON Unicode Encoding").
_MANGLED = re.compile(
    rb"\xe2\x80[\x8c-\x8f\xa8-\xaf]|\xe2\x81[\xa0-\xaf]|\xef\xbf[\xb0-\xbf]",
)

_RANGES = ((0x200C, 0x200F), (0x2028, 0x202F), (0x2060, 0x206F), (0xFFF0, 0xFFFF))
_ESCAPES = {code: f"\\u{code:04x}" for first, last in _RANGES for code in range(first, last + 1)}

# A megabyte of empty lists takes a tenth of a second to read, and no texts have so many brackets.
_MOST_NESTED = 72_000


class BadMessages(Exception):  # noqa: N818 - it names what came
    """What came is no JSON array of strings. The reason is the protocol's own, word by word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def quoted(text: str) -> bytes:
    """Write a message as a JSON string, which SockJS clients read on any transport.

    That of two texts in a row is that of one and that of the other, less the quotes between them.
    """
    written = orjson.dumps(text)
    if _MANGLED.search(written) is None:
        return written
    # A text may have nothing else: a function for each would hold up everybody.
    return written.decode().translate(_ESCAPES).encode()


def messages(quoted_messages: Iterable[bytes]) -> bytes:
    """Write the frame of some messages that are `quoted`."""
    return b"a[%b]" % b",".join(quoted_messages)


def close(code: int, reason: str) -> bytes:
    """Write the frame that says that the session is over."""
    return b"c[%d,%b]" % (code, quoted(reason))


def websocket_message(quoted_message: bytes) -> FramedPacket:
    """Write a message that is `quoted`, for a client that speaks SockJS over a WebSocket."""
    return websocket_frames.text(messages((quoted_message,)))


def queued_message(quoted_message: bytes) -> FramedPacket:
    """Write a message that is `quoted`, for a client that fetches it by HTTP."""
    return FramedPacket(quoted_message)


def eventsource(frame: bytes) -> bytes:
    """Write a frame as an event.

    The stock client takes it for a URI's text: it decodes what follows a ``%``, and where that is no code it
    fails, and loses this frame and all that follow.
    """
    return b"data: %b\r\n\r\n" % frame.replace(b"%", b"%25")


def parse(payload: bytes, *, may_be_one: bool = False) -> Sequence[str]:
    """Read the messages that a client sends: a JSON array of strings; one string where `may_be_one`.

    Raises:
        BadMessages: it is neither, or holds what is no text (a lone surrogate), or too many brackets.
    """
    # Messages have none of these but in their texts.
    nested = payload.count(b"[") + payload.count(b"{")
    if not payload or nested > _MOST_NESTED:
        raise BadMessages("Payload expected.")
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise BadMessages("Broken JSON encoding.") from None
    if may_be_one and isinstance(found, str):
        return (found,)
    if not isinstance(found, list) or not all(isinstance(message, str) for message in found):
        raise BadMessages("Payload expected.")
    return found
