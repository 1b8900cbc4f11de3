"""Which channels a process hears, on a Redis with sharded channels and on one without."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from chatserver.delivery.bell import connection as bell_connection
from chatserver.delivery.bell import subscriptions
from chatserver.delivery.bell.link import RedisLink
from tests.conftest import Connect, User
from tests.support.doorbell import bell, local_pair, turns
from tests.support.inside import until
from tests.support.redis_cluster import new_redis_binary
from tests.support.redis_server import OwnRedis, redis_binary
from tests.support.servers import Server, local_server
from tests.support.talks import opened, said


@pytest.fixture(params=["plain", "sharded"])
async def some_redis(request: pytest.FixtureRequest) -> AsyncIterator[OwnRedis]:
    """A Redis of either kind."""
    binary = redis_binary() if request.param == "plain" else await new_redis_binary()
    redis = OwnRedis(binary=binary)
    yield redis
    redis.kill()


@pytest.fixture
async def two(dsn: str, some_redis: OwnRedis) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers with a doorbell between them that works."""
    async with local_pair(dsn, some_redis.url) as both:
        yield both


async def _settled(*servers: Server) -> None:
    for server in servers:
        await until(lambda server=server: not bell(server).state().young)


async def test_only_those_concerned_hear(
    dsn: str,
    two: tuple[Server, Server],
    some_redis: OwnRedis,
    request: pytest.FixtureRequest,
    connect: Connect,
    alice: User,
    bob: User,
    carol: User,
) -> None:
    """Messages, typing and joinings cross where their people are, and a process of other people hears nothing."""
    async with local_server(dsn, REDIS_URL=some_redis.url) as third:
        await turns(third, healthy=True)
        a, b = await connect(alice, two[0].url), await connect(bob, two[1].url)
        c = await connect(carol, third.url)
        is_sharded = "[sharded]" in request.node.name
        assert {bell(each)._connection.is_sharded for each in (*two, third)} == {is_sharded}
        direct = await opened(a, bob)
        await b.expect("chat:conversation_created")
        made = await a.do("group:create", title="Group", participantIds=[bob.id])
        group = made["conversation"]["id"]
        await b.expect("group:created")
        await _settled(*two, third)
        for conversation in (direct, group):
            await said(a, conversation, conversation)
            await b.expect(
                "chat:message_received", lambda m, text=conversation: m["content"] == text
            )  # type: ignore[misc]
            await a.do("chat:typing", conversationId=conversation, isTyping=True)
            await b.expect(
                "chat:user_typing",
                lambda t, text=conversation: t["conversationId"] == text,  # type: ignore[misc]
            )
        assert bell(third).state().heard == 0
        await a.do("group:member_add", conversationId=group, userId=carol.id)
        await c.expect("group:member_added")
        await _settled(third)
        await a.do("chat:typing", conversationId=group, isTyping=False)
        await c.expect("chat:user_typing")
        # A direct conversation needs no channel of its own: she, and the group.
        assert bell(third).state().channels == 2
        for device in (a, b, c):
            await device.close()


async def test_what_is_young_comes_from_the_log(
    two: tuple[Server, Server],
    connect: Connect,
    alice: User,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing waits until a channel is heard, and what is committed before comes once, in its order."""
    may_join, join = asyncio.Event(), RedisLink.join

    async def joins_late(link: RedisLink, names: Iterable[bytes]) -> None:
        await may_join.wait()
        await join(link, names)

    a = await connect(alice, two[0].url)
    monkeypatch.setattr(RedisLink, "join", joins_late)
    b = await connect(bob, two[1].url)
    assert bell(two[1]).state().young
    conversation_id = await opened(a, bob)
    for text in ("one", "two"):
        await said(a, conversation_id, text)
    await b.expect("chat:message_received", lambda m: m["content"] == "two", take=False)
    assert bell(two[1]).state().young
    may_join.set()
    await _settled(*two)
    await said(a, conversation_id, "three")
    await b.expect("chat:message_received", lambda m: m["content"] == "three", take=False)
    got = [m["content"] for m in b.seen("chat:message_received")]
    assert got == ["one", "two", "three"]
    await a.do("chat:typing", conversationId=conversation_id, isTyping=True)
    await b.expect("chat:user_typing")


async def test_channels_are_left_a_while_after_the_last_member(
    two: tuple[Server, Server], connect: Connect, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes back soon finds the channel; when nobody has for long, Redis is told that it is left."""
    monkeypatch.setattr(bell_connection, "_SWEEP", 0.01)
    a = await connect(alice, two[0].url)
    await _settled(two[0])
    await a.close()
    a = await connect(alice, two[0].url)
    assert (bell(two[0]).state().channels, bell(two[0]).state().young) == (1, 0)
    monkeypatch.setattr(subscriptions, "LINGER", 0.0)
    await a.close()
    await until(lambda: not bell(two[0]).state().channels)
    b = await connect(alice, two[0].url)
    await _settled(two[0])
    c = await connect(alice, two[1].url)
    made = await c.do("group:create", title="Group")
    await b.expect("group:created")
    await _settled(*two)
    await c.do("group:update", conversationId=made["conversation"]["id"], title="Renamed")
    await b.expect("group:info_updated")


async def test_an_outage_has_everything_joined_anew(
    two: tuple[Server, Server],
    some_redis: OwnRedis,
    connect: Connect,
    alice: User,
    bob: User,
) -> None:
    """After Redis has come back empty, what is in no log crosses again."""
    a, b = await connect(alice, two[0].url), await connect(bob, two[1].url)
    conversation_id = await opened(a, bob)
    some_redis.kill()
    for server in two:
        await turns(server, healthy=False)
    some_redis.start()
    for server in two:
        await turns(server, healthy=True)
    await _settled(*two)
    await a.do("chat:typing", conversationId=conversation_id, isTyping=True)
    await b.expect("chat:user_typing")
