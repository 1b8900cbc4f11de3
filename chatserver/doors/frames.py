"""Engine.IO packets as text (engine.io-protocol, revision 4), read strictly.

Upstream's ``Packet.decode`` parses every message as JSON with the standard library, takes any Unicode digit
for a type, and raises what it happens to raise.
"""

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
# Clients put everything that they have buffered into one payload.
_MOST_IN_A_PAYLOAD = 1000


class BadFrame(Exception):  # noqa: N818 - it names what came
    """Not a packet at all, or one out of place: the connection that sent it is closed."""


def split(payload: bytes) -> list[str]:
    """The frames of a polling client's request.

    Raises:
        BadFrame
    """
    try:
        found = payload.decode().split(_SEPARATOR)
    except UnicodeDecodeError:
        raise BadFrame from None
    if len(found) > _MOST_IN_A_PAYLOAD:
        raise BadFrame
    return found
