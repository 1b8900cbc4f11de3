"""The SDK and the store of client/, by their own tests against the server that the tests share."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from tests.conftest import MakeUser
from tests.support.clamd import clamd
from tests.support.node import CLIENT, node_modules, run_vitest
from tests.support.servers import JWT_SECRET, Server, local_server

# More than the tests of all files ask for; they say so where it is not.
_PEOPLE = 120
# For how long those who are asked to come back are spread, in seconds.
_SPREAD = 2.0


@asynccontextmanager
async def _drained(dsn: str) -> AsyncIterator[dict[str, object]]:
    """A server that is drained by whoever connects to the port `control`, which is closed once it is done."""
    async with local_server(dsn) as server:

        async def drain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert server.app is not None
            await server.app.open_doors.drain(_SPREAD)
            writer.close()

        async with await asyncio.start_server(drain, "127.0.0.1", 0) as control:
            yield {"url": server.url, "control": control.sockets[0].getsockname()[1]}


@asynccontextmanager
async def _scanned(dsn: str) -> AsyncIterator[dict[str, object]]:
    """A server whose scanner waits with files that have the word "slow", until somebody connects to `control`."""
    async with clamd() as scanner, local_server(dsn, CLAMD_URL=scanner.url) as server:
        scanner.holds = b"slow"
        scanner.free.clear()

        async def free(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            scanner.free.set()
            scanner.free.clear()
            writer.close()

        async with await asyncio.start_server(free, "127.0.0.1", 0) as control:
            yield {"url": server.url, "control": control.sockets[0].getsockname()[1]}
        scanner.free.set()


async def test_the_packages_do_what_their_tests_say(
    server: Server, dsn: str, fresh_dsn: str, make_user: MakeUser, tmp_path: Path
) -> None:
    """All that the tests of the SDK and the store say of them holds."""
    await node_modules(CLIENT)
    people = [(await make_user(f"client{number}")).id for number in range(_PEOPLE)]
    known = [(await make_user(f"both{number}")).id for number in range(2)]
    connection = await asyncpg.connect(fresh_dsn)
    try:
        await connection.executemany(
            "INSERT INTO chat_users (user_id, username, email, display_name) "
            "VALUES ($1, $1, $1 || '@example.com', $1)",
            [(user_id,) for user_id in known],
        )
    finally:
        await connection.close()
    async with (
        local_server(fresh_dsn) as other,
        _drained(dsn) as drained,
        _scanned(dsn) as scanned,
    ):
        await run_vitest(
            CHAT_URL=server.url,
            CHAT_SECRET=JWT_SECRET,
            CHAT_PEOPLE=json.dumps(people),
            CHAT_CLAIMS=str(tmp_path),
            CHAT_DRAINED=json.dumps(drained),
            CHAT_SCANNED=json.dumps(scanned),
            # Another database, and so another history, in which there are the same people.
            CHAT_ELSEWHERE=json.dumps({"url": other.url, "people": known}),
            # What the property test is told: how many runs, from which seed.
            **{name: value for name, value in os.environ.items() if name.startswith("FC_")},
        )
