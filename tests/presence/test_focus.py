"""What people have in front of them: known in every process, until the connection ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from chatserver.presence import Focus
from chatserver.redis.client import close_client, redis_client
from tests.conftest import Connect, User
from tests.support.patience import PATIENCE
from tests.support.redis_server import OwnRedis
from tests.support.servers import Server
from tests.support.talks import opened

TALK, OTHER = str(uuid4()), str(uuid4())
ANN = ("ann", TALK)


@asynccontextmanager
async def focuses(url: str, *, lease: float = PATIENCE) -> AsyncIterator[tuple[Focus, Focus]]:
    """Two processes that share a Redis."""
    clients = [redis_client(url, timeout=PATIENCE) for _ in range(2)]
    one, other = (Focus(client, lease=lease) for client in clients)
    try:
        yield one, other
    finally:
        for focus, client in zip((one, other), clients, strict=True):
            await focus.stop()
            await close_client(client)


async def _hold(focus: Focus, user_id: str, connection: str, talk: str | None) -> None:
    if focus.hold(user_id, connection, talk):
        await focus.share(user_id)


async def _until(focus: Focus, *, holds: bool) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await focus.among([ANN]) == {ANN}) is not holds:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.05)


async def test_one_process_alone() -> None:
    """A conversation is in focus while one connection of its reader has it, and nobody else's counts."""
    focus = Focus()
    await _hold(focus, "ann", "1", TALK)
    await _hold(focus, "ann", "2", TALK)
    await _hold(focus, "bob", "3", OTHER)
    pairs = [ANN, ("ann", OTHER), ("bob", TALK), ("bob", OTHER), ("carol", TALK)]
    assert await focus.among(pairs) == {ANN, ("bob", OTHER)}
    await _hold(focus, "ann", "1", OTHER)
    assert await focus.among(pairs) == {ANN, ("ann", OTHER), ("bob", OTHER)}
    await _hold(focus, "ann", "2", None)
    assert await focus.among(pairs) == {("ann", OTHER), ("bob", OTHER)}


async def test_over_processes(lone_redis_url: str, redis: Redis) -> None:
    """What is in focus in one process is known in the other, until no connection of either has it."""
    async with focuses(lone_redis_url) as (one, other):
        await _hold(one, "ann", "1", TALK)
        await _hold(other, "ann", "2", TALK)
        await _hold(one, "ann", "1", None)
        assert await one.among([ANN, ("bob", TALK)]) == {ANN}
        await _hold(other, "ann", "2", OTHER)
        assert await one.among([ANN, ("ann", OTHER)]) == {("ann", OTHER)}
        await other.stop()
        assert await one.among([ANN, ("ann", OTHER)]) == set()


async def test_a_process_that_dies(lone_redis_url: str, redis: Redis) -> None:
    """What a process had that says nothing any more ends with its lease."""
    async with focuses(lone_redis_url, lease=0.2) as (one, other):
        await _hold(one, "ann", "1", TALK)
        await _until(other, holds=False)


async def test_a_redis_that_lost_everything(own_redis: OwnRedis) -> None:
    """A Redis that comes back empty is told again, by those who renew their leases."""
    async with focuses(own_redis.url, lease=3) as (one, other):
        one.start()
        other.start()
        await _hold(one, "ann", "1", TALK)
        own_redis.kill()
        # Alone, each knows of its own.
        assert await other.among([ANN]) == set()
        assert await one.among([ANN]) == {ANN}
        own_redis.start()
        await _until(other, holds=True)


async def test_what_others_write(lone_redis_url: str, redis: Redis) -> None:
    """A value of another kind is replaced, and a thousand strange members do no harm."""
    async with focuses(lone_redis_url) as (one, other):
        await redis.set("chatserver:{focus}:ann", "not yours")
        await redis.zadd("chatserver:{focus}:bob", {f"strange{n}": 2**52 for n in range(1000)})
        await _hold(one, "ann", "1", TALK)
        await _hold(one, "bob", "2", TALK)
        assert ANN in await other.among([ANN, ("bob", TALK)])


@pytest.fixture
async def talk(connect: Connect, alice: User, bob: User) -> str:
    """A conversation of Alice and Bob."""
    return await opened(await connect(alice), bob)


async def test_the_command(connect: Connect, server: Server, talk: str, alice: User) -> None:
    """A device says what it shows, and nothing; a device that hangs up shows nothing, and so does one offline."""
    app = server.app
    assert app is not None
    pair = (alice.id, talk)
    device, other = await connect(alice), await connect(alice)
    await device.do("presence:focus", conversationId=talk)
    assert await app.focus.among([pair]) == {pair}
    await device.do("presence:focus", conversationId=None)
    assert await app.focus.among([pair]) == set()
    await device.do("presence:focus", conversationId=talk)
    await device.do("presence:offline")
    await device.do("presence:focus", conversationId=talk)
    assert await app.focus.among([pair]) == set()
    await device.do("presence:online")
    await device.do("presence:focus", conversationId=talk)
    assert await app.focus.among([pair]) == {pair}
    await device.close()
    async with asyncio.timeout(PATIENCE):
        while await app.focus.among([pair]):
            await other.do("system:ping")


async def test_nobody_looks_into_others(connect: Connect, talk: str, carol: User) -> None:
    """A conversation that is not one's own is not there."""
    device = await connect(carol)
    error = await device.refused("presence:focus", conversationId=talk)
    assert error["code"] == "RESOURCE_NOT_FOUND"
