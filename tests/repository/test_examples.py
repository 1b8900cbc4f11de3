"""The clients in examples/ against the demo server, each a process of its own as in the README."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from chatserver.ops import demo
from chatserver.reference import typescript
from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.http import ok
from tests.support.node import node_modules
from tests.support.patience import PATIENCE
from tests.support.servers import JWT_SECRET, ROOT, Server, process_server, settings_for


async def _tokens(server: Server) -> dict[str, str]:
    """The tokens of the demo's users, as the server prints them after its first line."""
    assert server.process is not None
    assert server.process.stdout is not None
    tokens = {}
    async for line in server.process.stdout:
        match line.decode().split():
            case [user, token] if token.count(".") == 2:
                tokens[user] = token
            case ["Stop", *_]:
                break
    return tokens


@asynccontextmanager
async def _running(*command: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A client that runs until it ends, or is killed in the end."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        # communicate() reads what is left, so that the pipe is closed with the process.
        await process.communicate()


async def _line(process: asyncio.subprocess.Process) -> str:
    """The next line that a client prints."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().rstrip("\n")


@pytest.fixture(params=["client.mjs", "client.py"])
async def example(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The command that starts an example, in a directory where what it imports is installed."""
    script = str(shutil.copy(ROOT / "examples" / request.param, tmp_path))
    if request.param.endswith(".py"):
        return [sys.executable, script]
    (tmp_path / "node_modules").symlink_to(await node_modules())
    return ["node", script]


async def test_an_example_says_hello_and_prints_the_answer(
    example: list[str], fresh_dsn: str
) -> None:
    """An example connects as Alice with a printed token, greets Bob and prints what either says; Bob, her."""
    async with process_server(fresh_dsn, "--demo") as server:
        tokens = await _tokens(server)
        assert sorted(tokens) == ["alice", "bob", "carol", "dave"]
        bob = await Device(server.url, tokens["bob"]).connect()
        try:
            async with _running(*example, tokens["alice"], server.url) as client:
                assert await _line(client) == "Connected as Alice"
                assert await _line(client) == "alice: Hello, Bob!"
                hello = await bob.expect("chat:message_received")
                assert (hello["sender_id"], hello["content"]) == ("alice", "Hello, Bob!")
                assert len(hello["client_message_id"]) == 36
                await bob.do(
                    "chat:message_send",
                    conversationId=hello["conversation_id"],
                    content="Hello, Alice!",
                )
                assert await _line(client) == "bob: Hello, Alice!"
            async with _running(*example, tokens["bob"], server.url):
                await bob.expect(
                    "chat:message_received",
                    lambda m: m["sender_id"] == "bob" and len(m["client_message_id"] or "") == 36,
                )
        finally:
            await bob.close()


async def test_an_example_sends_again_what_was_not_stored(
    example: list[str], fresh_dsn: str
) -> None:
    """An example repeats a message that could not be stored in time, under its name, until it is, once."""
    async with process_server(fresh_dsn, "--demo", DB_STATEMENT_TIMEOUT="3000") as server:
        tokens = await _tokens(server)
        bob = await Device(server.url, tokens["bob"]).connect()
        opened = await bob.do("chat:conversation_open", recipientId="alice")
        holder, watcher = await asyncpg.connect(fresh_dsn), await asyncpg.connect(fresh_dsn)
        try:
            await holder.execute("BEGIN")
            await holder.execute(
                "SELECT FROM conversations WHERE id = $1 FOR UPDATE", opened["conversation"]["id"]
            )
            async with _running(*example, tokens["alice"], server.url) as client:
                assert await _line(client) == "Connected as Alice"
                first = await _waiting(watcher, set())
                await _waiting(watcher, first)
                await holder.execute("ROLLBACK")
                assert await _line(client) == "alice: Hello, Bob!"
                await bob.expect("chat:message_received")
                page = await bob.do("chat:history", conversationId=opened["conversation"]["id"])
                said = [message["content"] for message in page["messages"]]
                # After what the demo has them say.
                assert (said.count("Hello, Bob!"), said[-1]) == (1, "Hello, Bob!")
        finally:
            await holder.close()
            await watcher.close()
            await bob.close()


async def _waiting(
    connection: "asyncpg.Connection[asyncpg.Record]", known: set[datetime]
) -> set[datetime]:
    """The statements, by when they began, that wait for a lock, once there is one that is not known."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            rows = await connection.fetch(
                "SELECT query_start FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if found := {row["query_start"] for row in rows} - known:
                return found
            await asyncio.sleep(0.01)


async def test_a_main_back_end(server: Server, dsn: str) -> None:
    """The main back end gives a token to those who signed in, and to nobody else; the chat server takes it."""
    settings = settings_for(dsn)
    await demo.create_users(dsn, settings)
    async with (
        _running(
            sys.executable,
            str(ROOT / "examples/backend.py"),
            JWT_SECRET=JWT_SECRET,
            CHAT_URL=server.url,
            PORT="0",
        ) as backend,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
    ):
        line = await _line(backend)
        (url,) = re.findall(r"http://127.0.0.1:[0-9]+", line)
        async with http.post(f"{url}/chat-token") as refused:
            assert refused.status == 401
        for user, password in (("alice", "wrong"), ("nobody", ""), ("", "")):
            async with http.post(f"{url}/login", data={"user": user, "password": password}) as no:
                assert no.status == 401
        async with http.post(f"{url}/login", data={"user": "alice", "password": "rabbit"}) as home:
            assert server.url in await home.text()
        async with http.post(f"{url}/chat-token") as given:
            token = (await given.json())["token"]
    await ok("GET", f"{server.url}/api/conversations", User("alice", token))


async def test_another_program_tells_somebody(
    two_processes: tuple[Server, Server], redis_url: str, connect: Connect, alice: User
) -> None:
    """What another program emits to a person reaches their devices, whichever process they are connected to."""
    devices = [await connect(alice, server.url) for server in two_processes]
    script = str(ROOT / "examples/emit.py")
    told = (alice.id, "order:shipped", '{"order": 7}', redis_url)
    async with _running(sys.executable, script, *told) as program:
        assert await asyncio.wait_for(program.wait(), PATIENCE) == 0
    for device in devices:
        assert await device.expect("order:shipped") == {"order": 7}


def test_no_advice_leads_to_retries() -> None:
    """No example, page or type of ours uses socket.io-client's option `retries`."""
    shown = [ROOT / typescript.PATH, *ROOT.glob("examples/*"), *ROOT.glob("docs/**/*.md")]
    for path in shown:
        assert "retries:" not in path.read_text("utf-8"), path
    assert "retries:" not in (ROOT / "README.md").read_text("utf-8")


async def test_an_example_whose_token_is_refused_says_so(
    example: list[str], server: Server
) -> None:
    """An example with a wrong token, here from the environment, prints the error's code and fails."""
    async with _running(*example, CHAT_TOKEN="wrong", CHAT_URL=server.url) as client:
        said = await _line(client)
        assert said.startswith("Not connected: ")
        assert "AUTH_FAILED" in said
        assert await asyncio.wait_for(client.wait(), PATIENCE) == 1
