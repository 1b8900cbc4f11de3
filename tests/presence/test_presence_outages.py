"""Presence while Redis is absent, stands still, or sends one to another node."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chatserver.presence.scripts import SHARED
from chatserver.redis.client import close_client, redis_client
from tests.support.patience import PATIENCE
from tests.support.presence_process import Start, processes, until
from tests.support.redis_server import OwnRedis, free_cluster_port, start_redis


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts processes, each on the Redis that it is told."""
    async with processes() as start:
        yield start


async def test_a_redis_that_stands_still_holds_up_nobody(start: Start, own_redis: OwnRedis) -> None:
    """While Redis is stopped, a process goes by its own users; after it, nobody is announced twice."""
    a, b = start(own_redis.url), start(own_redis.url)
    await a.add("ann")
    await a.add("bob")
    await b.add("dave")
    own_redis.send(signal.SIGSTOP)
    async with asyncio.timeout(PATIENCE):
        assert await a.store.add("carol") is True
        assert await a.store.online(["ann", "carol", "dave"]) == {"ann", "carol"}
        await a.store.drop("bob")
        await a.expect("bob", "offline")
        # Longer than a lease and the grace: as far as Redis knows, all are due.
        await a.store.drop("carol")
        await a.expect("carol", "offline")
        await a.add("carol")
    own_redis.send(signal.SIGCONT)

    async def shared_again() -> bool:
        return await b.store.online(["ann", "bob", "carol", "dave"]) == {"ann", "carol", "dave"}

    await until(shared_again)
    assert a.changes == [("bob", "offline"), ("carol", "offline")]
    assert b.changes == []


async def test_a_redis_that_is_not_there(start: Start) -> None:
    """Without Redis from the beginning, a process is on its own, and shares what it knows when Redis comes."""
    redis = OwnRedis(running=False)
    a, b = start(redis.url), start(redis.url)
    assert await a.add("ann") is True
    await a.add("bob")
    assert await a.store.leave("bob") is True
    assert await b.store.online(["ann"]) == set()
    redis.start()
    try:

        async def shared() -> bool:
            return await b.is_online("ann")

        await until(shared)
        assert a.changes == b.changes == []
    finally:
        redis.kill()


async def test_a_cluster_is_followed_to_the_node_that_has_the_keys(
    tmp_path: Path, start: Start
) -> None:
    """All keys are in one slot; a process whose URL names another node finds its way, and loses no change."""
    ports = [free_cluster_port(), free_cluster_port()]
    clients = [redis_client(f"redis://127.0.0.1:{port}", timeout=5) for port in ports]
    named, keeper = clients
    nodes = []
    try:
        for port in ports:
            (tmp_path / str(port)).mkdir()
            options = ("--cluster-enabled", "yes", "--dir", str(tmp_path / str(port)))
            nodes.append(start_redis(port, *options))
        await named.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[1])
        (slot,) = {await named.execute_command("CLUSTER", "KEYSLOT", key) for key in SHARED}
        others = [each for each in range(16_384) if each != slot]
        await named.execute_command("CLUSTER", "ADDSLOTS", *others)
        await keeper.execute_command("CLUSTER", "ADDSLOTS", slot)

        async def ready() -> bool:
            states = [await client.execute_command("CLUSTER", "INFO") for client in clients]
            return all(b"cluster_state:ok" in state for state in states)

        await until(ready)
        a, b = [start(f"redis://127.0.0.1:{port}") for port in ports]
        assert [await a.add("ann"), await b.add("ann")] == [True, False]
        await a.store.drop("ann")
        assert await b.store.leave("ann") is True
    finally:
        for client in clients:
            await close_client(client)
        for node in nodes:
            node.kill()
            node.wait()
