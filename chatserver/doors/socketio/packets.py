"""Reads and writes Socket.IO packets as text frames (socket.io-protocol, revision 5), strictly.

A packet that is no packet closes its connection; a packet whose JSON is wrong still has an id, and so
still gets its one answer.
"""

import re
from typing import Any, NamedTuple

import orjson
from engineio import packet as engineio

from chatserver.core import encoding
from chatserver.core.encoding import dumps
from chatserver.core.errors import invalid
from chatserver.delivery import Frame
from chatserver.doors.connection import Dialect
from chatserver.doors.protocols.websocket_frames import BINARY, TEXT
from chatserver.doors.protocols.websocket_frames import frame as websocket_frame
from chatserver.doors.socketio.frames import BadFrame
from chatserver.gate import Answer

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = "0123456"

_ID_DIGITS = 16
# type, attachments (of a binary one), namespace (with a comma, where anything follows), id, JSON
_PACKET = re.compile(
    r"([0-6])(?:(?<=[56])([0-9]{1,3})-)?(?:(/[^,]{0,256})(?:,|\Z))?([0-9]{1,16})?(.*)\Z", re.DOTALL
)


class BadPacket(Exception):  # noqa: N818 - it names what came
    """What came is not a Socket.IO packet."""


class Packet(NamedTuple):
    """A packet as it came; ``json`` is not parsed yet."""

    type: str
    attachments: int
    namespace: str
    id: int | None
    json: str

    def command(self) -> tuple[object, object]:
        """Return the name and payload of an event.

        Raises:
            ChatError: VALIDATION_ERROR
            BadFrame: it is no event, and has no id to be answered under.
        """
        if self.attachments or self.type == BINARY_EVENT:
            raise invalid("payload", "Binary attachments are not accepted.")
        try:
            data = encoding.loads(self.json)
        except ValueError as error:
            if self.id is None:
                raise BadFrame from None
            raise invalid("payload", encoding.what_is_wrong(error)) from None
        if not isinstance(data, list) or not data:
            if self.id is None:
                raise BadFrame
            raise invalid("payload", "Must be an event: its name, and one object.")
        name, *arguments = data
        if len(arguments) > 1:
            raise invalid("payload", "Must be one object.")
        return name, arguments[0] if arguments else None


def parse(frame: str) -> Packet:
    """Return the parts of a packet.

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
    """Return the parts of an event in the default namespace, without attachments; None for anything else."""
    if frame[:1] == EVENT:
        digits, bracket, _ = frame[1 : _ID_DIGITS + 2].partition("[")
        if bracket and (not digits or (digits.isdecimal() and digits.isascii())):
            return Packet(EVENT, 0, "/", int(digits) if digits else None, frame[len(digits) + 1 :])
    return None


def may_be_event(packet: Packet) -> bool:
    """Return whether a packet may be an event: its data is a list, or it has an id to answer its error under."""
    start = packet.json[:1]
    return start == "[" or (packet.id is not None and not start.isdecimal())


def event(name: str, payload: Any, offset: str | None = None) -> bytes:
    """Write an EVENT packet; an offset is its last argument, where stock clients look for it."""
    arguments = [name, payload] if offset is None else [name, payload, offset]
    return b"2" + dumps(arguments)


def ack(packet_id: int, body: Any) -> bytes:
    """Write an ACK packet."""
    return b"3%d%b" % (packet_id, dumps([body]))


def connect(body: dict[str, Any]) -> bytes:
    """Write a CONNECT packet."""
    return b"0" + orjson.dumps(body)


def connect_error(namespace: str, body: dict[str, Any]) -> bytes:
    """Write a CONNECT_ERROR packet."""
    where = b"" if namespace == "/" else f"{namespace},".encode()
    return b"4" + where + orjson.dumps(body)


class TextPacket(engineio.Packet):  # type: ignore[misc]  # engineio has no types
    """A MESSAGE of text, made of its bytes and framed from the beginning: it may go to thousands of clients."""

    def __init__(self, text: bytes) -> None:
        # Upstream's, without its look at what the data is.
        self.packet_type = engineio.MESSAGE
        self.binary = False
        self.data = None
        self.encode_cache = None
        self.text = text
        self.framed = websocket_frame(TEXT, b"4" + text)

    def encode(self, b64: bool = False) -> str:
        """Return the packet for polling."""
        return "4" + self.text.decode()


def framed(packet: engineio.Packet) -> engineio.Packet:
    """Return a packet of the library's, with its WebSocket frame."""
    if not hasattr(packet, "framed"):
        # engineio caches the encoding of a binary packet for one transport alone, so it is not asked.
        packet.framed = (
            websocket_frame(BINARY, packet.data)
            if packet.binary
            else websocket_frame(TEXT, packet.encode().encode())
        )
    return packet


def _event(frame: Frame) -> TextPacket:
    return TextPacket(event(frame.name, frame.payload))


def _event_with_offset(frame: Frame) -> TextPacket:
    return TextPacket(event(frame.name, frame.payload, frame.offset))


def _ack(packet_id: int, answer: Answer) -> TextPacket:
    return TextPacket(ack(packet_id, answer.ack()))


DIALECT = Dialect(event=_event, event_with_offset=_event_with_offset, answer=_ack)
