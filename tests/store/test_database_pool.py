"""The pool: who gets which connection, and what becomes of those that are not wanted any more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import pytest

from chatserver.core.errors import ChatError, ErrorCode
from chatserver.store import Database
from chatserver.store.pool import PooledConnection
from tests.support.inside import until
from tests.support.patience import PATIENCE
from tests.support.servers import settings_for

Opened = Callable[..., AbstractAsyncContextManager[Database]]


@pytest.fixture
def opened(fresh_dsn: str) -> Opened:
    """Opens a pool of one connection on a database of its own, or with other settings."""

    @asynccontextmanager
    async def opening(**env: str) -> AsyncIterator[Database]:
        settings = settings_for(fresh_dsn, **{"DB_MAX_CONNECTIONS": "1", **env}).database
        database = await Database.connect(settings, fresh_dsn)
        database._sql = {
            **database._sql,
            "pid": "SELECT pg_backend_pid()",
            "sleep": "SELECT pg_sleep(60)",
            "sleeper": "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(60)'",
            "wrong": "SELECT 1 / 0",
        }
        yield database
        await database.close()

    return opening


async def _pid(database: Database) -> int:
    row = await database.one("pid")
    assert row is not None
    pid: int = row[0]
    return pid


async def test_one_connection_serves_everybody_in_the_order_of_asking(opened: Opened) -> None:
    """Who asks first is served first, by the connection that is there, and each wait is counted."""
    async with opened() as database:
        pid, waits = await _pid(database), database.waits.count
        served: list[int] = []

        async def ask(number: int) -> None:
            assert await _pid(database) == pid
            served.append(number)

        await asyncio.gather(*map(ask, range(20)))
        assert served == [*range(20)]
        assert database.waits.count == waits + 20
        assert database.connections == (1, 1)


async def test_who_gives_up_when_served_passes_it_on(opened: Opened) -> None:
    """A wait that is cancelled, also when its connection was just handed over, costs nobody else theirs."""
    async with opened() as database:
        async with database.transaction():
            asks = [asyncio.create_task(_pid(database)) for _ in range(4)]
            await until(lambda: len(database._pool._waiting) == 4)
            asks[2].cancel()
            await asyncio.wait(asks[2:3])
        # Now the first one has it, but did not run yet.
        asks[0].cancel()
        first, second, third, fourth = await asyncio.gather(*asks, return_exceptions=True)
        assert isinstance(first, asyncio.CancelledError)
        assert isinstance(third, asyncio.CancelledError)
        assert second == fourth == await _pid(database)
        assert database.connections == (1, 1)


async def test_who_waits_gets_whichever_connection_comes_first(opened: Opened) -> None:
    """Where a new one may be made it is, but one that is given back meanwhile serves sooner."""
    async with opened(DB_MAX_CONNECTIONS="2", DB_MIN_CONNECTIONS="1") as database:
        pool, connected = database._pool, asyncio.Event()
        connect = pool._connect

        async def slowly() -> PooledConnection:
            await connected.wait()
            return await connect()

        pool._connect = slowly
        before = await _pid(database)
        async with database.transaction():
            asked = asyncio.create_task(_pid(database))
            await until(lambda: len(pool._making) == 1)
        assert await asked == before
        connected.set()
        await until(lambda: database.connections == (2, 2))


async def test_a_connection_that_cannot_be_made_fails_one_who_waits(opened: Opened) -> None:
    """Each attempt is told to one; the others have theirs, or the connection that is given back."""
    async with opened(DB_MAX_CONNECTIONS="2", DB_MIN_CONNECTIONS="1") as database:
        pool, refused = database._pool, asyncio.Event()

        async def never() -> PooledConnection:
            await refused.wait()
            raise OSError

        pool._connect = never
        async with database.transaction():
            asks = [asyncio.create_task(_pid(database)) for _ in range(3)]
            await until(lambda: len(pool._waiting) == 3)
            refused.set()
            results = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(result) for result in results] == [ChatError] * 3
        assert database.connections == (1, 1)
        assert await _pid(database)


async def test_a_statement_that_nobody_waits_for_ends_with_its_connection(opened: Opened) -> None:
    """A cancelled statement is cancelled in PostgreSQL too, and its connection is not used again."""
    async with opened(DB_MAX_CONNECTIONS="2") as database:
        asleep = asyncio.create_task(database.one("sleep"))
        async with asyncio.timeout(PATIENCE):
            while not (sleeper := await database.one("sleeper")):  # noqa: ASYNC110 - PostgreSQL has no event for it
                await asyncio.sleep(0.01)
        asleep.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asleep
        await until(lambda: database.connections == (1, 1))
        assert await database.one("sleeper") is None
        assert await _pid(database) != sleeper["pid"]


async def test_an_error_of_a_statement_costs_no_connection(opened: Opened) -> None:
    """What PostgreSQL refuses, alone or in a transaction, leaves the connection as it was."""
    async with opened() as database:
        before = await _pid(database)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await database.one("wrong")
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with database.transaction() as unit:
                await unit.one("wrong")
        with pytest.raises(ChatError):
            async with database.transaction():
                raise ChatError(code=ErrorCode.CONFLICT)
        assert await _pid(database) == before


async def test_a_body_that_crashes_leaves_no_transaction_open(opened: Opened) -> None:
    """After a crash inside a transaction the next ask has a connection without one."""
    async with opened() as database:
        with pytest.raises(ZeroDivisionError):
            async with database.transaction():
                raise ZeroDivisionError
        async with database.transaction() as unit:
            assert await unit.one("pid") is not None
        assert database.connections == (1, 1)


async def test_idle_connections_are_closed_down_to_the_fewest(opened: Opened) -> None:
    """Connections beyond DB_MIN_CONNECTIONS go when nobody used them for DB_IDLE_TIMEOUT."""
    async with opened(
        DB_MAX_CONNECTIONS="3", DB_MIN_CONNECTIONS="1", DB_IDLE_TIMEOUT="50"
    ) as database:
        assert database.connections == (1, 1)
        async with database.transaction(), database.transaction(), database.transaction():
            assert database.connections == (3, 0)
        await until(lambda: database.connections == (1, 1))
        assert await database.one("alive") is not None


async def test_closing_waits_for_who_is_busy_and_for_nobody_else(opened: Opened) -> None:
    """Closing lets a transaction finish; who waits for a connection, and who asks now, is UNAVAILABLE."""
    async with opened() as database:
        async with database.transaction() as unit:
            waiting = asyncio.create_task(database.one("pid"))
            await until(lambda: len(database._pool._waiting) == 1)
            closing = asyncio.create_task(database.close())
            for late in (waiting, asyncio.create_task(database.one("pid"))):
                with pytest.raises(ChatError) as refused:
                    await late
                assert refused.value.code is ErrorCode.UNAVAILABLE
            assert await unit.one("pid") is not None
            assert not closing.done()
        await closing
        assert database.connections == (0, 0)
