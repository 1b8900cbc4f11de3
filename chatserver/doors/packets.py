"""Socket.IO packets as text frames (socket.io-protocol, revision 5), read strictly.

A packet that is no packet closes its connection; a packet whose JSON is wrong still has an id, and so
still gets its one answer.
"""

import json
import re
from typing import Any, NamedTuple

import orjson

from chatserver.encoding import dumps

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = "0123456"

_ID_DIGITS = 16
# type, attachments, namespace, id, JSON
_PACKET = re.compile(r"([0-6])(?:(\d{1,3})-)?(?:(/[^,]{0,256}),)?(\d{1,16})?(.*)\Z", re.DOTALL)


class BadPacket(Exception):  # noqa: N818 - it names what came
    """Not a Socket.IO packet at all."""


class Packet(NamedTuple):
    """A packet as it came; ``json`` is not parsed yet."""

    type: str
    attachments: int
    namespace: str
    id: int | None
    json: str


def parse(frame: str) -> Packet:
    """The parts of a packet.

    Raises:
        BadPacket
    """
    if packet := usual(frame):
        return packet
    match = _PACKET.match(frame)
    if match is None:
        raise BadPacket
    kind, attachments, namespace, packet_id, data = match.groups()
    return Packet(
        kind,
        int(attachments or 0),
        namespace or "/",
        None if packet_id is None else int(packet_id),
        data,
    )


def usual(frame: str) -> Packet | None:
    """The parts of an event in the default namespace, without attachments; None for anything else."""
    if frame[:1] == EVENT:
        digits, bracket, _ = frame[1 : _ID_DIGITS + 2].partition("[")
        if bracket and (not digits or (digits.isdecimal() and digits.isascii())):
            return Packet(EVENT, 0, "/", int(digits) if digits else None, frame[len(digits) + 1 :])
    return None


def loads(text: str | bytes) -> Any:
    """JSON, strictly; what orjson refuses is read by the standard library, so that the schema can name the field.

    orjson refuses NaN, Infinity, lone surrogates and numbers out of range without saying where they stand;
    the values that the standard library makes of them are refused by every field of every schema.

    Raises:
        ValueError: not JSON, or nested too deep.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text)
        except RecursionError:
            raise ValueError("nested too deep") from None


def event(name: str, payload: Any, offset: str | None = None) -> bytes:
    """An EVENT packet; an offset is its last argument, where stock clients look for it."""
    arguments = [name, payload] if offset is None else [name, payload, offset]
    return b"2" + dumps(arguments)


def ack(packet_id: int, body: Any) -> bytes:
    """An ACK packet."""
    return b"3%d%b" % (packet_id, dumps([body]))


def connect(body: dict[str, Any]) -> bytes:
    """A CONNECT packet."""
    return b"0" + orjson.dumps(body)


def connect_error(namespace: str, body: dict[str, Any]) -> bytes:
    """A CONNECT_ERROR packet."""
    where = b"" if namespace == "/" else f"{namespace},".encode()
    return b"4" + where + orjson.dumps(body)
