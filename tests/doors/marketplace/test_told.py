"""What a push costs does not grow with those who are told of it."""

import pytest

from chatserver.delivery import Frame
from chatserver.doors.marketplace.choices import Choices
from chatserver.doors.marketplace.line import _PACKINGS
from chatserver.doors.marketplace.told import Packing, Told, told_of
from chatserver.doors.marketplace.words import NOTIFICATIONS, TOPIC
from chatserver.doors.protocols.stomp import message_head
from chatserver.doors.protocols.stomp_session import Subscription

# SockJS escapes each of these signs.
BODY = '{"text":"\u200c\u2028 \\" \uffff"}'.encode()


@pytest.mark.parametrize("kind", _PACKINGS)
def test_a_message_is_written_once(kind: str) -> None:
    """Over each transport a push is written once for all its subscriptions, and is whole in each packet."""
    written: list[bytes] = []

    def part(data: bytes) -> bytes:
        written.append(data)
        return _PACKINGS[kind].part(data)

    packing = Packing(part, _PACKINGS[kind].whole)
    told = Told(BODY, "id.1", None, "somebody")
    for name in ("1", "é\u200c", '"', "\\:"):
        head = message_head(name, "1.2")
        packet = told.packet(Subscription(name, NOTIFICATIONS, head), packing)
        (tail,) = [data for data in written if BODY in data]
        assert packet.framed == _PACKINGS[kind].packet(head + tail).framed


class _Subscribed:
    """A session by what it has subscribed to."""

    def __init__(self, *subscriptions: Subscription) -> None:
        self.subscriptions = subscriptions

    def to(self, destination: str) -> list[Subscription]:
        return [each for each in self.subscriptions if each.destination == destination]


def _to(name: str, destination: str) -> Subscription:
    return Subscription(name, destination, message_head(name, "1.2"))


@pytest.mark.parametrize("kind", _PACKINGS)
@pytest.mark.parametrize("more", [0, 100])
def test_a_push_goes_to_each_subscription(kind: str, more: int) -> None:
    """A push is one packet with a MESSAGE for each subscription, and its actor's queue does not have it."""
    packing = _PACKINGS[kind]
    told = Told(BODY, "id.1", f"{TOPIC}1", "alice")
    frame = Frame("chat:message_received", None, encoded={told_of: told})
    wanted = [_to("a", f"{TOPIC}1"), _to("b", f"{TOPIC}1"), _to("c", NOTIFICATIONS)]
    others = [_to(f"d{number}", f"{TOPIC}2") for number in range(more)]
    session = _Subscribed(*wanted, *others)
    packets = [told.packet(each, packing).framed for each in wanted]
    choices = Choices()
    for user_id, sent in (("bob", packets), ("alice", packets[:2])):
        packet = choices.of(user_id, packing, session)(frame)
        assert packet is not None
        assert packet.framed == (b"," if kind == "http" else b"").join(sent)
    assert choices.of("alice", packing, _Subscribed(*others))(frame) is None


def test_clients_that_choose_alike_share_what_they_are_sent() -> None:
    """Clients of one person that have subscribed alike have one choice, and others one of their own."""
    choices = Choices()
    alike = [_Subscribed(_to("a", f"{TOPIC}1"), _to("b", NOTIFICATIONS)) for _ in range(2)]
    first, second = (choices.of("alice", _PACKINGS["raw"], session) for session in alike)
    assert first is second
    assert choices.of("bob", _PACKINGS["raw"], alike[0]) is not first
    assert choices.of("alice", _PACKINGS["http"], alike[0]) is not first
    assert choices.of("alice", _PACKINGS["raw"], _Subscribed(_to("a", f"{TOPIC}1"))) is not first
