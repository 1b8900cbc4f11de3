"""How the React app scrolls with 10,000 messages loaded: ``python -m benchmarks.app`` also writes the page anew.

A real Chromium without a display opens the app of a server of its own, loads a conversation whole, and scrolls
through it; then somebody else writes in it, and the page's main thread is watched.
"""

import asyncio
import json
import sys
import tempfile
from base64 import b64decode
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from benchmarks import data, report
from benchmarks.data import Data
from benchmarks.seed import text_of
from benchmarks.tools import ROOT, MissingTool
from chatserver.ops.embedded.postgres import EmbeddedPostgres
from chatserver.sessions.tokens import issue_token
from tests.support.app import built_app
from tests.support.browser import chromium
from tests.support.node import node_modules
from tests.support.servers import JWT_SECRET, process_server

MESSAGES = 10_000
_AT_ONCE = 50
_PEOPLE = ("Alice", "Bob")


async def measure() -> Data:
    """Scroll, and return frames per second, what a frame and a push take, and of how many messages.

    Raises:
        MissingTool: there is no Chromium, or no Node.js.
    """
    try:
        executable = await chromium()
        await node_modules()
        await built_app()
    except pytest.skip.Exception as missing:
        raise MissingTool(str(missing)) from missing
    with tempfile.TemporaryDirectory(prefix="chatserver-app-") as directory:
        # As root, PostgreSQL's account must get in.
        Path(directory).chmod(0o755)  # noqa: ASYNC240 - nothing else runs yet
        with EmbeddedPostgres(Path(directory)) as dsn:
            async with process_server(dsn) as server:
                given = {
                    "chromium": executable,
                    "url": server.url,
                    "require": str(ROOT / "tests" / "js" / "package.json"),
                    "conversation": await _fill(dsn, server.url),
                    "messages": MESSAGES,
                    "reader": _token("alice"),
                    "writer": _token("bob"),
                }
                found: Data = json.loads(await _node(given))
                return found


async def _fill(dsn: str, url: str) -> str:
    """Have one of two people say so much that there are as many messages; return the id of their conversation."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.executemany(
            "INSERT INTO chat_users (user_id, username, email, display_name) "
            "VALUES (lower($1), lower($1), lower($1) || '@example.com', $1)",
            [(name,) for name in _PEOPLE],
        )
    finally:
        await connection.close()
    headers = {"Authorization": f"Bearer {_token('alice')}"}
    async with aiohttp.ClientSession(url, headers=headers, raise_for_status=True) as http:

        async def ask(command: str, **payload: object) -> Data:
            async with http.post(f"/api/commands/{command}", json=payload) as answer:
                answered: Data = await answer.json()
                return answered

        opened = await ask("chat:conversation_open", recipientId="bob")
        conversation: str = opened["conversation"]["id"]

        async def send(number: int) -> None:
            text = "\n".join([text_of(number)] * (1 + number % 3))
            await ask("chat:message_send", conversationId=conversation, content=text)

        for first in range(0, MESSAGES, _AT_ONCE):
            await asyncio.gather(*(send(number) for number in range(first, first + _AT_ONCE)))
        return conversation


def _token(user: str) -> str:
    return issue_token(b64decode(JWT_SECRET), user)


async def _node(given: Data) -> str:
    process = await asyncio.create_subprocess_exec(
        "node", "benchmarks/app.mjs", json.dumps(given), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the app was not measured: what Node.js says is above")
    return output.decode()


def main() -> None:
    """Measure, print it, and keep it with what the other benchmarks found."""
    found = {**data.load(), "app": asyncio.run(measure())}
    sys.stdout.write(f"{found['app']}\n")
    data.save(found)
    report.write(data.load())


if __name__ == "__main__":
    main()
