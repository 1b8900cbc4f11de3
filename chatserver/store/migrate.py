"""Plain numbered SQL files, each in a transaction of its own, under one advisory lock."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

# "chatsrv" in ASCII: any constant that other programs in the same database are unlikely to pick.
_ADVISORY_LOCK = 0x63686174737276

_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now())
"""


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
    """All migrations in order.

    Raises:
        MigrationError: a gap or a repetition in the numbers.
    """
    found = sorted(
        f.name for f in (files("sql") / "migrations").iterdir() if f.name.endswith(".sql")
    )
    for expected, name in enumerate(found, start=1):
        if not name.startswith(f"{expected:04d}_"):
            raise MigrationError(f"sql/migrations/{name}: expected number {expected:04d}")
    folder = files("sql") / "migrations"
    return [
        Migration(int(name[:4]), name.removesuffix(".sql"), (folder / name).read_text("utf-8"))
        for name in found
    ]


async def migrate(dsn: str, *, ssl: Any = None, lock_timeout: float = 30.0) -> list[str]:
    """Bring the database up to date; returns the names of the migrations that were applied.

    Several processes may call it at once: one works, the others wait `lock_timeout` seconds at most.

    Raises:
        MigrationError: an applied migration was changed since, or one failed.
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    connection = await asyncpg.connect(
        dsn, ssl=ssl, server_settings={"application_name": "chatserver migrate"}
    )
    try:
        # set_config takes parameters, SET does not. A migration never waits for long with locks held.
        await connection.execute(
            "SELECT set_config('lock_timeout', $1, false), set_config('statement_timeout', '600000', false)",
            f"{lock_timeout * 1000:.0f}",
        )
        try:
            await connection.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        except asyncpg.LockNotAvailableError:
            raise MigrationError(
                "another migration holds the lock; try again when it is done"
            ) from None
        try:
            return await _migrate(connection)
        finally:
            await connection.execute(f"SELECT pg_advisory_unlock({_ADVISORY_LOCK})")
    finally:
        await connection.close()


async def _migrate(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    await connection.execute(_HISTORY)
    pending = await _pending(connection)
    for migration in pending:
        try:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                    migration.version,
                    migration.name,
                    migration.checksum,
                )
        except asyncpg.PostgresError as error:
            raise MigrationError(f"{migration.name}: {error}") from error
    # The main back end's tables may have come, gone or changed type since.
    await connection.execute("SELECT bind_directory()")
    return [migration.name for migration in pending]


async def pending(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """The names of the migrations that `connection`'s database lacks.

    Raises:
        MigrationError: as `migrate`.
    """
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return [migration.name for migration in migrations()]
    return [migration.name for migration in await _pending(connection)]


async def _pending(connection: "asyncpg.Connection[asyncpg.Record]") -> list[Migration]:
    applied = {
        row["version"]: row["checksum"]
        for row in await connection.fetch("SELECT version, checksum FROM schema_migrations")
    }
    known = migrations()
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{migration.name} was applied in another form; applied files never change"
            )
    # A newer release may have run already (a rolling deploy): its extra migrations are none of our business.
    return [migration for migration in known if migration.version not in applied]


async def pending_at(dsn: str, *, ssl: Any = None) -> list[str]:
    """`pending` of the database `dsn`.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    connection = await asyncpg.connect(dsn, ssl=ssl)
    try:
        return await pending(connection)
    finally:
        await connection.close()
