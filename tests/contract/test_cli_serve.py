"""`chatserver serve` as a process: how it starts, and how it stops."""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import orjson
import pytest

from chatserver.demo import USERS
from tests.conftest import Connect, User
from tests.support.cli import PATIENCE, end, production, run, serving, spawn
from tests.support.device import Device
from tests.support.http import ok, request
from tests.support.servers import environment


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
async def test_stopping(
    number: signal.Signals, dsn: str, connect: Connect, alice: User, bob: User
) -> None:
    """SIGTERM and SIGINT tell every client when to come back, close it, and end with exit code 0."""
    async with serving(env=environment(dsn)) as (process, url):
        devices = [await connect(user, url) for user in (alice, bob)]
        process.send_signal(number)
        for device in devices:
            draining = await device.expect("session:draining")
            assert set(draining) == {"reconnectAfterMs"}
            assert 0 <= draining["reconnectAfterMs"] <= 10_000
            await asyncio.wait_for(device.disconnected.wait(), PATIENCE)
        ended = await end(process)
        assert (ended.code, ended.out, ended.err) == (0, "", "")


async def test_what_was_accepted_is_answered(
    dsn: str, db: "asyncpg.Pool[asyncpg.Record]", connect: Connect, alice: User, bob: User
) -> None:
    """Every send that was read before SIGTERM is committed and acknowledged before the connection closes."""
    async with serving(env=environment(dsn)) as (process, url):
        a = await connect(alice, url)
        opened = await a.do("chat:conversation_open", recipientId=bob.id)
        conversation_id = opened["conversation"]["id"]
        async with db.acquire() as connection, connection.transaction():
            await connection.execute(
                "SELECT FROM conversations WHERE id = $1 FOR UPDATE", conversation_id
            )
            # On WebSocket calls go out in order, so the ping's ack says that the sends were read.
            sends = [
                asyncio.create_task(
                    a.do("chat:message_send", conversationId=conversation_id, content=str(number))
                )
                for number in range(20)
            ]
            await asyncio.create_task(a.do("system:ping"))
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE):
                while (await request("GET", f"{url}/ready")).status != 503:
                    pass
        contents = [(await send)["message"]["content"] for send in sends]
        assert contents == [str(number) for number in range(20)]
        assert (await end(process)).code == 0


async def test_in_production(dsn: str, alice: User) -> None:
    """In production it writes nothing but JSON objects to the standard error, and serves."""
    process = await spawn("serve", env=production(dsn, LOG_LEVEL="info"))
    assert process.stderr is not None
    try:
        line = orjson.loads(await asyncio.wait_for(process.stderr.readline(), PATIENCE))
        assert (line["event"], line["host"]) == ("listening", "127.0.0.1")
        url = f"http://127.0.0.1:{line['port']}"
        assert (await request("GET", f"{url}/ready")).status == 200
        await ok("GET", f"{url}/api/conversations", alice)
    finally:
        process.send_signal(signal.SIGTERM)
        ended = await end(process)
    assert (ended.code, ended.out) == (0, "")
    assert [orjson.loads(line)["event"] for line in ended.err.splitlines()][-1] == "stopped"
    assert alice.token not in ended.err


async def test_a_port_that_is_taken(dsn: str) -> None:
    """A port that is taken, or a host that is none, is one readable line that names it, exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        by_argument, by_variable, no_host = await asyncio.gather(
            run("serve", "--port", port, env=environment(dsn)),
            run("serve", env=environment(dsn, PORT=port)),
            run("serve", "--host", "192.0.2.1", env=environment(dsn)),
        )
    for ended, named in ((by_argument, port), (by_variable, port), (no_host, "192.0.2.1")):
        assert (ended.code, ended.out) == (1, "")
        assert named in ended.problem


@pytest.fixture
def project() -> Iterator[Path]:
    """A directory in which a developer runs the server."""
    # pytest's own temporary directories are closed to the account that root starts PostgreSQL as.
    path = Path(tempfile.mkdtemp(prefix="project-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    kept = path / ".chatserver" / "postgres"
    if kept.is_symlink():  # as root, the data are out of reach of the account
        shutil.rmtree(kept.resolve())
    shutil.rmtree(path)


def _session(leader: int) -> set[int]:
    """The processes of a session."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                session = os.getsid(int(name))
            except ProcessLookupError:
                continue
            if session == leader:
                found.add(int(name))
    return found


async def test_without_a_database(project: Path) -> None:
    """Without DATABASE_URL it runs a PostgreSQL in ./.chatserver, which ends with it and keeps the data."""
    env = {"APP_ENV": "development", "PORT": "0", "LOG_LEVEL": "warning"}
    async with serving("--demo", env=env, cwd=project) as (process, url):
        assert process.stdout is not None
        welcome = b""
        while b"Ctrl-C" not in welcome:
            welcome += await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        tokens = dict(line.split() for line in welcome.decode().splitlines() if line[:2] == "  ")
        assert set(tokens) == set(USERS)
        device = await Device(url, tokens["alice"]).connect()
        sent = await device.do("chat:message_send", recipientId="bob", content="kept")
        data = project / ".chatserver" / "postgres" / "data"
        postgres = int((data / "postmaster.pid").read_text().splitlines()[0])
        assert {process.pid} == _session(process.pid)
        assert postgres in _session(postgres)
        # As a terminal does it: to the whole foreground process group.
        os.killpg(process.pid, signal.SIGINT)
        await device.expect("session:draining")
        await asyncio.wait_for(device.disconnected.wait(), PATIENCE)
        ended = await end(process)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert _session(postgres) == set()
    assert _session(process.pid) == set()
    made = await run("token", "bob", env=env, cwd=project)
    bob = User("bob", made.out.strip())
    async with serving(env=env, cwd=project) as (process, url):
        listed = await ok("GET", f"{url}/api/conversations", bob)
        assert [c["last_message"]["id"] for c in listed["conversations"]] == [sent["messageId"]]
        assert listed["conversations"][0]["last_message"]["content"] == "kept"
        process.send_signal(signal.SIGTERM)
        assert (await end(process)).code == 0
