"""Runs plain numbered SQL files, each in a transaction, under one advisory lock, also through a pooler."""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

import asyncpg

from chatserver.config import DatabaseSettings, Reader, load_database
from chatserver.store.connect import Connector, farewell
from chatserver.store.fitness import check, tables_without_rights
from chatserver.store.trouble import DatabaseAwayError, Names, explained

_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# "chatsrv" in ASCII: any constant that other programs in the same database are unlikely to pick.
_ADVISORY_LOCK = 0x63686174737276

_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now())
"""


# The table of that name that is found first, which is the main back end's where Rails or Ecto made it.
_FOUND = """
SELECT c.relnamespace = to_regnamespace(quote_ident(current_schema())) AS is_where_ours_would_be,
    3 = (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
        AND a.attname IN ('version', 'name', 'checksum')) AS is_ours
FROM pg_class c WHERE c.oid = to_regclass('schema_migrations')
"""

_TABLE = re.compile(r"^CREATE TABLE ([a-z_]+)", re.MULTILINE)

_ELSEWHERE = (
    "somebody else's: give the chat a schema of its own (CREATE SCHEMA chat, and "
    "?search_path=chat,public in DATABASE_URL)"
)

# What PostgreSQL refuses, and what to do about it; the first that fits.
_REMEDIES: tuple[tuple[type[asyncpg.PostgresError], str], ...] = (
    (
        asyncpg.InsufficientPrivilegeError,
        "let the user in DATABASE_URL do it (GRANT CREATE ON SCHEMA …), or migrate as the owner",
    ),
    (
        asyncpg.InvalidSchemaNameError,
        "create the schema (CREATE SCHEMA …), or correct search_path in DATABASE_URL",
    ),
    (asyncpg.DiskFullError, "make room on the database's disk, and migrate again"),
    (asyncpg.ReadOnlySQLTransactionError, "migrate at the primary"),
    (asyncpg.DuplicateTableError, f"it is {_ELSEWHERE}"),
    (
        asyncpg.UndefinedColumnError,
        "the directory is read by that column (the README lists them): add it, or keep that table out of "
        "the search_path in DATABASE_URL",
    ),
    (asyncpg.QueryCanceledError, "it took longer than 10 minutes: try again when it is quiet"),
)


_GRANT = (
    "GRANT SELECT, INSERT, UPDATE, DELETE on the chat's tables, or serve as the user who migrated"
)


class MigrationError(RuntimeError):
    """The database's history and ours differ, or the database refused a migration. One readable line."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of ``sql/migrations``."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return all migrations in order.

    Raises:
        MigrationError: a gap or a repetition in the numbers.
    """
    found = sorted(
        f.name
        for f in (files("chatserver.sql") / "migrations").iterdir()
        if f.name.endswith(".sql")
    )
    for expected, name in enumerate(found, start=1):
        if not name.startswith(f"{expected:04d}_"):
            raise MigrationError(f"sql/migrations/{name}: expected number {expected:04d}")
    folder = files("chatserver.sql") / "migrations"
    return [
        Migration(int(name[:4]), name.removesuffix(".sql"), (folder / name).read_text("utf-8"))
        for name in found
    ]


def our_tables() -> list[str]:
    """Return the names of the tables that migrations make; those of the directory may be the main back end's."""
    return [name for migration in migrations() for name in _TABLE.findall(migration.sql)]


async def migrate(
    dsn: str, settings: DatabaseSettings | None = None, *, lock_timeout: float = 30.0
) -> list[str]:
    """Bring the database up to date; returns the names of the migrations that were applied.

    Several processes may call it at once: one works, the others wait `lock_timeout` seconds at most. Behind a
    pooler, where no lock outlives a transaction, they take turns.

    Args:
        settings: how to connect; None is as `DATABASE_URL` alone would have it.

    Raises:
        ConfigError, DatabaseAwayError: the database cannot be reached, or cannot be ours.
        MigrationError: an applied migration was changed since, or one failed.
    """
    settings = settings or _settings_of(dsn)
    connection = await Connector(settings, dsn).connect(name="chatserver migrate", is_patient=True)
    try:
        await check(connection, settings)
        if not settings.through_pooler:
            await _begin_alone(connection, lock_timeout)
        # The lock of the session ends with it.
        return await _migrate(connection, lock_timeout)
    except DatabaseAwayError:
        raise
    except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError) as error:
        raise DatabaseAwayError(
            f"{Names.of(settings).host} leads to a database that was lost in the middle of it: migrate again"
        ) from error
    finally:
        await farewell(connection)


async def _begin_alone(connection: _Connection, lock_timeout: float) -> None:
    async with _transaction(connection, lock_timeout):
        await connection.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")


@asynccontextmanager
async def _transaction(
    connection: _Connection, lock_timeout: float, what: str = ""
) -> AsyncIterator[None]:
    """Run a transaction that never waits for long with locks held, and leaves nothing in a pooler's session.

    Raises:
        MigrationError: what PostgreSQL refused; `what` was done.
    """
    try:
        async with connection.transaction():
            # set_config takes parameters, SET LOCAL does not.
            await connection.execute(
                "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', '600000', true)",
                f"{lock_timeout * 1000:.0f}",
            )
            yield
    except asyncpg.PostgresConnectionError:
        raise
    except asyncpg.PostgresError as error:
        raise MigrationError(_explained(error, what)) from error


def _explained(error: asyncpg.PostgresError, what: str) -> str:
    said = " ".join(str(error).split())
    about = f"{what}: {said}" if what else said
    if isinstance(error, asyncpg.LockNotAvailableError):
        if not what:
            return "another migration holds the lock; try again when it is done"
        return f"{about}; somebody uses what is to be changed: try again when it is quiet"
    for kind, remedy in _REMEDIES:
        if isinstance(error, kind):
            return f"{about}; {remedy}"
    return about


async def _migrate(connection: _Connection, lock_timeout: float) -> list[str]:
    async with _transaction(connection, lock_timeout, "schema_migrations"):
        await _lock(connection)
        await connection.execute(_HISTORY)
    applied = []
    for migration in await _pending(connection):
        async with _transaction(connection, lock_timeout, migration.name):
            await _lock(connection)
            if migration not in await _pending(connection):
                continue  # somebody else's turn came first
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.checksum,
            )
        applied.append(migration.name)
    async with _transaction(connection, lock_timeout, "the directory"):
        await _lock(connection)
        # The main back end's tables may have come, gone or changed type since, and collations too.
        await connection.execute("SELECT bind_directory()")
    return applied


async def _lock(connection: _Connection) -> None:
    """Take the lock until the end of the transaction; a session that has it already has it once more."""
    await connection.execute(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")


async def pending(connection: _Connection) -> list[str]:
    """Return the names of the migrations that `connection`'s database lacks.

    Raises:
        MigrationError: as `migrate`.
    """
    return [migration.name for migration in await _pending(connection)]


async def _pending(connection: _Connection) -> list[Migration]:
    found = await connection.fetchrow(_FOUND)
    if found is not None and not found["is_ours"] and found["is_where_ours_would_be"]:
        raise MigrationError(f"the table schema_migrations is {_ELSEWHERE}")
    if found is None or not found["is_ours"]:
        return migrations()
    rows = await connection.fetch("SELECT version, name, checksum FROM schema_migrations")
    applied = {row["version"]: row["checksum"] for row in rows}
    known = migrations()
    if any(row["version"] == 1 and row["name"] != known[0].name for row in rows):
        raise MigrationError(
            "the database was made before the first release, whose tables are others: use a new, empty one "
            "(in development, remove the directory .chatserver and start again)"
        )
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{migration.name} was applied in another form; applied files never change: "
                "run the release that the database belongs to, or restore it (in development, remove the "
                "directory .chatserver and start again)"
            )
    # A newer release may have run already (a rolling deploy): its extra migrations are none of our business.
    return [migration for migration in known if migration.version not in applied]


async def pending_at(dsn: str, settings: DatabaseSettings | None = None) -> list[str]:
    """Return what is `pending` of the database `dsn`, which must be one that can be served from.

    Raises:
        ConfigError, DatabaseAwayError: the database cannot be reached, or cannot be ours.
        MigrationError: as `migrate`; or the tables are there, and are not for us to use.
    """
    settings = settings or _settings_of(dsn)
    names = Names.of(settings)
    connection = await Connector(settings, dsn).connect()
    try:
        await check(connection, settings)
        missing = await pending(connection)
        if not missing and (barred := await tables_without_rights(connection, our_tables())):
            raise MigrationError(
                f"{names.user} names a user who may not read and write {', '.join(barred)}: {_GRANT}"
            )
        return missing
    except asyncpg.InsufficientPrivilegeError as error:
        raise MigrationError(
            f"{names.user} names a user who may not read the chat's tables ({error}): {_GRANT}"
        ) from error
    except DatabaseAwayError:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise explained(error, settings, Connector(settings, dsn).address.places[0]) from error
    finally:
        await farewell(connection)


def _settings_of(dsn: str) -> DatabaseSettings:
    return load_database(Reader({"DATABASE_URL": dsn}), production=False)
