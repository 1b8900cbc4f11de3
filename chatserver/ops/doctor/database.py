"""Looks at PostgreSQL: whether it is reachable, durable, migrated, large enough, and has its people and keys."""

import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from chatserver.config import ConfigError, DatabaseSettings, Settings
from chatserver.core.crypto import Vault
from chatserver.ops.doctor.finding import Finding, fail, ok, warn
from chatserver.store import queries
from chatserver.store.connect import Connector, farewell
from chatserver.store.fitness import OLDEST, tables_without_rights
from chatserver.store.migrate import MigrationError, migrations, our_tables, pending
from chatserver.store.trouble import FAILURES, DatabaseAwayError, Names, explained, said

# Of the server's connections; the rest is the main back end's, and for who administers it.
_MOST_OF_SLOTS = 0.9
# Seconds between its clock and ours. Tokens are good for 30 s more or less.
_SKEW_WARN = 2.0
_SKEW_FAIL = 30.0
# Notifications that wait for so long (s) are tried in vain.
_WAITING = 900.0
# Segments of messages that the server builds in a moment when a search misses them.
_FEW_SEGMENTS = 100


async def examine(settings: Settings, workers: int) -> list[Finding]:
    """Connect as the server would, and report on the database."""
    database = settings.database
    if database.dsn is None:
        return [ok("database: none configured; `chatserver serve` starts an embedded one")]
    try:
        connector = Connector(database, database.dsn)
        connection = await connector.connect(name="chatserver doctor")
    except (ConfigError, DatabaseAwayError) as error:
        return [fail("database", str(error))]
    notes = [warn("DATABASE_URL", note) for note in connector.address.notes]
    findings = []
    try:
        async for finding in _Examination(connection, settings, workers).findings():
            findings.append(finding)  # noqa: PERF401 - what was found before it broke off is told too
    except FAILURES as error:
        trouble = explained(error, database, connector.address.places[0])
        findings.append(fail("database", f"the connection failed during the checks: {trouble}"))
    finally:
        await farewell(connection)
    return [*notes, *findings]


_GRANT = "GRANT SELECT, INSERT, UPDATE, DELETE on them, or use the role that ran the migrations"


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
        if server["jit"]:
            # Sessions of our own turn it off; so this one is a pooler's.
            yield warn("jit", "it is on, and costs more than it saves; ALTER ROLE … SET jit = off")
        if not (server["in_recovery"] or server["read_only"]):
            yield await self._room()
        names = Names.of(self._settings.database)
        try:
            missing = await pending(self._connection)
        except MigrationError as error:
            yield fail("migrations", str(error))
            return
        except asyncpg.InsufficientPrivilegeError as error:
            yield fail(
                "migrations",
                f"{names.user} names a user that may not read the chat's tables ({error}); {_GRANT}",
            )
            return
        if missing:
            yield fail("migrations", f"{', '.join(missing)} missing; run `chatserver migrate`")
            return
        newer = (await self._one("doctor_newest"))["version"] - len(migrations())
        if newer > 0:
            yield warn(
                "migrations",
                f"the database has {newer} of a newer release; unless a deployment is under way, deploy that "
                "release",
            )
        else:
            yield ok("migrations")
        if barred := await tables_without_rights(self._connection, our_tables()):
            yield fail(
                "rights",
                f"{names.user} names a user that may not read and write {', '.join(barred)}; {_GRANT}",
            )
        else:
            yield ok("rights")
        if shared := await self._connection.fetch(self._sql["doctor_open_schemas"]):
            listed = ", ".join(row["name"] for row in shared)
            yield warn(
                "schema",
                f"every role may create objects in {listed}, so its function could replace one that"
                f" the chat calls; run REVOKE CREATE ON SCHEMA {listed} FROM PUBLIC",
            )
        yield await self._directory()
        yield await self._keys()
        yield await self._push()
        yield await self._search()

    async def _room(self) -> Finding:
        """Check that there is room to write: make a temporary table of a megabyte, which goes again."""
        try:
            async with self._connection.transaction():
                await self._connection.execute(self._sql["doctor_room"])
        except asyncpg.InsufficientPrivilegeError:
            return ok("disk: not looked at (TEMPORARY is not granted)")
        except asyncpg.DiskFullError as error:
            return fail(
                "disk", f"the disk is full ({said(error)}); make room on the database's disk"
            )
        except asyncpg.ReadOnlySQLTransactionError as error:
            return fail("disk", f"nothing can be written ({said(error)}); point to the primary")
        except (asyncpg.PostgresSystemError, asyncpg.InsufficientResourcesError) as error:
            return fail(
                "disk",
                f"nothing can be written ({said(error)}); see whether the disk is read-only or broken",
            )
        return ok("disk: there is room to write")

    async def _directory(self) -> Finding:
        """Find which tables hold people, blocks, follows, revocations and products, and whether they answer."""
        tables = {
            row["name"]: row["type"]
            for row in await self._connection.fetch(self._sql["doctor_directory"])
        }
        bound = await self._one("doctor_bound")
        for name in ("users_auth", "user_profile_info"):
            if (name in tables) != (name in bound["source"]):
                state = (
                    "exists, but is not used" if name in tables else "is gone, but is still used"
                )
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
            return warn("directory", f"{table} is empty, so no token is accepted; add users to it")
        return ok(f"directory: {told}")

    async def _keys(self) -> Finding:
        """Check that our keys open what is stored, by a sample of the oldest and the newest messages."""
        ours = Vault(self._settings.encryption_keys).key_ids
        try:
            rows = await self._connection.fetch(self._sql["doctor_keys"])
        except asyncpg.InsufficientPrivilegeError:
            return warn(
                "keys", "the messages may not be read, so this was not looked at; see rights"
            )
        foreign = sorted(row["key_id"] for row in rows if row["key_id"] not in ours)
        if foreign:
            return fail(
                "keys",
                f"messages are sealed with a key that is not configured ({', '.join(foreign)}), so they cannot be "
                "read; put the old CHAT_ENCRYPTION_KEY into CHAT_ENCRYPTION_KEY_PREVIOUS",
            )
        return ok("keys: the keys of the stored messages are configured")

    async def _push(self) -> Finding:
        """Find out who is notified, by what, and whether notifications wait."""
        push = self._settings.push
        by = [
            name
            for name, is_set in (
                ("Web Push", push.vapid),
                ("Firebase", push.fcm),
                ("the hook", push.hook),
            )
            if is_set
        ]
        if not by:
            return ok("notifications: none configured (VAPID_*, FCM_CREDENTIALS, PUSH_HOOK_URL)")
        try:
            row = await self._one("doctor_push")
        except asyncpg.InsufficientPrivilegeError:
            return warn("notifications", "their tables may not be read; see rights")
        if row["oldest"] is not None and row["oldest"] > push.delay + _WAITING:
            return warn(
                "notifications",
                f"some have waited for {row['oldest'] / 60:.0f} minutes: see whether a server runs, and what "
                "`chatserver_notifications` says of each provider",
            )
        return ok(f"notifications: by {', '.join(by)}")

    async def _search(self) -> Finding:
        """Compare the segments that searches look through with the messages that there are."""
        try:
            found = await self._one("doctor_search")
        except asyncpg.InsufficientPrivilegeError:
            return ok("search: not looked at (see rights)")
        what = f"search: {found['built']} of {found['possible']} segments are built"
        if found["possible"] - found["built"] > max(_FEW_SEGMENTS, found["possible"] / 10):
            return warn(
                what, "first searches are slow until they are; run `chatserver search build`"
            )
        return ok(what)


def _version(server: asyncpg.Record) -> Finding:
    what = f"database: PostgreSQL {server['version']}"
    if server["version_num"] < OLDEST * 10_000:
        return fail(what, f"PostgreSQL {OLDEST} or later is needed; upgrade it")
    if server["encoding"] != "UTF8":
        return fail(
            what,
            f"its encoding is {server['encoding']}, not UTF8; create a database with ENCODING 'UTF8'",
        )
    return ok(what)


def _durability(server: asyncpg.Record, settings: Settings) -> Finding:
    """Check that a commit survives a crash, and a failover where there are standbys."""
    if not server["fsync"]:
        finding = warn if settings.is_development else fail
        return finding(
            "durability",
            "fsync is off, so a crash loses acknowledged messages; run ALTER SYSTEM SET fsync = on, and reload",
        )
    if server["synchronous_commit"] == "off":
        return fail(
            "durability",
            "synchronous_commit is off, so a crash loses acknowledged messages, and behind a pooler no "
            "session can change that; run ALTER ROLE … SET synchronous_commit = on",
        )
    if not server["full_page_writes"]:
        return warn("durability", "full_page_writes is off; a crash may damage pages: turn it on")
    if server["followers"] and not server["synchronous_standbys"]:
        return warn(
            "durability",
            "its standbys are asynchronous, so a failover loses the messages that were acknowledged last; "
            "set synchronous_standby_names",
        )
    return ok("durability: a commit is on disk when it is acknowledged")


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
    if server["isolation"] != "read committed":
        return fail(
            "writing",
            f"default_transaction_isolation is {server['isolation']}, and the log needs read committed; "
            "ALTER ROLE … RESET default_transaction_isolation",
        )
    return ok("writing")


def _slots(server: asyncpg.Record, database: DatabaseSettings, workers: int) -> Finding:
    if database.statement_cache_size == 0:
        return ok("connections: left to the pooler")
    wanted, slots = workers * database.max_size, server["slots"]
    what = f"connections: {workers} times DB_MAX_CONNECTIONS={database.max_size} of {slots}"
    if wanted > slots:
        return fail(what, "raise max_connections, lower DB_MAX_CONNECTIONS, or use a pooler")
    if wanted > slots * _MOST_OF_SLOTS:
        return warn(what, "this leaves little for the main back end; lower DB_MAX_CONNECTIONS")
    return ok(what)


def _clock(skew: float) -> Finding:
    what = f"clock: {abs(skew):.1f} s from the database's"
    remedy = "let NTP set both machines' clocks: tokens end by ours, and the edit window by the database's"
    if abs(skew) >= _SKEW_FAIL:
        return fail(what, remedy)
    if abs(skew) >= _SKEW_WARN:
        return warn(what, remedy)
    return ok(what)
