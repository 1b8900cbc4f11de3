"""One pool of PostgreSQL connections, asked by the names of queries.

Every failure that says nothing about the request (no connection, a time-out, a lost server, a
serialisation conflict) comes out as ``UNAVAILABLE``: the outcome is unknown or nothing happened, and
the same ids settle it on a retry. Nothing is tried again here: whether a lost connection's statement
was committed cannot be told, and the client's retry under the same id is right in either case.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from chatserver.config import ConfigError, DatabaseSettings
from chatserver.errors import ChatError, unavailable
from chatserver.logs import get_logger
from chatserver.store import queries
from chatserver.tally import SECONDS, Histogram

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
# What tells of the server, not of this connection alone.
_TELLING = (TimeoutError, asyncpg.ReadOnlySQLTransactionError)

# While the database is away every ask fails; the log need not say so more often than this (s).
_SAY_EVERY = 1.0


class _Connection(asyncpg.Connection):
    """A connection that knows which generation of the pool's connections it belongs to."""

    __slots__ = ("generation",)

    generation: int


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

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._sql = queries.load()
        self._pool: asyncpg.Pool[Record]
        self._generation = 0
        self._said_at = 0.0
        # How long a query waited for a connection of the pool.
        self.waits = Histogram(SECONDS)

    @classmethod
    async def connect(cls, settings: DatabaseSettings, dsn: str) -> "Database":
        """Open the pool, and wait for its first connections.

        Raises:
            OSError, asyncpg.PostgresError: no connection can be made.
            ConfigError: there is a pooler that we were not told of, or commits through it would not be durable.
        """
        database = cls(settings)
        try:
            database._pool = await database._open(dsn)
        except asyncpg.ProtocolViolationError as error:
            if "startup parameter" not in str(error):
                raise
            raise ConfigError(
                f"DB_STATEMENT_CACHE_SIZE must be 0 behind a pooler, and DATABASE_URL leads to one: {error}"
            ) from error
        return database

    async def _open(self, dsn: str) -> "asyncpg.Pool[Record]":
        settings = self._settings
        return await asyncpg.create_pool(
            dsn,
            min_size=settings.min_size,
            max_size=settings.max_size,
            max_inactive_connection_lifetime=settings.idle_timeout,
            timeout=settings.connection_timeout,
            command_timeout=settings.query_timeout,
            statement_cache_size=settings.statement_cache_size,
            ssl=settings.ssl_context(),
            connection_class=_Connection,
            init=self._init_connection,
            reset=_keep,
            server_settings=session_settings(settings),
        )

    async def close(self) -> None:
        """Close the pool; connections that are still busy after 5 s are cut."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections the pool has, and how many of them are idle."""
        return self._pool.get_size(), self._pool.get_idle_size()

    @property
    def most_connections(self) -> int:
        """How many it may have."""
        return self._settings.max_size

    async def all(self, name: str, *args: object) -> list[Record]:
        """The rows of the query `name`."""
        with self._passing_errors(name):
            async with self._acquire() as connection:
                return await connection.fetch(self._sql[name], *args)

    async def one(self, name: str, *args: object) -> Record | None:
        """The first row of the query `name`, or None."""
        with self._passing_errors(name):
            async with self._acquire() as connection:
                return await connection.fetchrow(self._sql[name], *args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Unit]:
        """One READ COMMITTED transaction: each statement in it has a snapshot of its own."""
        with self._passing_errors("transaction"):
            async with self._acquire() as connection, connection.transaction():
                yield Unit(connection, self._sql, self._settings.query_timeout)

    @asynccontextmanager
    async def _acquire(self) -> "AsyncIterator[PoolConnectionProxy[Record]]":
        # A wait for a connection has an end too: behind a stalled server the queue would only grow.
        connection: Any
        asked = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.connection_timeout):
                connection = await self._pool.acquire()
                while connection.generation != self._generation:
                    # It goes without a farewell, for which it may lack the other end.
                    connection.terminate()
                    connection = await self._pool.acquire()
                generation = connection.generation
        except (asyncpg.PostgresError, ConfigError) as error:
            # Whatever keeps us out (a database that is renamed, a password that is changed) is none
            # of the request's fault.
            raise asyncpg.InterfaceError(str(error)) from error
        finally:
            self.waits.observe(time.perf_counter() - asked)
        try:
            yield connection
        except _PASSING as error:
            if isinstance(error, _TELLING) or _is_closed(connection):
                self._suspect(generation)
            raise
        finally:
            # A statement that ran out of time is being cancelled meanwhile; where that is not heard of in
            # time, the connection is cut.
            await self._pool.release(connection, timeout=self._settings.connection_timeout)

    def _suspect(self, generation: int) -> None:
        """One connection is lost: the others of its time may be, too, and are made anew when next asked for.

        A server that went away without a word (a failover, a cut network) answers none of them, and each
        would cost a request its whole time. Connections made since then are above suspicion.
        """
        if generation == self._generation:
            self._generation += 1

    @contextmanager
    def _passing_errors(self, query: str) -> Iterator[None]:
        try:
            yield
        except ChatError:
            raise
        except _PASSING as error:
            now = time.monotonic()
            if now - self._said_at >= _SAY_EVERY:
                self._said_at = now
                _log.warning("database unavailable", query=query, error=type(error).__name__)
            raise unavailable() from error

    async def _init_connection(self, connection: Any) -> None:
        connection.generation = self._generation
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            encoder=lambda value: b"\x01" + orjson.dumps(value),
            decoder=lambda raw: orjson.loads(raw[1:]),
            format="binary",
        )
        if self._settings.through_pooler:
            await _check_durable(connection)


def _is_closed(connection: Any) -> bool:
    try:
        closed: bool = connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # the pool took it back as it was lost
    return closed


def session_settings(settings: DatabaseSettings) -> dict[str, str]:
    """The settings of our sessions. PgBouncer knows the first two, and refuses a client that asks for others."""
    known = {"application_name": "chatserver", "timezone": "UTC"}
    if settings.through_pooler:
        return known
    return {
        **known,
        # An ack means durable, whatever the database's default says.
        "synchronous_commit": "on",
        "statement_timeout": f"{settings.statement_timeout * 1000:.0f}",
        # Our statements are short; compiling one costs more than running it.
        "jit": "off",
    }


async def _check_durable(connection: Any) -> None:
    """Behind a pooler the role's default decides what a commit means; an ack must mean durable.

    Raises:
        ConfigError
    """
    if await connection.fetchval("SHOW synchronous_commit") == "off":
        raise ConfigError(
            "DATABASE_URL leads to a database whose commits are not durable (synchronous_commit is off), "
            "and behind a pooler no session can change that: ALTER ROLE … SET synchronous_commit = on"
        )


async def _keep(_connection: Any) -> None:
    """Nothing to reset: no session state is ever set, and asyncpg's own reset is one more round trip."""
