"""What becomes of a server's processes when the one that started them is killed."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import orjson
import pytest

from chatserver.ops.parent import lifeline
from tests.support.cli import end, production, run, serving, spawn
from tests.support.http import request
from tests.support.patience import PATIENCE
from tests.support.project import alive, children_of, ended, postmaster
from tests.support.raw import raw_client
from tests.support.redis_server import free_port
from tests.support.servers import ROOT

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is Linux's")


def _environment(**variables: str) -> dict[str, str]:
    return {"APP_ENV": "development", "LOG_LEVEL": "error", **variables}


async def _children(process: asyncio.subprocess.Process, count: int) -> set[int]:
    """What a process has started, as soon as they are so many."""
    async with asyncio.timeout(PATIENCE):
        while len(found := children_of(process.pid)) < count:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)
    return found


async def test_workers_end_with_their_parent(project: Path, redis_url: str) -> None:
    """After kill -9 of the parent of several workers none is left, nor PostgreSQL, and the port is free again."""
    env = _environment(PORT=str(free_port()), REDIS_URL=redis_url)
    token = (await run("token", "alice", env=env, cwd=project)).out.strip()
    async with serving("--workers", "2", "--demo", env=env, cwd=project) as (process, url):
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while b"listening on" not in await process.stdout.readline():
                pass
        family = children_of(process.pid)
        assert len(family) == 4, "two workers, PostgreSQL and its sentry"
        assert postmaster(project) in family
        # A worker serves the demo as its parent would.
        asked = await request(
            "POST", f"{url}/demo/token", json={"user": "alice"}, headers={"Origin": url}
        )
        assert list(asked.body) == ["token"]
        async with raw_client(url, token) as client:
            process.kill()
            # As a client sees it: it is told, as when the server is asked to stop.
            await client.push("session:draining")
            await ended(family)
        await process.communicate()
    socket.create_server(("127.0.0.1", int(env["PORT"]))).close()


async def test_a_worker_that_is_killed_is_told(dsn: str, redis_url: str) -> None:
    """A worker that is killed ends the others too, and a line says which it was, and by what; exit code 1."""
    own = {"PORT": str(free_port()), "REDIS_URL": redis_url}
    env = production(dsn, **own, LOG_LEVEL="info")
    process = await spawn("serve", "--workers", "2", env=env)
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        for _ in range(2):
            assert b'"listening"' in await process.stderr.readline()
    victim = min(children_of(process.pid))
    os.kill(victim, signal.SIGKILL)
    over = await end(process)
    assert over.code == 1
    told = [line for line in map(orjson.loads, over.err.splitlines()) if line["level"] == "error"]
    assert [line["event"] for line in told] == [
        "a worker has ended, so all are stopped: start them again"
    ]
    assert told[0]["signal"] == "SIGKILL"
    assert told[0]["worker"] in (1, 2)


_CHILD = """
import signal, sys, time
from chatserver.ops import parent
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, {"default": signal.SIG_DFL, "stuck": signal.SIG_IGN}[sys.argv[1]])
parent._SECONDS = 0.01
parent.follow()
print("follows", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("kind", "by"),
    [("default", signal.SIGTERM), ("stuck", signal.SIGKILL)],
    ids=["default", "stuck"],
)
async def test_a_child_ends_with_its_parent(kind: str, by: signal.Signals) -> None:
    """A process that follows its parent lives as long as its lifeline, also one that is stuck."""
    with lifeline() as stdin:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _CHILD,
            kind,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert child.stdout is not None
        assert await child.stdout.readline() == b"follows\n"
        assert alive({child.pid})
    assert await asyncio.wait_for(child.wait(), PATIENCE) == -by


@pytest.mark.parametrize(("number", "started"), [(signal.SIGKILL, True), (signal.SIGTERM, False)])
async def test_postgres_ends_with_its_server(
    number: signal.Signals, started: bool, project: Path
) -> None:
    """After kill -9 of a server its PostgreSQL ends by itself, and after SIGTERM while it still starts too."""
    process = await spawn("serve", env=_environment(PORT="0"), cwd=project)
    assert process.stdout is not None
    try:
        if started:
            assert await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        family = await _children(process, 2 if started else 1)
    finally:
        process.send_signal(number)
        family |= children_of(process.pid)
        await process.communicate()
    await ended(family)
