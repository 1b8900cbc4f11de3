"""A Redis Cluster of the tests' own: three masters on this machine."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from chatserver.redis.client import close_client, redis_client
from tests.support.debian import program
from tests.support.patience import PATIENCE
from tests.support.redis_server import free_cluster_port, start_redis

_SLOTS = 16_384


async def new_redis_binary() -> str:
    """A redis-server with sharded channels (7 or later); the test is skipped where there is none."""
    without = "sharded channels"
    found = await program(["valkey-server", "redis-server"], "redis-server", without)
    process = await asyncio.create_subprocess_exec(found, "--version", stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    if int(out.decode().partition("v=")[2].partition(".")[0]) < 7:
        pytest.skip(f"{found} is older than Redis 7: {without} are not tested")
    return found


class RedisCluster:
    """Masters that share the slots; one that is killed can come back with what it had."""

    def __init__(self, directory: Path, binary: str) -> None:
        self._directory = directory
        self._binary = binary
        self.ports = [free_cluster_port() for _ in range(3)]
        self.clients: list[Redis] = [redis_client(self.url(n), timeout=PATIENCE) for n in range(3)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def url(self, number: int) -> str:
        """Where a master is."""
        return f"redis://127.0.0.1:{self.ports[number]}"

    def start(self, number: int) -> None:
        """Run a master."""
        directory = self._directory / str(number)
        directory.mkdir(exist_ok=True)
        self._processes[number] = start_redis(
            self.ports[number],
            *("--cluster-enabled", "yes", "--cluster-node-timeout", "500"),
            *("--cluster-require-full-coverage", "no", "--dir", str(directory)),
            binary=self._binary,
        )

    def kill(self, number: int) -> None:
        """End a master."""
        if process := self._processes.pop(number, None):
            process.kill()
            process.wait()

    async def share(self) -> None:
        """Make one Cluster of all."""
        share = _SLOTS // 3 + 1
        for number, client in enumerate(self.clients):
            last = min((number + 1) * share, _SLOTS) - 1
            await client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
            await client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for port in self.ports[1:]:
            await self.clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port)
        async with asyncio.timeout(PATIENCE):
            while not all([await self._is_whole(client) for client in self.clients]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def _is_whole(self, client: Redis) -> bool:
        info = await client.execute_command("CLUSTER", "INFO")
        text = info.decode() if isinstance(info, bytes) else str(info)
        return "cluster_state:ok" in text and "cluster_known_nodes:3" in text

    async def move(self, channel: bytes, to: int) -> None:
        """Move the slot of a channel to another master, as an administrator would."""
        slot = key_slot(channel)
        ids = [await client.execute_command("CLUSTER", "MYID") for client in self.clients]
        source = await self.owner(channel)
        # Asked in the order in which redis-cli does it.
        await self.clients[to].execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        await self.clients[source].execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
        for number in (to, source, *({0, 1, 2} - {to, source})):
            await self.clients[number].execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[to])

    async def owner(self, channel: bytes) -> int:
        """The number of the master that has a channel."""
        slot = key_slot(channel)
        for first, last, (_, port, *_), *_ in await self.clients[0].execute_command(
            "CLUSTER", "SLOTS", NEVER_DECODE=True
        ):
            if first <= slot <= last:
                return self.ports.index(port)
        raise AssertionError("nobody has the channel")


@asynccontextmanager
async def redis_cluster(directory: Path) -> AsyncIterator[RedisCluster]:
    """A running Cluster."""
    cluster = RedisCluster(directory, await new_redis_binary())
    async with AsyncExitStack() as stack:
        for number, client in enumerate(cluster.clients):
            stack.callback(cluster.kill, number)
            stack.push_async_callback(close_client, client)
            cluster.start(number)
        await cluster.share()
        yield cluster
