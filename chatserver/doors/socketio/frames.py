"""Reads Engine.IO packets as text (engine.io-protocol, revision 4), strictly.

Upstream's ``Packet.decode`` parses every message as JSON with the standard library, takes any Unicode digit
for a type, and raises what it happens to raise.
"""

from collections.abc import Iterator

from engineio.packet import PONG as PONG_TYPE

__all__ = [
    "BASE64",
    "CLOSE",
    "MESSAGE",
    "PONG",
    "PONG_TYPE",
    "PROBE",
    "UPGRADE",
    "BadFrame",
    "split",
]

CLOSE, PONG, MESSAGE, BASE64 = "1", "3", "4", "b"
PROBE, UPGRADE = "2probe", "5"

_SEPARATOR = "\x1e"


class BadFrame(Exception):  # noqa: N818 - it names what came
    """What came is not a packet, or is out of place: the connection that sent it is closed."""


def split(payload: bytes) -> Iterator[str]:
    """Split a polling client's request into its frames.

    Clients put everything that they have buffered into one request: it has a bound in bytes, and none in frames.

    Raises:
        BadFrame: it is no text.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise BadFrame from None
    start, end = 0, text.find(_SEPARATOR)
    while end >= 0:
        yield text[start:end]
        start, end = end + 1, text.find(_SEPARATOR, end + 1)
    yield text[start:]
