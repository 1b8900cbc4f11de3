"""One pool of PostgreSQL connections, asked by the names of queries.

Every failure that says nothing about the request (no connection, a time-out, a lost server, a
serialisation conflict) comes out as ``UNAVAILABLE``: the outcome is unknown or nothing happened, and
the same ids settle it on a retry.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from chatserver.config import DatabaseSettings
from chatserver.errors import ChatError, unavailable
from chatserver.logs import get_logger
from chatserver.store import queries

Record: TypeAlias = asyncpg.Record
_log = get_logger(__name__)

# asyncpg's own classes for "the server is not there, or not now": class 08 (connection), 53 (resources),
# 57 (operator intervention, statement time-out), 40 (serialisation, deadlock), 55P03 (lock time-out).
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


@contextmanager
def _passing_errors(query: str) -> Iterator[None]:
    try:
        yield
    except ChatError:
        raise
    except _PASSING as error:
        _log.warning("database unavailable", query=query, error=type(error).__name__)
        raise unavailable() from error


class Unit:
    """Queries on one connection, inside one transaction (see `Database.transaction`)."""

    def __init__(
        self, connection: "PoolConnectionProxy[Record]", sql: Mapping[str, str], timeout: float
    ) -> None:
        self._connection = connection
        self._sql = sql
        self._timeout = timeout

    async def all(self, name: str, *args: object) -> list[Record]:
        """The rows of the query `name`."""
        return await self._connection.fetch(self._sql[name], *args, timeout=self._timeout)

    async def one(self, name: str, *args: object) -> Record | None:
        """The first row of the query `name`, or None."""
        return await self._connection.fetchrow(self._sql[name], *args, timeout=self._timeout)


class Database:
    """The pool. Make it with `connect`.

    Raises (all methods):
        ChatError: UNAVAILABLE where PostgreSQL cannot answer now.
    """

    def __init__(self, pool: "asyncpg.Pool[Record]", settings: DatabaseSettings) -> None:
        self._pool = pool
        self._settings = settings
        self._sql = queries.load()

    @classmethod
    async def connect(cls, settings: DatabaseSettings, dsn: str) -> "Database":
        """Open the pool, and wait for its first connections.

        Raises:
            OSError, asyncpg.PostgresError: no connection can be made.
        """
        pool = await asyncpg.create_pool(
            dsn,
            min_size=settings.min_size,
            max_size=settings.max_size,
            max_inactive_connection_lifetime=settings.idle_timeout,
            timeout=settings.connection_timeout,
            command_timeout=settings.query_timeout,
            statement_cache_size=settings.statement_cache_size,
            ssl=settings.ssl_context(),
            init=_init_connection,
            reset=_keep,
            server_settings={
                "application_name": "chatserver",
                # An ack means durable, whatever the database's default says.
                "synchronous_commit": "on",
                "statement_timeout": f"{settings.statement_timeout * 1000:.0f}",
                "timezone": "UTC",
                # Our statements are short; compiling one costs more than running it.
                "jit": "off",
            },
        )
        return cls(pool, settings)

    async def close(self) -> None:
        """Close the pool; connections that are still busy after 5 s are cut."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    async def all(self, name: str, *args: object) -> list[Record]:
        """The rows of the query `name`."""
        with _passing_errors(name):
            async with self._acquire() as connection:
                return await connection.fetch(self._sql[name], *args)

    async def one(self, name: str, *args: object) -> Record | None:
        """The first row of the query `name`, or None."""
        with _passing_errors(name):
            async with self._acquire() as connection:
                return await connection.fetchrow(self._sql[name], *args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Unit]:
        """One READ COMMITTED transaction: each statement in it has a snapshot of its own."""
        with _passing_errors("transaction"):
            async with self._acquire() as connection, connection.transaction():
                yield Unit(connection, self._sql, self._settings.query_timeout)

    @asynccontextmanager
    async def _acquire(self) -> "AsyncIterator[PoolConnectionProxy[Record]]":
        # A wait for a connection has an end too: behind a stalled server the queue would only grow.
        try:
            connection = await self._pool.acquire(timeout=self._settings.connection_timeout)
        except asyncpg.PostgresError as error:
            # Whatever keeps us out (a database that is renamed, a password that is changed) is none
            # of the request's fault.
            raise asyncpg.InterfaceError(str(error)) from error
        try:
            yield connection
        finally:
            await self._pool.release(connection)


async def _keep(_connection: Any) -> None:
    """Nothing to reset: no session state is ever set, and asyncpg's own reset is one more round trip."""


async def _init_connection(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda raw: orjson.loads(raw[1:]),
        format="binary",
    )
