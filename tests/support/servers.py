"""Servers to test: in this process (fast), or as processes of their own (as they are deployed)."""

import asyncio
import base64
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from chatserver.app import App, build
from chatserver.config import Settings, load_settings
from chatserver.ops.listening import ListenAddress, bind, port_of
from chatserver.ops.serve import listen
from tests.support.patience import PATIENCE

JWT_SECRET = base64.b64encode(b"a secret that only the tests know, long enough").decode()
ENCRYPTION_KEY = "the tests' own key for text at rest, 32+"
ROOT = Path(__file__).parents[2]
# A machine that is busy with something else may take its time.
PATIENT = {
    "COMMAND_TIMEOUT": "30000",
    "CONNECT_QUERY_TIMEOUT": "30000",
    "DB_CONNECTION_TIMEOUT": "30000",
}
# Where the servers of one process of tests keep files; it goes with that.
_FILES = tempfile.TemporaryDirectory(prefix="chatserver-files-")

VAPID_PUBLIC_KEY = (
    "BG8gcDWc15hLwsy3Bzdbh5bhTmOzvY0OA-hGaJTyZXkR1memZbjPFM6rTUcWYfUGgQa1I77YhSIFw9JzQWrg2yY"
)


def environment(dsn: str, **overrides: str) -> dict[str, str]:
    """The variables of a server under test."""
    return {
        "APP_ENV": "development",
        "DATABASE_URL": dsn,
        "JWT_SECRET": JWT_SECRET,
        "CHAT_ENCRYPTION_KEY": ENCRYPTION_KEY,
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LOG_LEVEL": "warning",
        **PATIENT,
        # All tests come from one address, and faster than people do.
        "MESSAGE_RATE_LIMIT": "1000000",
        "SEARCH_RATE_LIMIT": "0",
        "IP_RATE_LIMIT": "0",
        "MAX_CONNECTIONS_PER_IP": "0",
        # A busy machine takes a while to let go of those that were closed.
        "MAX_SOCKETS": "1000",
        "MAX_SOCKETS_PER_IP": "0",
        "PRESENCE_INTERVAL": "0",
        "FILES_URL": f"file://{_FILES.name}",
        # Devices can be added; nobody is notified while a test runs.
        "VAPID_PUBLIC_KEY": VAPID_PUBLIC_KEY,
        "VAPID_PRIVATE_KEY": "NY85VWyY3CmgfEQ-Om5hGRJPxHshMFT2v7JSKd58xSg",
        "VAPID_SUBJECT": "mailto:ops@example.com",
        "PUSH_DELAY": "3600000",
        # Nobody has to notice that it stops, not even in production.
        "DRAIN_DELAY": "0",
        **overrides,
    }


def settings_for(dsn: str, **overrides: str) -> Settings:
    """The settings of a server under test."""
    return load_settings(environment(dsn, **overrides), state_directory=Path("/nonexistent"))


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens."""

    url: str
    app: App | None = None
    process: asyncio.subprocess.Process | None = None


@asynccontextmanager
async def _closing(sockets: list[socket]) -> AsyncIterator[None]:
    """Closed in the end, also where the server refuses to start."""
    try:
        yield
    finally:
        for each in sockets:
            each.close()


@asynccontextmanager
async def local_server(
    dsn: str, *, demo_users: Sequence[str] = (), **overrides: str
) -> AsyncIterator[Server]:
    """A server in this process and loop, on a real socket."""
    settings = settings_for(dsn, **overrides)
    sockets = bind(ListenAddress(host=settings.host, port=0))
    async with (
        _closing(sockets),
        build(settings, dsn, lambda: None, demo_users=demo_users) as app,
        listen(app, settings, sockets, shutdown_timeout=1),
    ):
        try:
            yield Server(f"http://127.0.0.1:{port_of(sockets)}", app=app)
        finally:
            await app.open_doors.drain(0)


@asynccontextmanager
async def process_server(dsn: str, *arguments: str, **overrides: str) -> AsyncIterator[Server]:
    """``chatserver serve`` as a process of its own; killed in the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "chatserver",
        "serve",
        *arguments,
        env={"PATH": os.environ["PATH"], **environment(dsn, **overrides)},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
        assert "listening on" in line, line
        yield Server(line.split()[-1].replace("localhost", "127.0.0.1"), process=process)
    finally:
        if process.returncode is None:
            process.kill()
        # communicate() reads what is left, so that the pipe is closed with the process.
        await process.communicate()


@asynccontextmanager
async def process_pair(
    dsn: str, redis_url: str, **overrides: str
) -> AsyncIterator[tuple[Server, Server]]:
    """Two processes on one database and one Redis, started beside each other."""
    async with AsyncExitStack() as stack:
        first, second = await asyncio.gather(
            *(
                stack.enter_async_context(process_server(dsn, REDIS_URL=redis_url, **overrides))
                for _ in range(2)
            )
        )
        yield first, second
