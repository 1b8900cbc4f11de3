"""Makes all connections to PostgreSQL, by the settings' rules, a pooler's among them.

A connection made elsewhere would lack one of: the encryption that `sslmode` asks for, the time-outs, no
prepared statement that outlives its transaction behind a pooler, and a line for people where it fails.
"""

import os
import ssl
import stat
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

import asyncpg

from chatserver.config import Address, ConfigError, DatabaseSettings, UnusableError, parse_dsn
from chatserver.store.connection import DatabaseConnection
from chatserver.store.keepalive import keep_alive
from chatserver.store.tls import client_context
from chatserver.store.trouble import FAILURES, DatabaseAwayError, explained, refuse_strangers

C = TypeVar("C", bound="asyncpg.Connection[asyncpg.Record]")


class Connector:
    """Connects to the database `dsn`.

    Raises:
        ConfigError: a certificate file cannot be used, or the DSN cannot.
    """

    # Of several hosts the one that served this process last, which is asked first: one that is gone without a word
    # costs `connection_timeout`.
    _best: ClassVar[dict[tuple[tuple[str, int], ...], int]] = {}

    def __init__(self, settings: DatabaseSettings, dsn: str) -> None:
        self._settings = settings
        try:
            self.address = parse_dsn(dsn)
        except UnusableError as error:
            raise ConfigError(f"DATABASE_URL {error}") from None
        self._ssl = _ssl(settings, self.address)
        self._passfile = _passfile(self.address)

    async def connect(
        self, *, name: str = "chatserver", is_patient: bool = False
    ) -> "asyncpg.Connection[asyncpg.Record]":
        """Make a plain connection; see `connect_as`."""
        try:
            return await self.connect_as(DatabaseConnection, name=name, is_patient=is_patient)
        except (ConfigError, DatabaseAwayError) as error:
            if isinstance(error.__cause__, (TimeoutError, ConnectionError)):
                await refuse_strangers(self._settings, self.address.places)
            raise

    async def connect_as(
        self, kind: type[C], *, name: str = "chatserver", is_patient: bool = False
    ) -> C:
        """Make a connection, called `name` in `pg_stat_activity` where the URL says nothing else.

        Where `is_patient`, a query may take longer than the settings say.

        Of several hosts each has `connection_timeout`, and the first that takes writes is ours.

        Raises:
            ConfigError: a setting is wrong, by the word of the server.
            DatabaseAwayError: the server is away, or refuses us as it is now.
        """
        places = self.address.places
        failed: Exception | None = None
        for turn in range(len(places)):
            number = (self._best.get(places, 0) + turn) % len(places)
            try:
                connection = await self._connect(kind, places[number], name, is_patient)
            except FAILURES as error:
                failed = explained(
                    error,
                    self._settings,
                    places[number],
                    has_password=bool(self.address.password or os.environ.get("PGPASSWORD")),
                )
                failed.__cause__ = error
                # As libpq has it: a refusal of the user or password counts for all hosts.
                if isinstance(failed, ConfigError) and isinstance(error, asyncpg.PostgresError):
                    raise failed from error
            else:
                self._best[places] = number
                return connection
        assert failed is not None
        raise failed

    async def _connect(
        self, kind: type[C], place: tuple[str, int], name: str, is_patient: bool
    ) -> C:
        settings, address = self._settings, self.address
        several = len(address.places) > 1
        attributes = address.target_session_attrs
        options: dict[str, Any] = {
            "host": place[0],
            "port": place[1],
            "user": address.user,
            "password": address.password,
            "database": address.database,
            "passfile": self._passfile,
            "ssl": self._ssl,
            "direct_tls": address.direct_tls or None,
            "timeout": settings.connection_timeout,
            "command_timeout": None if is_patient else settings.query_timeout,
            "statement_cache_size": settings.statement_cache_size,
            "server_settings": session_settings(settings, address, name),
            "target_session_attrs": (
                "read-write" if several and attributes == "any" else attributes
            ),
            "krbsrvname": address.krbsrvname,
            "gsslib": address.gsslib,
        }
        connection: C = await asyncpg.connect(
            _advisory(settings, address), connection_class=kind, **options
        )
        keep_alive(connection, address.keepalive)
        if settings.through_pooler:
            # asyncpg turns jit off for its look at types, and on again in another transaction: another session's.
            known: Any = connection
            known._server_caps = known._server_caps._replace(jit=False)
        return connection


async def farewell(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Close a connection, in two seconds at most."""
    try:
        await connection.close(timeout=2)
    except FAILURES:
        connection.terminate()


def _ssl(settings: DatabaseSettings, address: Address) -> ssl.SSLContext | bool | str:
    """Return what asyncpg takes as `ssl`. Never None: it would then follow PGSSLMODE."""
    if settings.tls == "disable":
        return False
    context = client_context(settings.tls, address)
    return settings.tls if settings.tls in ("allow", "prefer") else context


def _passfile(address: Address) -> str | None:
    """Return the file to look a password up in, where none is given; as libpq, none that others may read.

    Raises:
        ConfigError: the file that the URL names cannot be used.
    """
    named = address.passfile or os.environ.get("PGPASSFILE")
    path = Path(named) if named else Path("~/.pgpass").expanduser()
    try:
        is_open = bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    except OSError as error:
        if address.passfile and address.password is None:
            raise ConfigError(
                f"DATABASE_URL names a passfile that can't be read ({error.strerror}): correct it"
            ) from None
        return address.passfile
    if is_open and address.passfile and address.password is None:
        raise ConfigError(
            "DATABASE_URL names a passfile that others may read, so it is not used: chmod 600 it"
        )
    # asyncpg would print a warning.
    return "/nonexistent/pgpass" if is_open else named


def _advisory(settings: DatabaseSettings, address: Address) -> str | None:
    """Return a DSN with the certificates alone, where asyncpg makes the context itself."""
    if settings.tls not in ("allow", "prefer"):
        return None
    kept = {key: value for key, value in address.tls.items() if key != "sslcrldir"}
    return f"postgresql://?{urlencode(kept)}" if kept else None


def session_settings(
    settings: DatabaseSettings, address: Address, name: str = "chatserver"
) -> dict[str, str]:
    """Return the settings of our sessions. PgBouncer knows the first two, and refuses a client with others."""
    asked = {"application_name": name, **address.session, "timezone": "UTC"}
    if settings.through_pooler:
        return asked
    ours = {
        # An ack means durable, whatever the database's default says.
        "synchronous_commit": "on",
        # A statement after a lock must see what was committed before it got the lock.
        "default_transaction_isolation": "read committed",
        # Our statements are short; compiling one costs more than running it.
        "jit": "off",
        # Planning costs more than running, too. Statements are written so that one plan fits all arguments and
        # sizes: look-ups by key, also where the tables were empty when the plan was made.
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        **asked,
    }
    if settings.statement_timeout is not None:
        ours["statement_timeout"] = f"{settings.statement_timeout * 1000:.0f}"
    return ours
