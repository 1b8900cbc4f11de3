"""How often others are told of what is live only: typing, and who comes and goes."""

import time
from uuid import uuid4

import asyncpg
import pytest

from chatserver.chat import typing as typing_state
from chatserver.presence import presence
from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.groups import create, crowd_of, fill
from tests.support.inside import until
from tests.support.servers import Server, local_server
from tests.support.talks import opened

Pool = asyncpg.Pool


class Clock:
    """Stands still until it is set; seconds."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def monotonic(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What typing goes by; nobody who types has been silent for too long while it stands still."""
    clock = Clock()
    monkeypatch.setattr(typing_state, "time", clock)
    monkeypatch.setattr(typing_state._Typing, "expire", lambda _: None)
    return clock


async def _type(device: Device, conversation_id: str, *states: bool) -> None:
    for state in states:
        await device.do("chat:typing", conversationId=conversation_id, isTyping=state)


async def _heard(device: Device) -> list[bool]:
    """What a device was told of typing since it was asked last."""
    await device.settled()
    heard = [push["isTyping"] for push in device.seen("chat:user_typing")]
    device.pushes = [push for push in device.pushes if push[0] != "chat:user_typing"]
    return heard


async def test_a_flood_of_typing(connect: Connect, alice: User, bob: User, clock: Clock) -> None:
    """600 times "typing" within the interval, over all devices, are acked and told once; after it, once more."""
    devices = [await connect(alice) for _ in range(3)]
    b = await connect(bob)
    conversation_id = await opened(devices[0], bob)
    assert devices[0].ready["limits"]["typingIntervalMs"] == 1000
    for number in range(600):
        await _type(devices[number % 3], conversation_id, True)
    assert await _heard(b) == [True]
    clock.now += 1
    await _type(devices[1], conversation_id, True, True)
    assert await _heard(b) == [True]


async def test_changes_of_typing(connect: Connect, alice: User, bob: User, clock: Clock) -> None:
    """Four changes are told within any interval, whatever comes over which device; conversations count apart."""
    a, other, b = await connect(alice), await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    await _type(a, conversation_id, True, False)
    await _type(other, conversation_id, True, False, True, False, True)
    assert await _heard(b) == [True, False, True, False]
    clock.now += 0.9
    await _type(a, conversation_id, True, False)
    assert await _heard(b) == []
    clock.now += 0.1
    await _type(a, conversation_id, True, False, False, True, True)
    assert await _heard(b) == [True, False, True]
    ack = await a.do("chat:conversation_open", recipientId=bob.id, productId="another")
    await _type(a, ack["conversation"]["id"], True)
    assert await _heard(b) == [True]


async def test_no_interval(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """TYPING_INTERVAL=0 tells all; what it is, clients are told."""
    async with local_server(dsn, TYPING_INTERVAL="0") as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        assert a.ready["limits"]["typingIntervalMs"] == 0
        conversation_id = await opened(a, bob)
        await _type(a, conversation_id, *[True] * 10)
        assert await _heard(b) == [True] * 10


async def test_typing_to_many(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """In a group of a hundred the others hear of typing; in one of a hundred and one nobody does."""
    a, b = await connect(alice), await connect(bob)
    small, large = [await create(a, bob, maxMembers=200) for _ in range(2)]
    await fill(db, small, await crowd_of(db, 98))
    await fill(db, large, await crowd_of(db, 99))
    await _type(a, large, True, False)
    await _type(a, small, True)
    push = await b.expect("chat:user_typing")
    assert (push["conversationId"], push["isTyping"]) == (small, True)
    assert await _heard(b) == []


async def test_typing_of_strangers(connect: Connect, alice: User, bob: User, carol: User) -> None:
    """Who may not see a conversation is told so however often they type there."""
    a, c = await connect(alice), await connect(carol)
    for conversation_id in (await opened(a, bob), str(uuid4())):
        for _ in range(3):
            error = await c.refused("chat:typing", conversationId=conversation_id, isTyping=True)
            assert error["code"] == "RESOURCE_NOT_FOUND"


async def _presence_of(server: Server) -> presence.Presence:
    assert server.app is not None
    return server.app.reception._presence


async def _flap(device: Device, times: int) -> None:
    for _ in range(times):
        await device.do("presence:offline")
        await device.do("presence:online")


async def test_presence_that_flaps(
    dsn: str, redis_url: str, connect: Connect, alice: User, bob: User
) -> None:
    """A hundred changes in a moment are told once, and after the interval once more: the last of them."""
    for redis in ({}, {"REDIS_URL": redis_url}):
        async with local_server(dsn, PRESENCE_INTERVAL="600000", **redis) as server:
            a = await connect(alice, server.url)
            await opened(a, bob)
            b = await connect(bob, server.url)
            assert (await a.expect("user:status_changed"))["status"] == "online"
            await _flap(b, 50)
            await b.do("presence:offline")
            there = await _presence_of(server)
            await until(lambda there=there: bob.id not in there._pending)
            await a.settled()
            assert a.seen("user:status_changed") == []
            # The interval is over.
            there._resting[bob.id].timer.cancel()
            there._rested(bob.id)
            assert (await a.expect("user:status_changed"))["status"] == "offline"
            # Back again and away again within the next one: nothing is left to tell.
            await _flap(b, 3)
            await b.do("presence:offline")
            await until(lambda there=there: bob.id not in there._pending)
            there._resting[bob.id].timer.cancel()
            there._rested(bob.id)
            await until(lambda there=there: bob.id not in there._pending)
            await a.settled()
            assert a.seen("user:status_changed") == []
            assert bob.id not in there._resting
            await a.close()
            await b.close()
