"""PostgreSQL: reachable, durable, migrated, large enough, with the people and the keys that belong to it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from chatserver.config import ConfigError, DatabaseSettings, Settings
from chatserver.crypto import Vault
from chatserver.doctor.finding import Finding, fail, ok, warn
from chatserver.store import queries
from chatserver.store.database import session_settings
from chatserver.store.migrate import MigrationError, pending

# PostgreSQL 14 brought multiranges.
_OLDEST = 140_000
# Of the server's connections; the rest is the main back end's, and for who administers it.
_MOST_OF_SLOTS = 0.9
# Seconds between its clock and ours. Tokens are good for 30 s more or less.
_SKEW_WARN = 2.0
_SKEW_FAIL = 30.0

# What keeps us out, and what to do about it; the first that fits.
_REMEDIES: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.InvalidCatalogNameError, "create that database, or correct the name in DATABASE_URL"),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "correct the user and password in DATABASE_URL, or what pg_hba.conf allows",
    ),
    (asyncpg.TooManyConnectionsError, "close connections, or raise max_connections"),
    (
        ssl.SSLError,
        "its certificate is not trusted: name its authority in DATABASE_URL (sslrootcert=…), or check the "
        "host's name; DB_SSL=no-verify would trust anybody",
    ),
    (TimeoutError, "check the host and port in DATABASE_URL and the firewall before it"),
    (
        BaseException,
        "check DATABASE_URL, DB_SSL and that the server accepts connections",
    ),
)


async def examine(settings: Settings, workers: int) -> list[Finding]:
    """Look at it, as the server would use it."""
    database = settings.database
    if database.dsn is None:
        return [ok("database: none configured; `chatserver serve` starts an embedded one")]
    try:
        connection = await asyncpg.connect(
            database.dsn,
            ssl=database.ssl_context(),
            timeout=database.connection_timeout,
            command_timeout=database.query_timeout,
            statement_cache_size=database.statement_cache_size,
            server_settings=session_settings(database),
        )
    except ConfigError as error:
        return [fail("database", str(error))]
    except asyncpg.ProtocolViolationError as error:
        advice = "behind a pooler set DB_STATEMENT_CACHE_SIZE=0"
        return [fail("database", f"{error}; {advice}")]
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        remedy = next(remedy for kind, remedy in _REMEDIES if isinstance(error, kind))
        return [fail("database", f"{type(error).__name__}: {error}; {remedy}")]
    try:
        return [finding async for finding in _Examination(connection, settings, workers).findings()]
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return [fail("database", f"{type(error).__name__} in the middle of it: {error}; try again")]
    finally:
        await _close(connection)


async def _close(connection: Any) -> None:
    try:
        await asyncio.wait_for(connection.close(), 2)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        connection.terminate()


class _Examination:
    def __init__(self, connection: Any, settings: Settings, workers: int) -> None:
        self._connection = connection
        self._settings = settings
        self._workers = workers
        self._sql = queries.load()

    async def _one(self, name: str) -> asyncpg.Record:
        row: asyncpg.Record = await self._connection.fetchrow(self._sql[name])
        return row

    async def findings(self) -> AsyncIterator[Finding]:
        before = time.time()
        server = await self._one("doctor_server")
        skew = server["clock"].timestamp() - (before + time.time()) / 2
        for finding in (
            _version(server),
            _durability(server, self._settings),
            _writable(server),
            _slots(server, self._settings.database, self._workers),
            _clock(skew),
        ):
            yield finding
        try:
            missing = await pending(self._connection)
        except MigrationError as error:
            yield fail("migrations", str(error))
            return
        if missing:
            yield fail("migrations", f"{', '.join(missing)} missing; run `chatserver migrate`")
            return
        yield ok("migrations")
        yield await self._directory()
        yield await self._keys()

    async def _directory(self) -> Finding:
        """Whose tables the people, blocks, follows, revocations and products are in, and whether they answer."""
        tables = {
            row["name"]: row["type"]
            for row in await self._connection.fetch(self._sql["doctor_directory"])
        }
        bound = await self._one("doctor_bound")
        for name in ("users_auth", "user_profile_info"):
            if (name in tables) != (name in bound["source"]):
                state = "is there, and not used" if name in tables else "is gone, and still used"
                return fail("directory", f"{name} {state}; run `chatserver migrate`")
        try:
            await self._one("doctor_ask_directory")
            somebody = await self._one("doctor_somebody")
        except asyncpg.InsufficientPrivilegeError as error:
            return fail("directory", f"{error}; GRANT SELECT on it to the user in DATABASE_URL")
        except asyncpg.PostgresError as error:
            return fail(
                "directory", f"{error}; if the tables have changed, run `chatserver migrate`"
            )
        told = ", ".join(f"{name} ({kind})" for name, kind in tables.items() if kind)
        if not somebody["found"]:
            table = "users_auth" if "users_auth" in tables else "chat_users"
            return warn(
                "directory", f"nobody is in {table}, so no token is accepted; add users to it"
            )
        return ok(f"directory: {told}")

    async def _keys(self) -> Finding:
        """Whether the keys that we have open what is stored: a sample of the oldest and the newest."""
        ours = Vault(self._settings.encryption_keys).key_ids
        rows = await self._connection.fetch(self._sql["doctor_keys"])
        foreign = sorted(row["key_id"] for row in rows if row["key_id"] not in ours)
        if foreign:
            return fail(
                "keys",
                f"messages are sealed with a key that is not given ({', '.join(foreign)}), and cannot be "
                "read; put the old CHAT_ENCRYPTION_KEY into CHAT_ENCRYPTION_KEY_PREVIOUS",
            )
        return ok("keys: those of the stored messages are here")


def _version(server: asyncpg.Record) -> Finding:
    what = f"database: PostgreSQL {server['version']}"
    if server["version_num"] < _OLDEST:
        return fail(what, "PostgreSQL 14 or later is needed; upgrade it")
    if server["encoding"] != "UTF8":
        return fail(
            what, f"its encoding is {server['encoding']}; create a database with ENCODING 'UTF8'"
        )
    return ok(what)


def _durability(server: asyncpg.Record, settings: Settings) -> Finding:
    """An ack means durable: after a crash, and after a failover where there are standbys."""
    if not server["fsync"]:
        finding = warn if settings.is_development else fail
        return finding(
            "durability",
            "fsync is off, so a crash loses what was acknowledged; ALTER SYSTEM SET fsync = on, and reload",
        )
    if server["synchronous_commit"] == "off":
        return fail(
            "durability",
            "synchronous_commit is off, so a crash loses what was acknowledged, and behind a pooler no "
            "session can change that; ALTER ROLE … SET synchronous_commit = on",
        )
    if not server["full_page_writes"]:
        return warn("durability", "full_page_writes is off; a crash may damage pages: turn it on")
    if server["followers"] and not server["synchronous_standbys"]:
        return warn(
            "durability",
            "its standbys are asynchronous, so a failover loses what was acknowledged last; "
            "set synchronous_standby_names",
        )
    return ok("durability: a commit is on disk")


def _writable(server: asyncpg.Record) -> Finding:
    if server["in_recovery"]:
        return fail(
            "writing", "this is a standby, which is read-only; point DATABASE_URL to the primary"
        )
    if server["read_only"]:
        return fail(
            "writing",
            "default_transaction_read_only is on; turn it off for this role and database",
        )
    return ok("writing")


def _slots(server: asyncpg.Record, database: DatabaseSettings, workers: int) -> Finding:
    if database.statement_cache_size == 0:
        return ok("connections: the pooler's task")
    wanted, slots = workers * database.max_size, server["slots"]
    what = f"connections: {workers} times DB_MAX_CONNECTIONS={database.max_size} of {slots}"
    if wanted > slots:
        return fail(what, "raise max_connections, lower DB_MAX_CONNECTIONS, or use a pooler")
    if wanted > slots * _MOST_OF_SLOTS:
        return warn(what, "little is left for the main back end; lower DB_MAX_CONNECTIONS")
    return ok(what)


def _clock(skew: float) -> Finding:
    what = f"clock: {abs(skew):.1f} s from the database's"
    remedy = (
        "let NTP set the clocks of both machines: tokens end by ours, and the edit window by its"
    )
    if abs(skew) >= _SKEW_FAIL:
        return fail(what, remedy)
    if abs(skew) >= _SKEW_WARN:
        return warn(what, remedy)
    return ok(what)
