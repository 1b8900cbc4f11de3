"""The database that an import reads, as of one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from chatserver.config import ConfigError, Reader, UnusableError, load_database, parse_dsn
from chatserver.ops.importing.queries import Queries, Query, SourceSystem
from chatserver.ops.importing.report import Report
from chatserver.ops.importing.streams import Row, Stream
from chatserver.ops.importing.tables import Connection, SourceTable, find_tables
from chatserver.store.connect import Connector, farewell
from chatserver.store.migrate import our_tables
from chatserver.store.trouble import IN_THE_URL, DatabaseAwayError

# Our own sessions are told to look everything up by keys; here whole tables are read and sorted.
_SETTINGS = """
SELECT set_config(name, value, true) FROM (VALUES
    ('enable_seqscan', 'on'), ('enable_bitmapscan', 'on'), ('enable_hashjoin', 'on'), ('enable_mergejoin', 'on'),
    ('plan_cache_mode', 'auto'), ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('work_mem', '64MB'), ('TimeZone', $1)) AS s (name, value)
"""
# The same server and database, whatever its address is called.
_IDENTITY = """
SELECT pg_postmaster_start_time()::text || ' ' || (
    SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
"""
_OIDS = "SELECT n.name, to_regclass(n.name)::oid AS oid FROM unnest($1::text[]) AS n (name)"
_STREAMS = ("heads", "messages", "members", "reactions", "deletions", "hidings", "pins", "blocks")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """Connect to the database of a URL.

    Raises:
        ConfigError, DatabaseAwayError: it cannot be reached; the message names ``--from``.
    """
    try:
        parse_dsn(url)
    except UnusableError as error:
        raise ConfigError(f"--from {error}") from None
    settings = load_database(Reader({"DATABASE_URL": url}), production=False)
    try:
        connection = await Connector(settings, url).connect(
            name="chatserver import", is_patient=True
        )
    except ConfigError as error:
        raise ConfigError(_of_source(error)) from error
    except DatabaseAwayError as error:
        raise DatabaseAwayError(_of_source(error)) from error
    try:
        yield connection
    finally:
        await farewell(connection)


def _of_source(error: Exception) -> str:
    said = str(error).replace("DATABASE_URL", "--from").replace("DB_SSL", "--from (sslmode)")
    # Everybody on the machine sees arguments.
    return said.replace(IN_THE_URL, "put it into ~/.pgpass or PGPASSWORD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source whose tables were found, in the transaction that reads it."""

    connection: Connection
    tables: Mapping[str, SourceTable]
    queries: Queries

    @property
    def names(self) -> dict[str, str]:
        """Return what the source calls its tables, by the names of `Queries`."""
        found = {name: getattr(self.queries, name) for name in _STREAMS}
        return {name: query.table for name, query in found.items() if query is not None}

    async def streams(self, report: Report) -> dict[str, Stream]:
        """Begin the queries that are read side by side. Return them by the names of `Queries`.

        Args:
            report: counts rows whose conversation does not exist.
        """
        streams = {}
        for name in _STREAMS:
            query: Query | None = getattr(self.queries, name)
            if query is not None:
                cursor = await self.connection.cursor(query.sql)
                streams[name] = Stream(cursor, _refusing(report, query.table))
        return streams


def _refusing(report: Report, table: str) -> Callable[[Row], None]:
    def refuse(row: Row) -> None:
        fields = dict(row.items())
        first = next(
            (fields[name] for name in ("id", "message_id", "conversation") if fields.get(name)),
            fields["low"],
        )
        by = fields.get("user_id")
        report.refuse(
            table, f"{first}/{by}" if by else first, "is about something that does not exist"
        )

    return refuse


@asynccontextmanager
async def opened(
    connection: Connection,
    system: SourceSystem,
    named: Mapping[str, str],
    timezone: str,
    target: Connection,
) -> AsyncIterator[Source]:
    """Read a source in one transaction: everything is as it was at one moment.

    Args:
        connection: to the source.
        system: which system it is.
        named: tables that the operator has named.
        timezone: that of times without one.
        target: the chat's own database, whose tables are no source.

    Raises:
        ConfigError: tables or columns are missing, the time zone is unknown, or the source is the target.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        try:
            await connection.execute(_SETTINGS, timezone)
        except (asyncpg.InvalidParameterValueError, asyncpg.DataError):
            raise ConfigError(
                "--timezone is no time zone that PostgreSQL knows: write one such as Europe/Berlin"
            ) from None
        ours = await _own_tables(connection, target)
        try:
            tables = await find_tables(connection, system.tables, named)
        except ConfigError:
            # A list of what our own database lacks would help nobody.
            found = await connection.fetch(_OIDS, ["conversations", "messages"])
            _refuse_own({row["name"]: row["oid"] for row in found}, ours)
            raise
        _refuse_own({table.name: table.oid for table in tables.values()}, ours)
        yield Source(connection=connection, tables=tables, queries=system.queries(tables))


async def _own_tables(source: Connection, target: Connection) -> set[int]:
    """Return the oids of our tables if the source is in the same database; else none."""
    if await source.fetchval(_IDENTITY) != await target.fetchval(_IDENTITY):
        return set()
    return {row["oid"] for row in await target.fetch(_OIDS, our_tables()) if row["oid"]}


def _refuse_own(tables: Mapping[str, int | None], ours: set[int]) -> None:
    own = sorted(name for name, oid in tables.items() if oid in ours)
    if own:
        raise ConfigError(
            f"--from leads to the chat's own tables ({', '.join(own)}): name the database of the old system, or "
            "its schema (?search_path=… behind the name)"
        )
