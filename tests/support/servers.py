"""Servers to test: in this process (fast), or as processes of their own (as they are deployed)."""

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from chatserver.app import App, build
from chatserver.config import Settings, load_settings
from chatserver.serve import runner_of

JWT_SECRET = base64.b64encode(b"a secret that only the tests know, long enough").decode()
ENCRYPTION_KEY = "the tests' own key for text at rest, 32+"
ROOT = Path(__file__).parents[2]


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
        # All tests come from one address, and faster than people do.
        "MESSAGE_RATE_LIMIT": "1000000",
        "IP_RATE_LIMIT": "0",
        "MAX_CONNECTIONS_PER_IP": "0",
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
async def local_server(dsn: str, **overrides: str) -> AsyncIterator[Server]:
    """A server in this process and loop, on a real socket."""
    settings = settings_for(dsn, **overrides)
    async with build(settings, dsn, lambda: None) as app:
        runner = runner_of(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, settings.host, 0)
        await site.start()
        try:
            yield Server(f"http://127.0.0.1:{runner.addresses[0][1]}", app=app)
        finally:
            await app.socketio.drain(0)
            await runner.cleanup()


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
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        assert "listening on" in line, line
        yield Server(line.split()[-1].replace("localhost", "127.0.0.1"), process=process)
    finally:
        if process.returncode is None:
            process.kill()
        # communicate() reads what is left, so that the pipe is closed with the process.
        await process.communicate()
