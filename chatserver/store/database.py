"""One pool of PostgreSQL connections, asked by the names of queries.

Every failure that says nothing about the request (no connection, a time-out, a lost server, a
serialisation conflict) comes out as ``UNAVAILABLE``: the outcome is unknown or nothing happened, and
the same ids settle it on a retry. Nothing is tried again here: whether a lost connection's statement
was committed cannot be told, and the client's retry under the same id is right in either case.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import asyncpg
import orjson

from chatserver.config import ConfigError, DatabaseSettings
from chatserver.core.errors import ChatError, unavailable
from chatserver.core.logging import get_logger
from chatserver.core.tally import SECONDS, Histogram
from chatserver.store import queries
from chatserver.store.connect import Connector
from chatserver.store.outage import cause_of
from chatserver.store.pool import Pool, PooledConnection

Record: TypeAlias = asyncpg.Record
_log = get_logger(__name__)

# asyncpg's own classes for "the server is not there, or not now": class 08 (connection), 53 (resources),
# 57 (operator intervention, statement time-out), 40 (serialisation, deadlock), 55P03 (lock time-out),
# 25006 (read-only).
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    # The old primary after a failover.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
# What tells of another transaction, not of the server.
_CONFLICTS = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)
_UNWRITABLE = (asyncpg.DiskFullError, asyncpg.ReadOnlySQLTransactionError)
# What tells of the server, not of this connection alone.
_TELLING = (TimeoutError, asyncpg.ReadOnlySQLTransactionError)

# While the database is away every ask fails. The log need not say so more often than this (s), and not the same.
_SAY_EVERY = 1.0
_SAY_AGAIN = 60.0


class Unit:
    """Queries on one connection, inside one transaction (see `Database.transaction`)."""

    def __init__(self, connection: PooledConnection, sql: Mapping[str, str]) -> None:
        self._connection = connection
        self._sql = sql

    async def all(self, name: str, *args: object) -> list[Record]:
        """Return the rows of the query `name`."""
        return await self._connection.fetch(self._sql[name], *args)

    async def one(self, name: str, *args: object) -> Record | None:
        """Return the first row of the query `name`, or None."""
        return await self._connection.fetchrow(self._sql[name], *args)


class Database:
    """Runs named queries on a pool of connections. Make it with `connect`.

    Raises (all methods):
        ChatError: UNAVAILABLE where PostgreSQL cannot answer now.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._sql = queries.load()
        self._pool: Pool
        self._said_at = 0.0
        self._said = ""
        # Whether the log says that the database is away, and not yet that it is back.
        self._is_away = False
        # How many writes failed for want of room, or of permission to write at all.
        self.refused_writes = 0
        # How long a query waited for a connection of the pool.
        self.waits = Histogram(SECONDS)

    @classmethod
    async def connect(cls, settings: DatabaseSettings, dsn: str) -> "Database":
        """Open the pool, and wait for its first connections.

        Raises:
            DatabaseAwayError: no connection can be made now.
            ConfigError: a setting is wrong: there is a pooler that no setting mentions, or commits through it
                would not be durable, or the server will not have us.
        """
        database = cls(settings)
        await database._open(dsn)
        return database

    async def _open(self, dsn: str) -> None:
        settings = self._settings
        connector = Connector(settings, dsn)
        for note in connector.address.notes:
            _log.warning("a word on DATABASE_URL", note=note)

        async def connect() -> PooledConnection:
            connection = await connector.connect_as(PooledConnection)
            try:
                await _init_connection(connection, through_pooler=settings.through_pooler)
                # What a send would find out first, in 20 ms: types of arrays, and functions to be compiled.
                with suppress(asyncpg.PostgresError):  # such as: nothing is migrated yet
                    await connection.fetch(self._sql["post_messages"], *[[]] * 12)
                    await connection.fetch(self._sql["post_message"], *[None] * 12)
            except BaseException:
                connection.terminate()
                raise
            return connection

        self._pool = Pool(
            connect,
            fewest=settings.min_size,
            most=settings.max_size,
            idle_timeout=settings.idle_timeout,
            farewell=settings.connection_timeout,
        )
        await self._pool.open()

    async def close(self) -> None:
        """Close the pool; connections that are still busy after 5 s are cut."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections the pool has, and how many of them are idle."""
        return self._pool.size, self._pool.idle_size

    @property
    def most_connections(self) -> int:
        """How many connections the pool may have."""
        return self._settings.max_size

    async def all(self, name: str, *args: object, within: float | None = None) -> list[Record]:
        """Return the rows of the query `name`.

        Args:
            within: seconds after which the query is given up, where that is sooner than DB_QUERY_TIMEOUT. It says
                nothing about the database: other connections stay as they are.
        """
        connection = self._idle() or await self._wait(name)
        try:
            if within is None:
                rows: list[Record] = await connection.fetch(self._sql[name], *args)
            else:
                shorter = min(within, self._settings.query_timeout)
                rows = await connection.fetch(self._sql[name], *args, timeout=shorter)
        except BaseException as error:
            self._failed(connection, name, error, own=within is not None)
            raise
        self._pool.give(connection)
        if self._is_away:
            self._say_back()
        return rows

    async def one(self, name: str, *args: object) -> Record | None:
        """Return the first row of the query `name`, or None."""
        connection = self._idle() or await self._wait(name)
        try:
            row: Record | None = await connection.fetchrow(self._sql[name], *args)
        except BaseException as error:
            self._failed(connection, name, error)
            raise
        self._pool.give(connection)
        if self._is_away:
            self._say_back()
        return row

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Unit]:
        """Run one READ COMMITTED transaction: each statement in it has a snapshot of its own."""
        connection = self._idle() or await self._wait("transaction")
        try:
            async with connection.transaction():
                yield Unit(connection, self._sql)
        except BaseException as error:
            self._failed(connection, "transaction", error)
            raise
        self._pool.give(connection)
        if self._is_away:
            self._say_back()

    def _idle(self) -> PooledConnection | None:
        if connection := self._pool.idle():
            self.waits.observe(0.0)
        return connection

    async def _wait(self, query: str) -> PooledConnection:
        """Wait for a connection, when there is none at once."""
        asked = time.perf_counter()
        try:
            # This wait has an end too: behind a stalled server the queue would only grow.
            async with asyncio.timeout(self._settings.connection_timeout):
                return await self._pool.take()
        # Whatever else keeps us out (a database that is renamed, a password that is changed) is none of the
        # request's fault either.
        except (*_PASSING, asyncpg.PostgresError, ConfigError) as error:
            raise self._unavailable(query, error) from error
        finally:
            self.waits.observe(time.perf_counter() - asked)

    def _failed(
        self, connection: PooledConnection, query: str, error: BaseException, *, own: bool = False
    ) -> None:
        """Give a connection back on which something failed, be it by a time-out of the query's `own`.

        Raises:
            ChatError: UNAVAILABLE, where the failure says nothing about the request.
        """
        telling = isinstance(error, _TELLING) and not (own and isinstance(error, TimeoutError))
        if isinstance(error, _PASSING) and (telling or connection.is_closed()):
            self._pool.suspect(connection)
        # Where the server said so, or we ourselves, nothing is under way.
        is_answered = isinstance(error, (asyncpg.PostgresError, ChatError))
        if connection.is_closed() or (is_answered and not connection.is_in_transaction()):
            self._pool.give(connection)
        else:
            self._pool.retire(connection)
        if isinstance(error, _UNWRITABLE):
            self.refused_writes += 1
        if isinstance(error, _PASSING):
            raise self._unavailable(query, error) from error

    def _unavailable(self, query: str, error: BaseException) -> ChatError:
        cause, now = cause_of(error), time.monotonic()
        if now - self._said_at >= (_SAY_AGAIN if cause == self._said else _SAY_EVERY):
            self._said, self._said_at = cause, now
            _log.warning("database unavailable", query=query, error=cause)
            # A conflict with another transaction is over with the command that it befell. Where no write is taken
            # reads go on: the probe says when that is over.
            self._is_away |= not isinstance(error, (*_CONFLICTS, *_UNWRITABLE))
        return unavailable()

    def _say_back(self) -> None:
        self._is_away, self._said = False, ""
        _log.info("the database answers again")


async def _init_connection(connection: PooledConnection, *, through_pooler: bool) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda raw: orjson.loads(raw[1:]),
        format="binary",
    )
    if through_pooler:
        await _check_durable(connection)


async def _check_durable(connection: PooledConnection) -> None:
    """Check that a commit is durable: behind a pooler the role's default decides that.

    Raises:
        ConfigError
    """
    if await connection.fetchval("SHOW synchronous_commit") == "off":
        raise ConfigError(
            "DATABASE_URL leads to a database whose commits are not durable (synchronous_commit is off), "
            "and behind a pooler no session can change that: ALTER ROLE … SET synchronous_commit = on"
        )
