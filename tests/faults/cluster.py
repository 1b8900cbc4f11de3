"""Two `chatserver serve` processes on one PostgreSQL and one Redis, each of which can be hurt."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.faults.postgres import PATIENCE, Postgres
from tests.support.redis_server import free_port, start_redis
from tests.support.servers import ROOT, environment

_AS_DEPLOYED = {
    # The suite's clients send as fast as many people do.
    "MESSAGE_RATE_LIMIT": "1000000",
    "COMMAND_RATE_LIMIT": "1000000",
    "IP_RATE_LIMIT": "1000000",
    # The defaults, which the tests' own servers have not.
    "COMMAND_TIMEOUT": "4500",
    "CONNECT_QUERY_TIMEOUT": "5000",
    "DB_CONNECTION_TIMEOUT": "2000",
}
# How long a supervisor waits before it starts a process again.
_RESTART = 0.2
# How a line of a server's log begins that is worse than a warning.
_ERROR = re.compile(r"^\S+ \[(?:error|critical)", re.MULTILINE)
# What is said of the database, and is worse than a warning.
_FORESEEN = ("the database has another history now", "the database cannot be written to")


class Server:
    """`chatserver serve` on an address that it keeps over restarts.

    Args:
        variables: of its environment, beside those of all.
    """

    def __init__(self, name: str, log: Path, dsn: str, redis_url: str, **variables: str) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        # The exit codes of those that ended by themselves and were started again.
        self.exits: list[int] = []
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._environment = {
            "PATH": os.environ["PATH"],
            **environment(dsn, PORT=str(self.port), REDIS_URL=redis_url, **_AS_DEPLOYED),
            **variables,
        }

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "chatserver", "serve"),
                env=self._environment,
                cwd=ROOT,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = (await asyncio.wait_for(self._process.stdout.readline(), PATIENCE)).decode()
        assert "listening on" in line, (line, self.log.read_text()[-2000:])

    async def end(self, number: signal.Signals) -> None:
        """Send a signal that ends it, and wait until it has ended."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        # communicate() reads what is left, so that the pipe is closed with the process.
        await asyncio.wait_for(self._process.communicate(), PATIENCE)

    def supervise(self) -> None:
        """Start it again whenever it ends by itself, as systemd and the like do."""
        self._supervisor = asyncio.create_task(self._supervise())

    async def _supervise(self) -> None:
        while True:
            assert self._process is not None
            self.exits.append(await self._process.wait())
            await self._process.communicate()
            started = False
            while not started:
                await asyncio.sleep(_RESTART)
                with suppress(AssertionError):  # such as: the database is away
                    await self.start()
                    started = True

    async def dismiss(self) -> None:
        """End it for good."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        if self.running:
            await self.end(signal.SIGKILL)

    def memory(self) -> int:
        """What the process holds of the machine's memory, in MB; 0 where the system does not say."""
        status = Path(f"/proc/{self.pid}/status")
        if not status.exists():
            return 0
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmRSS"].split()[0]) // 1024


class RedisServer:
    """A Redis that keeps its address over restarts."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process = start_redis(self.port)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def start(self) -> None:
        """Start it again, empty."""
        self._process = start_redis(self.port)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def stall(self) -> None:
        """It neither answers nor hangs up."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        self._process.send_signal(signal.SIGCONT)


class Cluster:
    """Everything that a scenario may hurt."""

    def __init__(self, directory: Path, postgres: Postgres, redis: RedisServer) -> None:
        self.directory = directory
        # The primary.
        self.postgres = postgres
        self.redis = redis
        self.servers: list[Server] = []

    async def heal(self) -> None:
        """Start what is not running."""
        if not self.redis.running:
            self.redis.start()
        await asyncio.gather(*(server.start() for server in self.servers if not server.running))

    def crashes(self) -> list[str]:
        """The failures that nobody foresaw and the servers have logged."""
        return [
            f"{server.name}: {part}"
            for server in self.servers
            for part in _ERROR.split(server.log.read_text())[1:]
            if not any(foreseen in part for foreseen in _FORESEEN)
        ]

    async def serve(
        self, first: Mapping[str, str] | None = None, second: Mapping[str, str] | None = None
    ) -> None:
        """Start the two processes, each with variables of its own."""
        self.servers = [
            Server(
                name,
                self.directory / f"{name}.log",
                **{"dsn": self.postgres.dsn, "redis_url": self.redis.url, **(variables or {})},
            )
            for name, variables in (("first", first), ("second", second))
        ]
        await self.heal()
