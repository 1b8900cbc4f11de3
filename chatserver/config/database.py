"""Reads the settings of PostgreSQL."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal, cast
from urllib.parse import quote, urlencode

from chatserver.config.dsn import URL_ADVICE, Address, UnusableError, parse_dsn
from chatserver.config.reader import Reader

# As `sslmode` has it in PostgreSQL's documentation ("SSL Mode Descriptions"); `no-verify` encrypts, and trusts
# anybody.
Tls = Literal["disable", "allow", "prefer", "no-verify", "require", "verify-ca", "verify-full"]

_TLS_OF_DB_SSL: dict[str, Tls] = {
    "true": "verify-full",
    "no-verify": "no-verify",
    "false": "disable",
}
_PARTS = ("DB_HOST", "DB_NAME", "DB_USER", "DB_PASS")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """How to reach PostgreSQL. Times are seconds.

    `dsn` is None where nothing is configured, in development only: the embedded PostgreSQL is
    meant. `idle_timeout` 0 keeps idle connections for good.
    """

    dsn: str | None = field(repr=False)
    # Whether DB_HOST and its like made the DSN, so that what is wrong with it is told by their names.
    of_parts: bool
    tls: Tls
    # The variable that `tls` comes from.
    tls_variable: str
    min_size: int
    max_size: int
    idle_timeout: float
    connection_timeout: float
    # None leaves it to the URL.
    statement_timeout: float | None
    query_timeout: float
    statement_cache_size: int

    @property
    def through_pooler(self) -> bool:
        """Without a statement cache we are behind a transaction pooler: a session's settings are not ours."""
        return self.statement_cache_size == 0


def load_database(read: Reader, *, production: bool) -> DatabaseSettings:
    """Read the database's settings; what is wrong with them is noted in `read`."""
    of_parts = read.text("DATABASE_URL") is None
    dsn, address = _address(read, production=production)
    min_size, max_size = read.number("DB_MIN_CONNECTIONS"), read.number("DB_MAX_CONNECTIONS")
    if read.text("DB_MIN_CONNECTIONS") is None:
        min_size = min(min_size, max_size)
    elif min_size > max_size:
        read.wrong("DB_MIN_CONNECTIONS", f"must be at most DB_MAX_CONNECTIONS, {max_size}")
    tls, tls_variable = _tls(read, address)
    connection_timeout = read.seconds("DB_CONNECTION_TIMEOUT")
    statement_timeout: float | None = read.seconds("DB_STATEMENT_TIMEOUT")
    if address is not None:
        if read.text("DB_CONNECTION_TIMEOUT") is None and (address.connect_timeout or 0) > 0:
            connection_timeout = float(address.connect_timeout or 0)
        asked = f"{[*address.session]} {address.session.get('options')}"
        if read.text("DB_STATEMENT_TIMEOUT") is None and "statement_timeout" in asked:
            statement_timeout = None
    return DatabaseSettings(
        dsn=dsn,
        of_parts=of_parts,
        tls=tls,
        tls_variable=tls_variable,
        min_size=min_size,
        max_size=max_size,
        idle_timeout=read.seconds("DB_IDLE_TIMEOUT"),
        connection_timeout=connection_timeout,
        statement_timeout=statement_timeout,
        query_timeout=read.seconds("DB_QUERY_TIMEOUT"),
        statement_cache_size=read.number("DB_STATEMENT_CACHE_SIZE"),
    )


def _address(read: Reader, *, production: bool) -> tuple[str | None, Address | None]:
    """Read the DSN. Returns it, and what it says."""
    name = "DATABASE_URL"
    dsn, port = read.text(name), read.number("DB_PORT")
    if dsn is None:
        name = "DB_HOST"
        dsn = _dsn_of_parts(read, port)
    if dsn is None:
        if production and not any(read.text(part) for part in _PARTS):
            read.lacking(
                "DATABASE_URL",
                f"is not set: {URL_ADVICE}, or set DB_HOST, DB_NAME and DB_USER",
            )
        return None, None
    try:
        return dsn, parse_dsn(dsn)
    except UnusableError as reason:
        read.wrong(name, str(reason))
        return None, None


def _dsn_of_parts(read: Reader, port: int) -> str | None:
    """Make the DSN of DB_HOST and the like; None where none of them is set, or one is missing."""
    host, database, user = (read.text(name) for name in ("DB_HOST", "DB_NAME", "DB_USER"))
    password = read.raw("DB_PASS")
    if not any(read.text(part) for part in _PARTS):
        return None
    if not (host and database and user):
        # Half a configuration is a mistake: without this, development would quietly
        # use the embedded database instead.
        for name in ("DB_HOST", "DB_NAME", "DB_USER"):
            if read.text(name) is None:
                read.wrong(name, "is not set: DB_HOST, DB_NAME and DB_USER are needed together")
        return None
    account = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    path = quote(database, safe="")
    if host.startswith("/"):
        where = urlencode({"host": host, "port": port}, quote_via=quote)
        return f"postgresql://{account}@/{path}?{where}"
    if (":" in host and not _is_ipv6(host)) or not set(host).isdisjoint("/@,?# "):
        read.wrong("DB_HOST", "must be a host alone: write its port in DB_PORT")
        return None
    place = f"[{host}]" if ":" in host else quote(host, safe="")
    return f"postgresql://{account}@{place}:{port}/{path}"


def _tls(read: Reader, address: Address | None) -> tuple[Tls, str]:
    """Return how the connection is encrypted, and which variable says so."""
    if read.text("DB_SSL") is not None:
        return _TLS_OF_DB_SSL[read.choice("DB_SSL")], "DB_SSL"
    if address is None or all(_is_local(host) for host, _ in address.places):
        default: Tls = "disable"
    else:
        default = "verify-full"
    if address is None or address.sslmode is None:
        return default, "DB_SSL"
    return cast("Tls", address.sslmode), "DATABASE_URL"


def _is_local(host: str) -> bool:
    """Return whether `host` is this machine: a Unix socket, localhost, 127.0.0.0/8 or ::1."""
    if host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True
