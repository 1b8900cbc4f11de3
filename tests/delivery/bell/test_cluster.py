"""The doorbell on a real Redis Cluster: channels are spread over its masters, which may go, and move."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import socketio

from chatserver.delivery.bell import channels
from chatserver.delivery.bell.connection import BellConnection
from chatserver.ops.doctor.redis import examine
from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.doorbell import bell, local_pair, turns
from tests.support.inside import until
from tests.support.redis_cluster import RedisCluster, redis_cluster
from tests.support.servers import Server, settings_for
from tests.support.talks import opened, said


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[RedisCluster]:
    """Three masters."""
    async with redis_cluster(tmp_path) as found:
        yield found


@pytest.fixture
async def two(dsn: str, cluster: RedisCluster) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers, whose URL names the first master."""
    async with local_pair(dsn, cluster.url(0)) as both:
        yield both


def _connection(server: Server) -> BellConnection:
    return bell(server)._connection


async def _typing_arrives(a: Device, b: Device, conversation_id: str) -> None:
    """What is in no log comes by the bell alone, which may lose it while it looks for the channel."""
    async with asyncio.timeout(30):
        while not b.seen("chat:user_typing"):
            for is_typing in (True, False):
                await a.do("chat:typing", conversationId=conversation_id, isTyping=is_typing)
            await asyncio.sleep(0.05)


class _Load:
    """One who writes all the time, until it is enough."""

    def __init__(self, device: Device, conversation_id: str) -> None:
        self.acked: list[str] = []
        self._is_enough = False
        self._device = device
        self._conversation_id = conversation_id

    async def _write(self) -> None:
        while not self._is_enough:
            text = str(len(self.acked))
            await said(self._device, self._conversation_id, text)
            self.acked.append(text)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Write while something else happens."""
        task = asyncio.create_task(self._write())
        try:
            yield
        finally:
            # (Python 3.11 may lose a cancellation in the client's own waiting.)
            self._is_enough = True
            await task

    async def more(self, count: int) -> None:
        """Wait until so many more are acked."""
        enough = len(self.acked) + count
        await until(lambda: len(self.acked) >= enough)

    async def all_came(self, device: Device) -> None:
        """Everything that was acked came, in order, each once."""
        last = self.acked[-1]
        await device.expect(
            "chat:message_received", lambda message: message["content"] == last, take=False
        )
        got = [message["content"] for message in device.seen("chat:message_received")]
        assert got[: len(self.acked)] == self.acked


async def test_channels_are_spread(
    two: tuple[Server, Server], cluster: RedisCluster, connect: Connect, alice: User, bob: User
) -> None:
    """Each process has a link to each master; messages, typing and what other programs emit cross on all."""
    a, b = await connect(alice, two[0].url), await connect(bob, two[1].url)
    groups: dict[int, str] = {}
    while len(groups) < 3:
        made = await a.do("group:create", title="Group", participantIds=[bob.id])
        group = made["conversation"]["id"]
        groups[await cluster.owner(channels.channel_of(f"conversation:{group}"))] = group
    for server in two:
        assert _connection(server).is_sharded
        assert len(_connection(server)._links) == 3
    for group in groups.values():
        await said(a, group, group)
        await b.expect("chat:message_received", lambda m, group=group: m["content"] == group)  # type: ignore[misc]
    await until(lambda: not bell(two[1]).state().young)
    for group in groups.values():
        await a.do("chat:typing", conversationId=group, isTyping=True)
        await b.expect("chat:user_typing", lambda t, group=group: t["conversationId"] == group)  # type: ignore[misc]
    for number in range(3):
        outside = socketio.AsyncRedisManager(cluster.url(number), write_only=True)
        await outside.emit("hello", number, room=f"user:{bob.id}")
        assert await b.expect("hello") == number
        await outside.redis.aclose()


async def test_the_doctor_looks_at_each_master(dsn: str, cluster: RedisCluster) -> None:
    """All is well with a whole Cluster; a slot without a master, and a master that cannot be reached, are told."""

    async def found() -> dict[str, str]:
        findings = await examine(settings_for(dsn, REDIS_URL=cluster.url(0)), workers=1)
        return {finding.what: f"{finding.level} {finding.remedy}" for finding in findings}

    assert "Redis channels: sharded, over 3 masters" in await found()
    cluster.kill(1)
    assert f"127.0.0.1:{cluster.ports[1]}" in (await found())["Redis channels"]
    cluster.start(1)
    await cluster.clients[0].execute_command("CLUSTER", "DELSLOTS", 0)
    assert "without a master" in (await found())["Redis channels"]


@pytest.mark.parametrize("which", ["named", "owner"])
async def test_a_master_is_killed(
    two: tuple[Server, Server],
    cluster: RedisCluster,
    connect: Connect,
    alice: User,
    bob: User,
    which: str,
) -> None:
    """While a master is away, be it the one that the URL names, nothing that was acked is lost or out of order."""
    a, b = await connect(alice, two[0].url), await connect(bob, two[1].url)
    conversation_id = await opened(a, bob)
    theirs = await cluster.owner(channels.channel_of(f"user:{bob.id}"))
    killed = 0 if which == "named" else theirs
    load = _Load(a, conversation_id)
    async with load.going_on():
        await load.more(20)
        cluster.kill(killed)
        for server in two:
            await turns(server, healthy=False)
        await load.more(20)
        cluster.start(killed)
        for server in two:
            await turns(server, healthy=True)
        await load.more(20)
    await load.all_came(b)
    await _typing_arrives(a, b, conversation_id)


async def test_a_slot_moves(
    two: tuple[Server, Server], cluster: RedisCluster, connect: Connect, alice: User, bob: User
) -> None:
    """When a channel moves to another master it is heard there; nothing that was acked is lost or out of order."""
    a, b = await connect(alice, two[0].url), await connect(bob, two[1].url)
    conversation_id = await opened(a, bob)
    channel = channels.channel_of(f"user:{bob.id}")
    load = _Load(a, conversation_id)
    async with load.going_on():
        await load.more(20)
        to = (await cluster.owner(channel) + 1) % 3
        await cluster.move(channel, to)
        node = ("127.0.0.1", cluster.ports[to])
        for server in two:
            await until(
                lambda server=server: _connection(server)._topology.node_of(channel) == node
            )
        await load.more(20)
    await load.all_came(b)
    await _typing_arrives(a, b, conversation_id)
