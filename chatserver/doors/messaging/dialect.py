"""What goes out: JSON objects with a ``type``, each a text message of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import orjson

from chatserver.core.encoding import dumps
from chatserver.delivery import Frame
from chatserver.doors.connection import Dialect
from chatserver.doors.messaging import errors
from chatserver.doors.messaging.asks import ASKS, BY_TYPE, no_messages
from chatserver.doors.messaging.pushes import PUSHES
from chatserver.doors.messaging.reading import ClientMessage
from chatserver.doors.messaging.shapes import Body
from chatserver.doors.protocols.websocket_frames import TEXT, FramedPacket, frame
from chatserver.gate import Answer

# An answer where none is awaited.
NOTHING = FramedPacket(b"")
_STATUS = "chat:message_status_updated"


def packet(body: Body) -> FramedPacket:
    """Make the packet of a message.

    Raises:
        TypeError: it is no JSON.
    """
    return FramedPacket(frame(TEXT, dumps(body)))


def queued_events(queued: Iterable[bytes]) -> orjson.Fragment:
    """Write messages that are written already as a list."""
    return orjson.Fragment(b"[%b]" % b",".join(queued))


def _read(pushed: Frame) -> Sequence[str]:
    """Return which messages were read, even where they are too many for the push to name."""
    named: Sequence[str] = pushed.payload["messageIds"]
    return named or (pushed.about.messages if pushed.about else ())


def _texts(pushed: Frame) -> list[bytes]:
    """Return what a push is told by: one message, or none; of several that were read, each by itself."""
    if pushed.name == "error":
        return [dumps(errors.told(pushed.payload))]
    if pushed.name == _STATUS and "messageId" not in pushed.payload:
        told = [
            PUSHES.json(replace(pushed, payload={**pushed.payload, "messageId": message_id}))
            for message_id in _read(pushed)
        ]
    else:
        told = [PUSHES.json(pushed)]
    return [text for text in told if text is not None]


def _event(pushed: Frame) -> FramedPacket | None:
    framed = b"".join([frame(TEXT, text) for text in _texts(pushed)])
    return FramedPacket(framed) if framed else None


def _queued(pushed: Frame) -> bytes | None:
    return b",".join(_texts(pushed)) or None


def _answer(message: ClientMessage, answer: Answer) -> FramedPacket:
    ask = message.ask
    if answer.error is not None:
        if message.absent and ask is not None:
            # There is nobody to tell, or nothing to show, yet.
            if ask.type == "typing":
                return NOTHING
            if ask.type == "get_private_messages":
                return packet(no_messages(message.given))
        return packet(errors.refused(answer.error, ask, is_command=not message.is_judged))
    assert ask is not None  # else there was an error
    value: Any = answer.value
    if ask.type == "mark_message_read" and not value.updated_count:
        # It was read already.
        return NOTHING
    if ask.type == "add_reaction" and value.removed:
        ask, value = BY_TYPE["remove_reaction"], None
    body = ASKS.answer(ask, value, message.asked())
    return NOTHING if body is None else packet(body)


DIALECT = Dialect(
    event=_event,
    event_with_offset=_event,
    answer=_answer,
    queued=_queued,
    # The connection that acts has its answer.
    answered=frozenset(PUSHES.types),
)
