"""A push as a MESSAGE of STOMP, made once for all who are sent it."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from chatserver.core.encoding import dumps
from chatserver.delivery import Frame
from chatserver.doors.marketplace.words import TOPIC, show
from chatserver.doors.protocols import Framed
from chatserver.doors.protocols.stomp import message_tail
from chatserver.doors.protocols.stomp_session import Subscription


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """How octets go out over one kind of transport.

    ``part`` writes some of them; parts in a row are what it makes of all at once. ``whole`` makes a packet of what
    was written. Packets with ``between`` between them are one packet.
    """

    part: Callable[[bytes], bytes]
    whole: Callable[[bytes], Framed]
    between: bytes = b""

    def packet(self, data: bytes) -> Framed:
        """Make a packet of octets."""
        return self.whole(self.part(data))


# Of pushes that are in no log.
_numbers = itertools.count(1)


class Told:
    """What is told of a push. All MESSAGEs of it are the same but for their subscription and destination.

    Attributes:
        topic: the destination of its conversation; None where it goes to queues alone.
        actor: the id of the person who caused it, whose queue does not have it.
    """

    __slots__ = ("_body", "_message_id", "_packets", "_tails", "actor", "topic")

    def __init__(self, body: bytes, message_id: str, topic: str | None, actor: str) -> None:
        self._body = body
        self._message_id = message_id
        self._tails: dict[tuple[str, Packing], bytes] = {}
        self._packets: dict[tuple[bytes, str, Packing], Framed] = {}
        self.topic = topic
        self.actor = actor

    def packet(self, subscription: Subscription, packing: Packing) -> Framed:
        """Return the MESSAGE for a subscription: clients of one kind call theirs alike, and share it."""
        key = subscription.head, subscription.destination, packing
        packet = self._packets.get(key)
        if packet is None:
            parts = packing.part(subscription.head) + self._tail(subscription.destination, packing)
            packet = self._packets[key] = packing.whole(parts)
        return packet

    def _tail(self, destination: str, packing: Packing) -> bytes:
        """Return what a MESSAGE to a destination has behind its subscription, written once for all of them."""
        tail = self._tails.get((destination, packing))
        if tail is None:
            headers = (
                ("destination", destination),
                ("message-id", self._message_id),
                ("content-type", "application/json"),
            )
            # None of these has what any version would escape.
            written = message_tail(headers, self._body, version="1.2")
            tail = self._tails[destination, packing] = packing.part(written)
        return tail


def told_of(frame: Frame) -> Told | None:
    """Return what is told of a push; None for one that is not shown."""
    shown = show(frame)
    if shown is None:
        return None
    conversation_id = shown["conversationId"]
    number = frame.seq if frame.room is not None else f"live-{next(_numbers)}"
    message_id = f"{conversation_id}.{number}"
    topic = TOPIC + conversation_id
    if shown["type"] == "NEW_MESSAGE":
        return Told(dumps(shown), message_id, topic, shown["message"]["senderId"])
    # Who has read is for the queue of who has written, as the document has it.
    is_read = shown["type"] == "MESSAGE_READ"
    return Told(dumps(shown), message_id, None if is_read else topic, shown["userId"])
