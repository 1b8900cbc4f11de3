"""`chatserver serve` as a process: how it starts, and how it stops."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import asyncpg
import orjson
import pytest

from chatserver.ops.demo import USERS
from tests.conftest import Connect, User
from tests.support.cli import end, production, run, serving, spawn
from tests.support.device import Device
from tests.support.http import ok, request
from tests.support.patience import PATIENCE
from tests.support.project import session_of
from tests.support.servers import environment
from tests.support.talks import opened


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
    async with serving(env=environment(dsn, COMMAND_TIMEOUT="20000")) as (process, url):
        a = await connect(alice, url)
        conversation_id = await opened(a, bob)
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
    """In production, which is where APP_ENV is not set, too, it writes nothing but JSON objects, and serves."""
    env = production(dsn, LOG_LEVEL="info")
    del env["APP_ENV"]
    process = await spawn("serve", env=env)
    assert process.stderr is not None
    try:
        line = orjson.loads(await asyncio.wait_for(process.stderr.readline(), PATIENCE))
        assert line["event"].startswith("APP_ENV is not set, so this runs as production")
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
    """A port that is taken, or a host that is none, is one readable line that names it, exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        by_argument, by_variable, no_host = await asyncio.gather(
            run("serve", "--port", port, env=environment(dsn)),
            run("serve", env=environment(dsn, PORT=port)),
            run("serve", "--host", "192.0.2.1", env=environment(dsn)),
        )
    for ended, named in ((by_argument, port), (by_variable, port), (no_host, "192.0.2.1")):
        assert (ended.code, ended.out) == (2, "")
        assert named in ended.problem


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
        assert {process.pid} == session_of(process.pid)
        assert postgres in session_of(postgres)
        # As a terminal does it: to the whole foreground process group.
        os.killpg(process.pid, signal.SIGINT)
        await device.expect("session:draining")
        await asyncio.wait_for(device.disconnected.wait(), PATIENCE)
        ended = await end(process)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert session_of(postgres) == set()
    assert session_of(process.pid) == set()
    made = await run("token", "bob", env=env, cwd=project)
    bob = User("bob", made.out.strip())
    async with serving(env=env, cwd=project) as (process, url):
        listed = await ok("GET", f"{url}/api/conversations", bob)
        # The newest of what the demo has.
        assert listed["conversations"][0]["last_message"]["id"] == sent["messageId"]
        assert listed["conversations"][0]["last_message"]["content"] == "kept"
        process.send_signal(signal.SIGTERM)
        assert (await end(process)).code == 0
