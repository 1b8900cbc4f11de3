"""Clusters on 127.0.0.1, each in a directory that goes with it: the plain one, and those with more to be hurt."""

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from chatserver.ops.embedded.account import account_for
from chatserver.store.migrate import migrate
from tests.faults.cluster import Cluster, RedisServer
from tests.faults.postgres import Postgres
from tests.faults.standby import Standby
from tests.support.debian import program
from tests.support.far_network import FarNetwork, far_network
from tests.support.link import Link, link_to, unix_socket
from tests.support.redis_server import free_port

C = TypeVar("C", bound=Cluster)
Made = Callable[[], AbstractAsyncContextManager[Cluster]]

# Enough for PostgreSQL and what a scenario sends, and soon full.
_SMALL = "384m"
_FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


class FailoverCluster(Cluster):
    """Its PostgreSQL has a standby; its processes are started again where they end by themselves."""

    standby: Standby
    synchronous: bool
    # The way to the primary, where that can be cut.
    cable: FarNetwork | None = None


class LinkedCluster(Cluster):
    """The first process reaches PostgreSQL and Redis over links that can be cut."""

    to_postgres: Link
    to_redis: Link


class FullCluster(Cluster):
    """PostgreSQL's disk is small."""

    disk: Path


class ClockCluster(Cluster):
    """The first process' clock can be set."""

    clock: Path


class PooledCluster(Cluster):
    """Both processes reach PostgreSQL through PgBouncer, by transactions."""

    pooler: "PgBouncer"


class PgBouncer:
    """The real one, which can be killed and started again."""

    def __init__(self, binary: str, directory: Path, postgres: Postgres) -> None:
        self._command = [binary, "--quiet", str(directory / "pgbouncer.ini")]
        self._account = account_for(postgres.data)
        self._process: subprocess.Popen[bytes] | None = None
        self._port = port = free_port()
        url = urlsplit(postgres.dsn)
        where = parse_qs(url.query)
        self.dsn = f"postgresql://chatserver@127.0.0.1:{port}/chatserver?sslmode=disable"
        (directory / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"chatserver = host={where['host'][0]} port={where['port'][0]} "
            f"user={url.username} password={url.password}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 10\n"
        )
        os.chown(directory / "pgbouncer.ini", self._account.uid, self._account.gid)
        self.start()

    def start(self) -> None:
        """Run it, and wait until it listens."""
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._account.popen_arguments(),
        )
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port)):
                return
            assert self._process.poll() is None, "PgBouncer ended"
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chatserver-faults-") as name:
        # As root, PostgreSQL's account must get in.
        Path(name).chmod(0o755)
        yield Path(name)


@asynccontextmanager
async def _parts(kind: type[C], disk: Path | None = None) -> AsyncIterator[C]:
    """A cluster without its processes; PostgreSQL's files are on `disk`, where one is given."""
    with _directory() as directory:
        postgres = Postgres(disk or directory)
        await asyncio.to_thread(postgres.create)
        redis = RedisServer()
        cluster = kind(directory, postgres, redis)
        try:
            await migrate(postgres.dsn)
            yield cluster
        finally:
            for server in cluster.servers:
                await server.dismiss()
            redis.kill()
            await asyncio.to_thread(postgres.destroy)


@asynccontextmanager
async def local_cluster() -> AsyncIterator[Cluster]:
    """The plain one."""
    async with _parts(Cluster) as cluster:
        await cluster.serve()
        yield cluster


@asynccontextmanager
async def _failover_cluster(
    *, synchronous: bool, cable: FarNetwork | None = None
) -> AsyncIterator[Cluster]:
    async with _parts(FailoverCluster) as cluster:
        cluster.cable = cable
        cluster.standby = Standby(cluster.postgres, cluster.directory)
        cluster.synchronous = synchronous
        try:
            await asyncio.to_thread(cluster.standby.create)
            await cluster.standby.follow(synchronous=synchronous)
            primary = None
            if cable is not None:
                primary = cable.host, cable.relay(unix_socket(cluster.postgres.dsn))
            either = {"dsn": cluster.standby.either(primary)}
            await cluster.serve(either, either)
            for server in cluster.servers:
                server.supervise()
            yield cluster
        finally:
            for server in cluster.servers:
                await server.dismiss()
            await asyncio.to_thread(cluster.standby.destroy)


def synchronous_cluster() -> AbstractAsyncContextManager[Cluster]:
    """Every commit waits for the standby."""
    return _failover_cluster(synchronous=True)


def asynchronous_cluster() -> AbstractAsyncContextManager[Cluster]:
    """No commit waits for the standby."""
    return _failover_cluster(synchronous=False)


@asynccontextmanager
async def vanishing_cluster() -> AsyncIterator[Cluster]:
    """As the synchronous one, and the primary's machine can vanish without a word."""
    with far_network() as cable:
        async with _failover_cluster(synchronous=True, cable=cable) as cluster:
            yield cluster


@asynccontextmanager
async def linked_cluster() -> AsyncIterator[Cluster]:
    """The first process is behind links."""
    async with _parts(LinkedCluster) as cluster:
        url = urlsplit(cluster.postgres.dsn)
        path = unix_socket(cluster.postgres.dsn)
        async with (
            link_to(lambda: asyncio.open_unix_connection(path)) as (to_postgres, postgres),
            link_to(lambda: asyncio.open_connection("127.0.0.1", cluster.redis.port)) as (
                to_redis,
                redis,
            ),
        ):
            cluster.to_postgres, cluster.to_redis = to_postgres, to_redis
            account = url.netloc.rpartition("@")[0]
            await cluster.serve(
                {
                    "dsn": f"postgresql://{account}@127.0.0.1:{postgres}{url.path}?sslmode=disable",
                    "redis_url": f"redis://127.0.0.1:{redis}/0",
                }
            )
            yield cluster
            for server in cluster.servers:
                await server.dismiss()


@contextmanager
def _small_disk() -> Iterator[Path]:
    """A file system of its own, which only root can have."""
    disk = Path(tempfile.mkdtemp(prefix="chatserver-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SMALL},mode=755", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        disk.rmdir()
        pytest.skip("a small disk wants root, and the right to mount: no full disk is tested")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()


@asynccontextmanager
async def full_cluster() -> AsyncIterator[Cluster]:
    """PostgreSQL is on a small disk."""
    with _small_disk() as disk:
        async with _parts(FullCluster, disk) as cluster:
            cluster.disk = disk
            await cluster.serve()
            yield cluster


@asynccontextmanager
async def clock_cluster() -> AsyncIterator[Cluster]:
    """The first process asks libfaketime for the time; what waits goes by the real clock."""
    library = await program([_FAKETIME], "libfaketime", "no clock jumps")
    async with _parts(ClockCluster) as cluster:
        cluster.clock = cluster.directory / "clock"
        cluster.clock.write_text("+0\n")
        await cluster.serve(
            {
                "LD_PRELOAD": library,
                "FAKETIME_TIMESTAMP_FILE": str(cluster.clock),
                "FAKETIME_CACHE_DURATION": "1",
                "DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        )
        yield cluster


@asynccontextmanager
async def pooled_cluster() -> AsyncIterator[Cluster]:
    """PgBouncer stands between, with the role's settings as the README asks for."""
    binary = await program(["pgbouncer"], "pgbouncer", "no PgBouncer stands between")
    async with _parts(PooledCluster) as cluster:
        cluster.pooler = PgBouncer(binary, cluster.directory, cluster.postgres)
        try:
            through = {"dsn": cluster.pooler.dsn, "DB_STATEMENT_CACHE_SIZE": "0"}
            await cluster.serve(through, through)
            yield cluster
        finally:
            cluster.pooler.kill()


class Clusters:
    """Keeps one cluster running, for scenarios that follow each other and want the same."""

    def __init__(self) -> None:
        self._made: Made | None = None
        self._running: Cluster | None = None
        self._stack = AsyncExitStack()

    async def of(self, made: Made) -> Cluster:
        """The running cluster that `made` made; any other ends first."""
        if self._running is None or made is not self._made:
            await self.close()
            self._running = await self._stack.enter_async_context(made())
            self._made = made
        return self._running

    async def close(self) -> None:
        """End what runs."""
        self._running = None
        await self._stack.aclose()
