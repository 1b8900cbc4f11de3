"""A STOMP session: what may be said when, and what is answered."""

import asyncio
from dataclasses import dataclass, field

import pytest

from chatserver.doors.protocols.stomp import FrameReader, Headers, StompFrame, encode, message_tail
from chatserver.doors.protocols.stomp_beats import Beats
from chatserver.doors.protocols.stomp_session import (
    Receipt,
    RefusedFrame,
    StompSession,
    Subscription,
)


@dataclass
class Hall:
    """Lets everybody in but with the token "wrong", and all but to destinations that begin with "/no"."""

    written: bytes = b""
    closed: bool = False
    session: StompSession | None = None
    sent: list[bytes] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    counted: int = 0
    # Whether what is sent is done at once.
    prompt: bool = True

    async def connect(self, frame: StompFrame) -> Headers:
        await asyncio.sleep(0)
        if frame.headers.get("token") == "wrong":
            raise RefusedFrame("authentication failed", "The token is not valid.")
        return [("user-name", "alice")]

    def connected(self, session: StompSession) -> None:
        self.session = session

    def count(self) -> None:
        self.counted += 1

    async def subscribe(self, subscription: Subscription) -> None:
        await asyncio.sleep(0)
        if subscription.destination.startswith("/no"):
            raise RefusedFrame("subscription refused")
        self.heard.append(f"+{subscription.id} {subscription.destination}")

    def subscribed(self, subscription: Subscription) -> None:
        assert subscription in self.session.subscriptions

    def unsubscribed(self, subscription: Subscription) -> None:
        assert subscription not in self.session.subscriptions
        self.heard.append(f"-{subscription.id} {subscription.destination}")

    async def send(self, frame: StompFrame, receipt: Receipt) -> None:
        if frame.headers["destination"].startswith("/no"):
            raise RefusedFrame("destination refused")
        self.sent.append(frame.body)
        if self.prompt:
            receipt()
        else:
            self.receipts.append(receipt)

    def write(self, data: bytes) -> None:
        # Also what is done when the last frame is there, which waits for it.
        self.written += data

    def close(self, last: bytes) -> None:
        assert not self.closed
        self.written += last
        self.closed = True


class Client:
    """Speaks to a session by itself. ``hall`` is what listens to it."""

    def __init__(self) -> None:
        self.hall = Hall()
        self.session = StompSession(self.hall, max_body=1_000, beats=Beats(10_000, 30_000))
        self._read = FrameReader(max_body=10_000)

    async def say(self, command: str, body: bytes = b"", **headers: str) -> list[StompFrame]:
        """The answers to a frame; underscores of headers' names are hyphens."""
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return await self.octets(encode(command, named, body, version="1.2"))

    async def octets(self, data: bytes) -> list[StompFrame]:
        await self.session.receive(data)
        return self.answers()

    def answers(self) -> list[StompFrame]:
        self._read.version = self.session.version or "1.0"
        self._read.feed(self.hall.written)
        self.hall.written = b""
        return list(iter(self._read.read, None))

    async def connect(self, version: str = "1.2", **headers: str) -> StompFrame:
        (answer,) = await self.say("CONNECT", accept_version=version, **headers)
        assert answer.command == "CONNECTED", answer
        return answer

    def refused(self, answers: list[StompFrame], message: str) -> None:
        """The last answer is an ERROR, and the session is over."""
        assert answers[-1].command == "ERROR"
        assert answers[-1].headers["message"] == message
        assert self.hall.closed


@pytest.fixture
async def client() -> Client:
    return Client()


@pytest.mark.parametrize(
    ("offered", "version"),
    [
        ("1.0,1.1,1.2", "1.2"),
        ("1.2,1.1,1.0", "1.2"),
        ("1.0, 1.1", "1.1"),
        ("1.0", "1.0"),
        ("1.2,2.0", "1.2"),
    ],
)
@pytest.mark.parametrize("command", ["CONNECT", "STOMP"])
async def test_connect(client: Client, command: str, offered: str, version: str) -> None:
    """A client is told the newest version that both know, our beats, and what the listener says."""
    answer = await client.say(command, accept_version=offered, heart_beat="10000,10000")
    headers = {"version": version, "heart-beat": "10000,30000", "user-name": "alice"}
    assert answer == [StompFrame("CONNECTED", headers)]
    assert client.hall.session is client.session
    assert (client.session.version, client.session.beats) == (version, Beats(10_000, 30_000))


async def test_no_version(client: Client) -> None:
    """Without accept-version it is 1.0, and without heart-beat there are none."""
    (answer,) = await client.say("CONNECT")
    assert answer.headers["version"] == "1.0"
    assert client.session.beats == Beats(0, 0)


async def test_other_versions(client: Client) -> None:
    """A client that knows none of ours is told those."""
    answers = await client.say("CONNECT", accept_version="2.0")
    client.refused(answers, "version not supported")
    assert answers[0].headers["version"] == "1.0,1.1,1.2"
    assert answers[0].body == b"Supported protocol versions are 1.0,1.1,1.2"


async def test_refused(client: Client) -> None:
    """A client that is not let in is told why, and nothing that it says behind is heard."""
    data = encode("CONNECT", [("token", "wrong")], version="1.0")
    answers = await client.octets(data + encode("SEND", [("destination", "/a")], version="1.0"))
    client.refused(answers, "authentication failed")
    assert answers[0].body == b"The token is not valid."
    assert answers[0].headers["content-type"] == "text/plain"
    assert client.hall.sent == []


async def test_what_comes_behind_connect(client: Client) -> None:
    """Frames in the same chunk as CONNECT are read by the version that it agrees on, in their order."""
    data = encode("CONNECT", [("accept-version", "1.2")], version="1.2")
    data += encode("SUBSCRIBE", [("id", "a:b"), ("destination", "/a")], version="1.2")
    await client.octets(data + encode("SEND", [("destination", "/a")], b"1", version="1.2"))
    assert client.hall.heard == ["+a:b /a"]
    assert client.hall.sent == [b"1"]


@pytest.mark.parametrize(
    ("command", "headers", "message"),
    [
        ("CONNECT", {}, "connected already"),
        ("STOMP", {}, "connected already"),
        ("SUBSCRIBE", {"destination": "/a"}, "id is missing"),
        ("SUBSCRIBE", {"id": "1"}, "destination is missing"),
        ("SUBSCRIBE", {"id": "1", "destination": "/no"}, "subscription refused"),
        (
            "SUBSCRIBE",
            {"id": "1", "destination": "/a", "ack": "maybe"},
            "ack is one of auto, client, client-individual",
        ),
        (
            "SUBSCRIBE",
            {"id": "x" * 1025, "destination": "/a"},
            "id and destination have at most 1024 characters",
        ),
        ("UNSUBSCRIBE", {"destination": "/a"}, "id is missing"),
        ("SEND", {}, "destination is missing"),
        ("SEND", {"destination": "/no"}, "destination refused"),
        ("SEND", {"destination": "/a", "transaction": "t"}, "there are no transactions"),
        ("BEGIN", {"transaction": "t"}, "there are no transactions"),
        ("COMMIT", {"transaction": "t"}, "there are no transactions"),
        ("ABORT", {"transaction": "t"}, "there are no transactions"),
        ("MESSAGE", {}, "no such command"),
        ("send", {"destination": "/a"}, "no such command"),
        (
            "SEND",
            {"destination": "/a", "content_length": "9999"},
            "the body of a frame is at most 1000 octets",
        ),
    ],
)
async def test_errors(client: Client, command: str, headers: dict[str, str], message: str) -> None:
    """What is wrong is an ERROR with a reason and the receipt that was asked for, and ends the session."""
    await client.connect()
    answers = await client.say(command, receipt="r", **headers)
    client.refused(answers, message)
    # What is no frame has no headers.
    if "octets" not in message:
        assert answers[-1].headers["receipt-id"] == "r"
    assert await client.say("SEND", destination="/a") == []
    assert client.hall.sent == []


@pytest.mark.parametrize("command", ["SEND", "SUBSCRIBE", "DISCONNECT", "NONSENSE"])
async def test_nothing_before_connect(client: Client, command: str) -> None:
    """The first frame is CONNECT or STOMP."""
    answers = await client.say(command, id="1", destination="/a")
    client.refused(answers, "the first frame is CONNECT or STOMP")


async def test_broken_octets(client: Client) -> None:
    """What is no frame is an ERROR."""
    client.refused(await client.octets(b"\0"), "an empty line is missing after the headers")


async def test_receipts(client: Client) -> None:
    """Every frame that asks for a receipt gets one, with what it asked; no other gets any."""
    await client.connect()
    for command, headers in (
        ("SUBSCRIBE", {"id": "1", "destination": "/a"}),
        ("SEND", {"destination": "/a"}),
        ("ACK", {"id": "1"}),
        ("NACK", {"id": "1"}),
        ("UNSUBSCRIBE", {"id": "1"}),
        ("UNSUBSCRIBE", {"id": "unknown"}),
    ):
        assert await client.say(command, **headers) == []
        receipt = f"r:{command}\n"
        assert await client.say(command, receipt=receipt, **headers) == [
            StompFrame("RECEIPT", {"receipt-id": receipt})
        ]
    assert not client.hall.closed


async def test_a_receipt_comes_when_it_is_done(client: Client) -> None:
    """That of a SEND comes when the listener has done it; one that fails then is an ERROR."""
    client.hall.prompt = False
    await client.connect()
    assert await client.say("SEND", destination="/a", receipt="1") == []
    assert await client.say("SEND", destination="/a", receipt="2") == []
    assert await client.say("SEND", destination="/a", receipt="3") == []
    first, second, _ = client.hall.receipts
    second()
    assert client.answers() == [StompFrame("RECEIPT", {"receipt-id": "2"})]
    client.session.refuse(RefusedFrame("too late"), StompFrame("SEND", {"receipt": "3"}))
    client.refused(client.answers(), "too late")
    # What is done all the same is told, and there is one ERROR.
    first()
    client.session.refuse(RefusedFrame("again"))
    assert client.answers() == [StompFrame("RECEIPT", {"receipt-id": "1"})]


async def test_pipelined(client: Client) -> None:
    """200 SENDs in one chunk are taken in their order, and each has its receipt."""
    await client.connect()
    data = b"".join(
        encode("SEND", [("destination", "/a"), ("receipt", str(n))], str(n).encode(), version="1.2")
        for n in range(200)
    )
    answers = await client.octets(data)
    assert [answer.headers["receipt-id"] for answer in answers] == [str(n) for n in range(200)]
    assert client.hall.sent == [str(n).encode() for n in range(200)]


async def test_others_have_their_turn(client: Client) -> None:
    """However many frames are in a chunk, others have their turn between them."""
    await client.connect()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    waiting = asyncio.create_task(others())
    await client.octets(b"ACK\nid:1\n\n\0" * 6_400)
    waiting.cancel()
    assert turns >= 99


async def test_subscriptions(client: Client) -> None:
    """A destination may have several subscriptions; each has what begins its messages."""
    await client.connect()
    for named in ("1", "2"):
        await client.say("SUBSCRIBE", id=named, destination="/a")
    await client.say("SUBSCRIBE", id="3", destination="/b")
    tail = message_tail([("destination", "/a")], b"hi", version="1.2")
    for subscription in client.session.to("/a"):
        client.hall.write(subscription.head + tail)
    assert [frame.headers["subscription"] for frame in client.answers()] == ["1", "2"]
    await client.say("UNSUBSCRIBE", id="1")
    assert [subscription.id for subscription in client.session.to("/a")] == ["2"]
    await client.say("UNSUBSCRIBE", id="2")
    assert list(client.session.to("/a")) == []
    assert client.hall.heard == ["+1 /a", "+2 /a", "+3 /b", "-1 /a", "-2 /a"]


async def test_the_same_subscription_twice(client: Client) -> None:
    """The same id and destination is the same subscription; with another destination it is an ERROR."""
    await client.connect()
    await client.say("SUBSCRIBE", id="1", destination="/a")
    assert await client.say("SUBSCRIBE", id="1", destination="/a", receipt="r") == [
        StompFrame("RECEIPT", {"receipt-id": "r"})
    ]
    assert len(client.session.to("/a")) == 1
    assert client.hall.heard == ["+1 /a"]
    answers = await client.say("SUBSCRIBE", id="1", destination="/b")
    client.refused(answers, "the subscription with this id has another destination")


async def test_back_and_forth(client: Client) -> None:
    """SUBSCRIBE, UNSUBSCRIBE and SUBSCRIBE in one write leave one subscription."""
    await client.connect()
    there = encode("SUBSCRIBE", [("id", "1"), ("destination", "/a")], version="1.2")
    back = encode("UNSUBSCRIBE", [("id", "1")], version="1.2")
    await client.octets(there + back + there)
    assert client.hall.heard == ["+1 /a", "-1 /a", "+1 /a"]
    assert len(client.session.to("/a")) == 1


async def test_subscriptions_of_1_0(client: Client) -> None:
    """In 1.0 a subscription needs no id: it ends by its destination, and its messages name none."""
    await client.connect("1.0")
    await client.say("SUBSCRIBE", destination="/a")
    await client.say("SUBSCRIBE", destination="/a")
    await client.say("SUBSCRIBE", id="1", destination="/a")
    assert [subscription.head for subscription in client.session.to("/a")] == [
        b"MESSAGE",
        b"MESSAGE\nsubscription:1",
    ]
    await client.say("UNSUBSCRIBE", destination="/a")
    assert [subscription.id for subscription in client.session.to("/a")] == ["1"]
    client.refused(await client.say("UNSUBSCRIBE"), "destination is missing")


async def test_too_many_subscriptions(client: Client) -> None:
    """A connection has 1,000 subscriptions at most."""
    await client.connect()
    data = b"".join(
        encode("SUBSCRIBE", [("id", str(n)), ("destination", f"/{n}")], version="1.2")
        for n in range(1_001)
    )
    client.refused(await client.octets(data), "a connection has at most 1000 subscriptions")


async def test_too_many_subscriptions_of_one_kind(client: Client) -> None:
    """A destination has 16 subscriptions at most: each is sent a copy of what comes there."""
    await client.connect()
    for number in range(16):
        assert await client.say("SUBSCRIBE", id=str(number), destination="/a") == []
    client.refused(
        await client.say("SUBSCRIBE", id="16", destination="/a"),
        "a destination has at most 16 subscriptions",
    )


async def test_what_counts(client: Client) -> None:
    """Each frame is counted once, but for SEND, which its listener counts, and DISCONNECT, which comes once."""
    await client.connect()
    await client.say("SUBSCRIBE", id="1", destination="/a")
    await client.say("ACK", id="1")
    await client.say("NACK", id="1")
    await client.say("SEND", destination="/a")
    await client.say("UNSUBSCRIBE", id="1")
    await client.say("DISCONNECT")
    assert client.hall.counted == 4


async def test_disconnect(client: Client) -> None:
    """DISCONNECT is answered by its receipt, and ends the session; what comes behind it is not heard."""
    await client.connect()
    data = encode("DISCONNECT", [("receipt", "bye")], version="1.2")
    answers = await client.octets(data + encode("SEND", [("destination", "/a")], version="1.2"))
    assert answers == [StompFrame("RECEIPT", {"receipt-id": "bye"})]
    assert client.hall.closed
    assert client.hall.sent == []


async def test_disconnect_without_a_receipt(client: Client) -> None:
    """DISCONNECT without a receipt just ends the session."""
    await client.connect()
    assert await client.say("DISCONNECT") == []
    assert client.hall.closed
