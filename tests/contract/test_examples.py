"""The clients in examples/ against the demo server, each a process of its own as in the README."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.device import Device
from tests.support.node import node_modules
from tests.support.servers import ROOT, Server, process_server

_PATIENCE = 10.0


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
    return (await asyncio.wait_for(process.stdout.readline(), _PATIENCE)).decode().rstrip("\n")


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
    """An example connects as Alice with a printed token, greets Bob and prints what either says."""
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
        finally:
            await bob.close()


async def test_an_example_whose_token_is_refused_says_so(
    example: list[str], server: Server
) -> None:
    """An example with a wrong token, here from the environment, prints the error's code and fails."""
    async with _running(*example, CHAT_TOKEN="wrong", CHAT_URL=server.url) as client:
        said = await _line(client)
        assert said.startswith("Not connected: ")
        assert "AUTH_FAILED" in said
        assert await asyncio.wait_for(client.wait(), _PATIENCE) == 1
