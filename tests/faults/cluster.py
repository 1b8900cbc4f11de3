"""Two `chatserver serve` processes on one PostgreSQL and one Redis, each of which can be hurt."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from chatserver.store.migrate import migrate
from tests.faults.postgres import PATIENCE, Postgres
from tests.support.redis_server import free_port, start_redis
from tests.support.servers import ROOT, environment

# How a line of a server's log begins that is worse than a warning.
_ERROR = re.compile(r"^\S+ \[(?:error|critical)", re.MULTILINE)


class Server:
    """`chatserver serve` on an address that it keeps over restarts."""

    def __init__(self, name: str, dsn: str, redis_url: str, log: Path) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._process: asyncio.subprocess.Process | None = None
        self._environment = {
            "PATH": os.environ["PATH"],
            **environment(
                dsn,
                PORT=str(self.port),
                REDIS_URL=redis_url,
                # The suite's clients send as fast as many people do.
                MESSAGE_RATE_LIMIT="1000000",
                IP_RATE_LIMIT="1000000",
            ),
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

    def __init__(self, postgres: Postgres, redis: RedisServer, servers: list[Server]) -> None:
        self.postgres = postgres
        self.redis = redis
        self.servers = servers

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
        ]


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chatserver-faults-") as name:
        # As root, PostgreSQL's account must get in.
        Path(name).chmod(0o755)
        yield Path(name)


@asynccontextmanager
async def local_cluster() -> AsyncIterator[Cluster]:
    """A cluster on 127.0.0.1, in a directory that goes with it."""
    with _directory() as directory:
        postgres = Postgres(directory)
        await asyncio.to_thread(postgres.create)
        redis = RedisServer()
        servers: list[Server] = []
        try:
            await migrate(postgres.dsn)
            servers = [
                Server(name, postgres.dsn, redis.url, directory / f"{name}.log")
                for name in ("first", "second")
            ]
            cluster = Cluster(postgres, redis, servers)
            await cluster.heal()
            yield cluster
        finally:
            for server in servers:
                if server.running:
                    await server.end(signal.SIGKILL)
            redis.kill()
            await asyncio.to_thread(postgres.destroy)
