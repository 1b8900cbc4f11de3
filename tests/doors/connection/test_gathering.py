"""A door may tell what was missed in one message, or nothing of it, and not show everything."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.conftest import Connect, User
from tests.support.inside import until
from tests.support.servers import Server
from tests.support.talks import opened, said
from tests.support.telling_doors import GatheringDevice, GatheringDoor, SilentDoor

Arrive = Callable[[User], Awaitable[GatheringDevice]]


@pytest.fixture
async def arrive(server: Server) -> AsyncIterator[Arrive]:
    """Connects devices to a door that gathers."""
    assert server.app is not None
    door = GatheringDoor(server.app.reception)
    devices: list[GatheringDevice] = []

    async def connect(user: User) -> GatheringDevice:
        device = GatheringDevice(door)
        devices.append(device)
        return await device.connect({"token": user.token})

    yield connect
    for device in devices:
        await device.close()


async def _received(device: GatheringDevice) -> None:
    """Everything that was pushed to a device so far is known to have arrived."""
    await device.settled()
    line = device.line
    assert line is not None
    line._ping()
    await until(lambda: not line._pinged)


async def test_what_was_missed_comes_together(
    arrive: Arrive, connect: Connect, alice: User, bob: User
) -> None:
    """What was missed stands in what says that the session is on, in order, and what is live comes after it."""
    a = await connect(alice)
    talk = await opened(a, bob)
    for number in range(3):
        await said(a, talk, f"missed {number}")
    b = await arrive(bob)
    assert b.first == "connected"
    assert b.texts() == [f"missed {number}" for number in range(3)]
    assert [name for name, _ in b.queued] == ["chat:message_received"] * 3
    await said(a, talk, "live")
    await b.expect("chat:message_received", lambda m: m["content"] == "live")
    assert b.seen("session:ready") == []


async def test_what_is_too_much_comes_behind(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Past the bound of what waits for a client, the rest of what was missed comes behind, in order."""
    assert server.app is not None
    a = await connect(alice)
    talk = await opened(a, bob)
    for number in range(4):
        await said(a, talk, f"{number}" * 9_000)
    b = await GatheringDevice(GatheringDoor(server.app.reception, bound=30_000)).connect(
        {"token": bob.token}
    )
    assert [text[0] for text in b.texts()] == ["0", "1"]
    await b.expect("chat:message_received", lambda m: m["content"][0] == "3", take=False)
    assert [m["content"][0] for m in b.seen("chat:message_received")] == ["2", "3"]
    await b.close()


async def test_what_has_arrived_is_not_sent_again(
    arrive: Arrive, connect: Connect, alice: User, bob: User
) -> None:
    """What was received a moment ago is written before the same person is asked what they have missed."""
    a = await connect(alice)
    talk = await opened(a, bob)
    await said(a, talk, "missed")
    b = await arrive(bob)
    await said(a, talk, "live")
    await b.expect("chat:message_received")
    await _received(b)
    await b.close()
    await said(a, talk, "missed again")
    assert (await arrive(bob)).texts() == ["missed again"]


async def test_nothing_of_what_was_missed(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """A door that replays nothing tells of what is to come alone."""
    assert server.app is not None
    a = await connect(alice)
    talk = await opened(a, bob)
    await said(a, talk, "missed")
    b = await GatheringDevice(SilentDoor(server.app.reception)).connect({"token": bob.token})
    await said(a, talk, "live")
    got = await b.expect("chat:message_received")
    assert (b.queued, got["content"]) == ([], "live")
    await b.close()


async def test_who_acts_is_answered_alone(
    arrive: Arrive, connect: Connect, alice: User, bob: User
) -> None:
    """The connection that sends a message gets the answer; the same person's others, and the others', the push."""
    acting, other, b = await arrive(alice), await arrive(alice), await connect(bob)
    talk = await opened(acting, bob)
    await said(acting, talk, "own")
    for device in (other, b):
        got = await device.expect("chat:message_received")
        assert got["content"] == "own"
    await said(b, talk, "answer")
    await acting.expect("chat:message_received", lambda m: m["content"] == "answer")
    await acting.settled()
    assert acting.seen("chat:message_received") == []


async def test_what_is_answered_counts_as_received(
    arrive: Arrive, connect: Connect, alice: User, bob: User
) -> None:
    """What a connection was answered instead of being told it is not among what its user has missed."""
    acting = await arrive(alice)
    talk = await opened(acting, bob)
    await said(acting, talk, "own")
    await _received(acting)
    await acting.close()
    assert (await arrive(alice)).texts() == []


async def test_what_is_hidden_counts_as_received(
    arrive: Arrive, connect: Connect, alice: User, bob: User
) -> None:
    """A push that a door does not show is sent to nobody there, and is not missed either."""
    a, b = await connect(alice), await arrive(bob)
    await opened(a, bob)
    await _received(b)
    assert [name for name, _ in b.pushes if name == "chat:conversation_created"] == []
    await b.close()
    assert (await arrive(bob)).queued == []
