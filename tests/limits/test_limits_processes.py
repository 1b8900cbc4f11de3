"""Limits of one person who is connected to two processes, with Redis between them."""

import asyncio
import signal

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.doorbell import local_pair
from tests.support.http import open_direct, request
from tests.support.redis_server import OwnRedis
from tests.support.servers import local_server


async def accepted(device: Device, conversation_id: str) -> bool:
    """Whether a message is accepted; it must be, or be refused for the limit."""
    ack = await device.ask(
        "chat:message_send", {"conversationId": conversation_id, "content": "hello"}
    )
    assert ack["success"] or ack["error"]["code"] == "RATE_LIMIT_EXCEEDED", ack
    return bool(ack["success"])


async def test_240_over_two_processes(
    dsn: str, own_redis: OwnRedis, connect: Connect, alice: User, bob: User
) -> None:
    """From devices on two processes a person may send 240 messages a minute, and a few that outrun the news."""
    async with local_pair(dsn, own_redis.url, MESSAGE_RATE_LIMIT="240") as servers:
        conversation_id = await open_direct(servers[0], alice, bob)
        devices = [await connect(alice, server.url) for server in servers]
        sent = [await accepted(devices[n % 2], conversation_id) for n in range(300)]
        assert 239 <= sum(sent) < 260
        assert not any(sent[-20:])


async def test_from_one_process_to_the_other(
    dsn: str, own_redis: OwnRedis, connect: Connect, alice: User, bob: User
) -> None:
    """What was sent on one process counts on another, for a device that comes later and for REST."""
    async with local_pair(dsn, own_redis.url, MESSAGE_RATE_LIMIT="40") as servers:
        conversation_id = await open_direct(servers[0], alice, bob)
        first = await connect(alice, servers[0].url)
        results = await asyncio.gather(*(accepted(first, conversation_id) for _ in range(50)))
        assert sum(results) == 40
        second = await connect(alice, servers[1].url)
        # Nobody waits for Redis: what is sent before its news is there is accepted.
        early = 0
        while await accepted(second, conversation_id):
            early += 1
        assert early < 20
        assert not any([await accepted(second, conversation_id) for _ in range(10)])
        body = {"conversation_id": conversation_id, "content": "hello"}
        answer = await request("POST", f"{servers[1].url}/api/messages", alice, json=body)
        assert answer.status == 429


async def test_a_stalled_redis_stalls_no_send(
    dsn: str, own_redis: OwnRedis, connect: Connect, alice: User, bob: User
) -> None:
    """While Redis stands still messages are acked, and limited, as ever."""
    async with local_server(dsn, REDIS_URL=own_redis.url, MESSAGE_RATE_LIMIT="20") as server:
        conversation_id = await open_direct(server, alice, bob)
        device = await connect(alice, server.url)
        assert await accepted(device, conversation_id)
        own_redis.send(signal.SIGSTOP)
        sent = [await accepted(device, conversation_id) for _ in range(25)]
        own_redis.send(signal.SIGCONT)
        assert sent == [True] * 19 + [False] * 6


async def test_an_address_at_both(dsn: str, own_redis: OwnRedis, alice: User) -> None:
    """The requests of one address are counted together, to one at each process."""
    async with local_pair(dsn, own_redis.url, IP_RATE_LIMIT="20") as servers:
        statuses = [
            (await request("GET", f"{servers[n % 2].url}/api/conversations", alice)).status
            for n in range(30)
        ]
        assert set(statuses) == {200, 429}
        assert 20 <= statuses.count(200) <= 22
