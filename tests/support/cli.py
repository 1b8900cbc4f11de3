"""`chatserver` as it is run: a process of its own, with an environment of its own."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import ROOT, environment

# Long enough for a busy CI machine; nothing waits this long unless it fails.
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, and what it wrote."""

    code: int | None
    out: str
    err: str

    @property
    def problem(self) -> str:
        """The one readable line of a failure."""
        assert "Traceback" not in self.err, self.err
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("chatserver: "), self.err
        return self.err


def production(dsn: str, **overrides: str) -> dict[str, str]:
    """The variables of a server in production."""
    origins = {"CORS_ALLOWED_ORIGINS": "https://app.example"}
    return environment(dsn, **{"APP_ENV": "production", **origins, **overrides})


async def spawn(*arguments: str, env: Mapping[str, str], cwd: Path | None = None) -> Process:
    """`chatserver …`, in a process group of its own, as a shell starts it."""
    paths = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "chatserver",
        *arguments,
        env={**paths, **env},
        cwd=cwd or Path("/"),
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )


async def end(process: Process) -> Ended:
    """Wait for the end of a process."""
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    return Ended(process.returncode, out.decode(), err.decode())


async def run(*arguments: str, env: Mapping[str, str], cwd: Path | None = None) -> Ended:
    """`chatserver …`, until it ends."""
    return await end(await spawn(*arguments, env=env, cwd=cwd))


@asynccontextmanager
async def serving(
    *arguments: str, env: Mapping[str, str], cwd: Path | None = None
) -> AsyncIterator[tuple[Process, str]]:
    """`chatserver serve …` in development, and its URL; killed in the end if it still runs."""
    process = await spawn("serve", *arguments, env=env, cwd=cwd)
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
        assert "listening on" in line, (line, await process.communicate())
        yield process, line.split()[-1].replace("localhost", "127.0.0.1")
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
