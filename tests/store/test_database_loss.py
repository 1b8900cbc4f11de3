"""The pool, when PostgreSQL goes away in one of its ways."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chatserver.core.errors import ChatError, ErrorCode
from chatserver.store import Database
from tests.support.patience import PATIENCE
from tests.support.servers import settings_for

Connection = asyncpg.Connection


@pytest.fixture
async def database(fresh_dsn: str) -> AsyncIterator[Database]:
    """A pool of two connections, on a database of its own."""
    settings = settings_for(fresh_dsn, DB_MAX_CONNECTIONS="2").database
    opened = await Database.connect(settings, fresh_dsn)
    opened._sql = {
        **opened._sql,
        "pid": "SELECT pg_backend_pid()",
        "sleep": "SELECT pg_sleep(60)",
        "write": "UPDATE log_epoch SET pruned_xact = '1' RETURNING generation",
    }
    yield opened
    await opened.close()


@pytest.fixture
async def admin(fresh_dsn: str) -> AsyncIterator["Connection[asyncpg.Record]"]:
    """Somebody who ends sessions."""
    connection = await asyncpg.connect(fresh_dsn)
    yield connection
    await connection.close()


async def _pids(database: Database) -> set[int]:
    """Of the sessions that both connections have."""
    async with database.transaction() as first, database.transaction() as second:
        return {(await unit.one("pid"))[0] for unit in (first, second)}


async def test_a_lost_connection_takes_the_others_of_its_time_with_it(
    database: Database, admin: "Connection[asyncpg.Record]"
) -> None:
    """When one session is lost the ask is UNAVAILABLE, and no connection of that time is used again."""
    before = await _pids(database)
    asleep = asyncio.create_task(database.one("sleep"))
    async with asyncio.timeout(PATIENCE):
        while not await admin.fetchval(  # noqa: ASYNC110 - PostgreSQL has no event for it
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(60)'"
        ):
            await asyncio.sleep(0.01)
    with pytest.raises(ChatError) as refused:
        await asleep
    assert (refused.value.code, refused.value.retryable) == (ErrorCode.UNAVAILABLE, True)
    after = await _pids(database)
    assert not before & after
    assert await _pids(database) == after


async def test_sessions_that_ended_unasked_cost_nobody_anything(
    database: Database, admin: "Connection[asyncpg.Record]"
) -> None:
    """After all idle sessions were ended the first ask works."""
    before = await _pids(database)
    assert await admin.fetchval(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ) == len(before)
    # A turn of the loop, in which the ends arrive.
    await asyncio.sleep(0.05)
    assert await database.one("pid") is not None


async def test_a_primary_that_became_read_only_is_left(
    database: Database, admin: "Connection[asyncpg.Record]"
) -> None:
    """A session that is read-only is UNAVAILABLE, and left for one that may write."""
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await asyncio.sleep(0.05)
    await _pids(database)
    await admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    with pytest.raises(ChatError) as refused:
        await database.one("write")
    assert refused.value.code is ErrorCode.UNAVAILABLE
    assert await database.one("write") is not None


async def test_a_wait_for_a_connection_ends(fresh_dsn: str) -> None:
    """Where every connection is busy, an ask is UNAVAILABLE after DB_CONNECTION_TIMEOUT."""
    settings = settings_for(fresh_dsn, DB_MAX_CONNECTIONS="1", DB_CONNECTION_TIMEOUT="200").database
    database = await Database.connect(settings, fresh_dsn)
    try:
        async with database.transaction():
            with pytest.raises(ChatError) as refused:
                await database.one("alive")
        assert refused.value.code is ErrorCode.UNAVAILABLE
        assert await database.one("alive") is not None
    finally:
        await database.close()


async def test_a_statement_that_takes_too_long_pins_no_connection(fresh_dsn: str) -> None:
    """A statement that runs out of DB_QUERY_TIMEOUT is UNAVAILABLE, and its connection is free again."""
    settings = settings_for(fresh_dsn, DB_MAX_CONNECTIONS="1", DB_QUERY_TIMEOUT="1000").database
    database = await Database.connect(settings, fresh_dsn)
    database._sql = {**database._sql, "sleep": "SELECT pg_sleep(60)"}
    try:
        with pytest.raises(ChatError) as refused:
            await database.one("sleep")
        assert refused.value.code is ErrorCode.UNAVAILABLE
        assert await database.one("alive") is not None
    finally:
        await database.close()
