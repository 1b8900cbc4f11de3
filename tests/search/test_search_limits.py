"""Searches per minute: refused past the limit, over all processes."""

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.doorbell import local_pair
from tests.support.redis_server import OwnRedis
from tests.support.servers import local_server


async def _accepted(device: Device) -> bool:
    """Whether a search is accepted; it must be, or be refused for the limit."""
    ack = await device.ask("chat:search", {"query": "word"})
    assert ack["success"] or ack["error"]["code"] == "RATE_LIMIT_EXCEEDED", ack
    return bool(ack["success"])


async def test_searches_per_minute(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Past SEARCH_RATE_LIMIT a search is refused and says when to come back; other people and commands go on."""
    async with local_server(dsn, SEARCH_RATE_LIMIT="3") as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        # What is refused for what it says was no search.
        await a.refused("chat:search", query="w")
        assert [await _accepted(a) for _ in range(4)] == [True, True, True, False]
        error = await a.refused("chat:search", query="word")
        assert error["retryable"]
        assert 1 <= error["retryAfter"] <= 60
        await a.do("chat:conversation_list")
        assert await _accepted(b)


async def test_searches_on_two_processes(
    dsn: str, own_redis: OwnRedis, connect: Connect, alice: User
) -> None:
    """What was searched on one process counts on another."""
    async with local_pair(dsn, own_redis.url, SEARCH_RATE_LIMIT="30") as servers:
        first, second = [await connect(alice, server.url) for server in servers]
        assert sum([await _accepted(first) for _ in range(35)]) == 30
        # Nobody waits for Redis: what is asked before its news is there is accepted.
        early = 0
        while await _accepted(second):
            early += 1
        assert early < 20
        assert not any([await _accepted(second) for _ in range(5)])
