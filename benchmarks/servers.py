"""The servers that are measured, as processes of their own."""

import asyncio
import base64
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.machine import running_on
from benchmarks.tools import HERE, PEER, ROOT
from tests.support.redis_server import free_port

JWT_SECRET = b"a secret that only the benchmarks know, long enough"
ENCRYPTION_KEY = "the benchmarks' own key for text at rest, 32+"
_PATIENCE = 60.0

# What both are told alike. Limits are evaluated, and far away.
_ENVIRONMENT = {
    "JWT_SECRET": base64.b64encode(JWT_SECRET).decode(),
    "CHAT_ENCRYPTION_KEY": ENCRYPTION_KEY,
    "HOST": "127.0.0.1",
    "DB_MAX_CONNECTIONS": "10",
    "MAX_CONNECTIONS": "20000",
    "MESSAGE_RATE_LIMIT": "1000000",
    "CLIENT_MESSAGE_RATE_LIMIT": "1000000",
    "COMMAND_RATE_LIMIT": "1000000",
    "MAX_CONNECTIONS_PER_IP": "100000",
    "MAX_CONNECTIONS_PER_USER": "100000",
    "MAX_SOCKETS_PER_IP": "100000",
    "IP_RATE_LIMIT": "1000000",
    "CONVERSATIONS_PER_HOUR": "1000000",
    "MAX_CONVERSATIONS": "1000000",
    # What would come too often is told all the same: the peer tells it, and all of it is counted.
    "TYPING_INTERVAL": "0",
    "PRESENCE_INTERVAL": "0",
    # As the peer's, the pool keeps its connections, and with them the plans that they have made.
    "DB_IDLE_TIMEOUT": "0",
    "APP_ENV": "production",
    "NODE_ENV": "production",
    "CORS_ALLOWED_ORIGINS": "https://app.example.com",
    "LOG_LEVEL": "warning",
    # No load balancer has to notice that it stops.
    "DRAIN_DELAY": "0",
}


# What a server shall note (inside.py), and in which file.
Watch: TypeAlias = tuple[Literal["lag", "tasks"], Path]


@dataclass(frozen=True, slots=True)
class Kind:
    """A server that can be measured.

    `ours` says whose tables it has: our schema, or the peer's. `root` is the checkout that it is run from, and
    `python` what runs it.
    """

    name: str
    title: str
    ours: bool
    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    python: str = sys.executable

    @property
    def database(self) -> str:
        """The name of its database."""
        return self.name.replace("-", "_").replace(".", "_")

    def command(self, watch: Watch | None) -> list[str]:
        """How it is started; `watch` says what it shall note from inside, and where."""
        if not self.ours:
            return ["node", str(self.root / "server.js")]
        if watch is None:
            return [self.python, "-m", "chatserver", "serve"]
        what, path = watch
        return [self.python, str(HERE / "inside.py"), what, str(path), "serve"]


OURS = Kind("ours", "chatserver", ours=True, root=ROOT)
NODE = Kind("node", "Node.js", ours=False, root=PEER)
NODE_BATCHED = Kind(
    "node-batched",
    "Node.js with group commit",
    ours=False,
    root=PEER,
    environment={"GROUP_COMMIT": "1"},
)
KINDS = {kind.name: kind for kind in (OURS, NODE, NODE_BATCHED)}


def ours_before(root: Path) -> Kind:
    """Another checkout of our own server."""
    return Kind("ours-before", "chatserver, before", ours=True, root=root.resolve())


class Server:
    """A server that runs, or will."""

    def __init__(
        self,
        kind: Kind,
        dsn: str,
        processors: frozenset[int],
        log: Path,
        *,
        watch: Watch | None = None,
        **environment: str,
    ) -> None:
        self.kind = kind
        self.port = free_port()
        self._processors = processors
        self._log = log
        self._command = kind.command(watch)
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(kind.root),
            "DATABASE_URL": dsn,
            "PORT": str(self.port),
            **_ENVIRONMENT,
            **kind.environment,
            **environment,
        }
        if watch is not None:
            self._environment["LOOP_LAG_FILE"] = str(watch[1])
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait until it takes connections."""
        with self._log.open("ab") as log, running_on(self._processors):
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                cwd=self.kind.root,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(_PATIENCE):
            while not await self._listens():
                if self._process.returncode is not None:
                    raise RuntimeError(f"{self.kind.name} did not start: {self.said()}")
                await asyncio.sleep(0.02)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def stop(self) -> None:
        """End it, politely at first."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _PATIENCE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-2000:]
