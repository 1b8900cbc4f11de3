"""What of each push the clients of the marketplace system are sent: what they have subscribed to."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Protocol
from weakref import WeakValueDictionary

from chatserver.delivery import Frame
from chatserver.doors.marketplace.told import Packing, told_of
from chatserver.doors.marketplace.words import NOTIFICATIONS
from chatserver.doors.protocols import Framed
from chatserver.doors.protocols.stomp_session import Subscription
from chatserver.doors.protocols.websocket_frames import FramedPacket

# Clients with more subscriptions are not compared with others: each subscription would cost what all of them do.
_FEW = 16

To = Callable[[str], Collection[Subscription]]


class Subscribed(Protocol):
    """Who has subscribed: a `StompSession`."""

    @property
    def subscriptions(self) -> Collection[Subscription]:
        """All subscriptions."""

    def to(self, destination: str) -> Collection[Subscription]:
        """Return the subscriptions to a destination, as they are whenever that is asked."""


class StompChoice:
    """Encodes pushes for those clients of one person that have subscribed alike: see `Encode`.

    Args:
        to: the subscriptions to a destination.
    """

    __slots__ = ("__weakref__", "_packing", "_to", "_user_id")

    def __init__(self, user_id: str, packing: Packing, to: To) -> None:
        self._user_id = user_id
        self._packing = packing
        self._to = to

    def __call__(self, frame: Frame) -> Framed | None:
        """Return the MESSAGEs of a push, one for each subscription to which it is to be told."""
        if told_of not in frame.encoded:
            frame.encoded[told_of] = told_of(frame)
        told = frame.encoded[told_of]
        if told is None:
            return None
        to = [] if told.topic is None else [*self._to(told.topic)]
        if told.actor != self._user_id:
            to += self._to(NOTIFICATIONS)
        packets: list[Framed] = [told.packet(each, self._packing) for each in to]
        if len(packets) < 2:
            return packets[0] if packets else None
        return FramedPacket(self._packing.between.join([packet.framed for packet in packets]))


class Choices:
    """The choices that are in use, so that clients which choose alike share one."""

    def __init__(self) -> None:
        self._shared: WeakValueDictionary[tuple[object, ...], StompChoice] = WeakValueDictionary()

    def of(self, user_id: str, packing: Packing, session: Subscribed) -> StompChoice:
        """Return what a session's client is sent, by the subscriptions that it has now."""
        subscriptions = tuple(session.subscriptions)
        if len(subscriptions) > _FEW:
            return StompChoice(user_id, packing, session.to)
        key = user_id, packing, subscriptions
        choice = self._shared.get(key)
        if choice is None:
            choice = self._shared[key] = StompChoice(
                user_id, packing, partial(_among, subscriptions)
            )
        return choice


def _among(subscriptions: Collection[Subscription], destination: str) -> Collection[Subscription]:
    return [each for each in subscriptions if each.destination == destination]
