"""The database's part of the configuration."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from chatserver.config_secrets import ConfigError
from chatserver.config_table import Reader

Tls = Literal["off", "no-verify", "verify-ca", "verify-full"]

_TLS_OF_DB_SSL: dict[str, Tls] = {
    "true": "verify-full",
    "no-verify": "no-verify",
    "false": "off",
}

_URL_ADVICE = (
    "write postgresql://user:password@host:5432/name, "
    "with any of @ : / ? # % in the password percent-encoded"
)

_PARTS = ("DB_HOST", "DB_NAME", "DB_USER", "DB_PASS")

# One host[:port] of a URL: [IPv6], or anything without a colon.
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@]+)(?::\d{1,5})?")

# `require` verifies too: libpq's meaning (encrypt, trust anyone) has to be asked for by name.
_TLS_OF_SSLMODE: dict[str, Tls] = {
    "disable": "off",
    "no-verify": "no-verify",
    "require": "verify-full",
    "verify-ca": "verify-ca",
    "verify-full": "verify-full",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """How to reach PostgreSQL. Times are seconds.

    `dsn` is None where nothing is configured, in development only: the embedded PostgreSQL is
    meant. `idle_timeout` 0 keeps idle connections for good.
    """

    dsn: str | None = field(repr=False)
    tls: Tls
    min_size: int
    max_size: int
    idle_timeout: float
    connection_timeout: float
    statement_timeout: float
    query_timeout: float
    statement_cache_size: int

    @property
    def through_pooler(self) -> bool:
        """Without a statement cache we are behind a transaction pooler: a session's settings are not ours."""
        return self.statement_cache_size == 0

    def ssl_context(self) -> ssl.SSLContext | Literal[False]:
        """What asyncpg takes as `ssl`; reads the certificate files that the URL names.

        Never None: asyncpg would then follow PGSSLMODE, or "prefer", which falls back to plain.
        Raises ConfigError where a certificate file can't be read.
        """
        if self.tls == "off":
            return False
        options = dict(parse_qsl(urlsplit(self.dsn or "").query))
        authority = options.get("sslrootcert")
        try:
            # "system" is libpq's name for the certificates of the operating system.
            context = ssl.create_default_context(
                cafile=None if authority == "system" else authority
            )
            if "sslcert" in options:
                # The password is a string in any case, as OpenSSL would ask for it at the terminal.
                context.load_cert_chain(
                    options["sslcert"], options.get("sslkey"), options.get("sslpassword", "")
                )
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                "DATABASE_URL names a certificate file that can't be used "
                f"({error.strerror or error}): correct sslrootcert, sslcert or sslkey"
            ) from error
        context.check_hostname = self.tls == "verify-full"
        if self.tls == "no-verify":
            context.verify_mode = ssl.CERT_NONE
        return context


def load_database(read: Reader, *, production: bool) -> DatabaseSettings:
    """The database's settings; what is wrong with them is noted in `read`."""
    dsn, tls = _address(read, production=production)
    min_size, max_size = read.number("DB_MIN_CONNECTIONS"), read.number("DB_MAX_CONNECTIONS")
    if read.text("DB_MIN_CONNECTIONS") is None:
        min_size = min(min_size, max_size)
    elif min_size > max_size:
        read.wrong("DB_MIN_CONNECTIONS", f"must be at most DB_MAX_CONNECTIONS, {max_size}")
    return DatabaseSettings(
        dsn=dsn,
        tls=tls,
        min_size=min_size,
        max_size=max_size,
        idle_timeout=read.seconds("DB_IDLE_TIMEOUT"),
        connection_timeout=read.seconds("DB_CONNECTION_TIMEOUT"),
        statement_timeout=read.seconds("DB_STATEMENT_TIMEOUT"),
        query_timeout=read.seconds("DB_QUERY_TIMEOUT"),
        statement_cache_size=read.number("DB_STATEMENT_CACHE_SIZE"),
    )


def _address(read: Reader, *, production: bool) -> tuple[str | None, Tls]:
    """The DSN and how it is encrypted."""
    name = "DATABASE_URL"
    db_ssl = None if read.text("DB_SSL") is None else _TLS_OF_DB_SSL[read.choice("DB_SSL")]
    dsn, port = read.text(name), read.number("DB_PORT")
    if dsn is None:
        name = "DB_HOST"
        dsn = _dsn_of_parts(read, port)
    if dsn is None:
        if production and not any(read.text(part) for part in _PARTS):
            read.wrong(
                "DATABASE_URL",
                f"is not set: {_URL_ADVICE}, or set DB_HOST, DB_NAME and DB_USER",
            )
        return None, "off"
    try:
        hosts, sslmode = _hosts_and_sslmode(dsn)
        return dsn, db_ssl or _tls(hosts, sslmode)
    except _UnusableError as reason:
        read.wrong(name, str(reason))
        return None, "off"


def _dsn_of_parts(read: Reader, port: int) -> str | None:
    """The DSN that DB_HOST and its like make; None where none of them is set, or one is missing."""
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
        return f"postgresql://{account}@/{path}?{urlencode({'host': host, 'port': port})}"
    if ":" in host and not _is_ipv6(host):
        read.wrong("DB_HOST", "must be a host alone: write its port in DB_PORT")
        return None
    place = f"[{host}]" if ":" in host else quote(host, safe="")
    return f"postgresql://{account}@{place}:{port}/{path}"


class _UnusableError(Exception):
    """A DSN is wrong; the message continues a sentence that begins with the variable's name."""


def _hosts_and_sslmode(dsn: str) -> tuple[list[str], str | None]:
    """The hosts that asyncpg would try for `dsn`, and the sslmode it names.

    asyncpg's own complaints quote the URL, password included; so what it would stumble over is
    found here. Raises _UnusableError.
    """
    try:
        parts = urlsplit(dsn)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise _UnusableError(f"can't be read: {_URL_ADVICE}") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise _UnusableError(f"must begin with postgresql://: {_URL_ADVICE}")
    account, _, places = parts.netloc.rpartition("@")
    places = places or options.get("host", "")
    if not places:
        raise _UnusableError(
            f"names no host: {_URL_ADVICE}, or postgresql:///name?host=/directory/of/the/socket"
        )
    matches = [_PLACE.fullmatch(place) for place in places.split(",")]
    if "@" in account or parts.fragment or not options.get("port", "0").isdecimal():
        raise _UnusableError(f"can't be read: {_URL_ADVICE}")
    hosts = [unquote(match[1]).strip("[]") for match in matches if match]
    if len(hosts) < len(matches) or not all(hosts):
        raise _UnusableError(f"can't be read: {_URL_ADVICE}")
    return hosts, options.get("sslmode")


def _tls(hosts: list[str], sslmode: str | None) -> Tls:
    """How a connection to `hosts` is encrypted where DB_SSL does not say. Raises _UnusableError."""
    local = all(_is_local(host) for host in hosts)
    if sslmode is None or (local and sslmode in ("allow", "prefer")):
        return "off" if local else "verify-full"
    if sslmode in ("allow", "prefer"):
        raise _UnusableError(
            f"has sslmode={sslmode}, which may quietly fall back to plain text: "
            "write sslmode=verify-full, or sslmode=disable"
        )
    if sslmode not in _TLS_OF_SSLMODE:
        raise _UnusableError(f"has an unknown sslmode: write one of {', '.join(_TLS_OF_SSLMODE)}")
    return _TLS_OF_SSLMODE[sslmode]


def _is_local(host: str) -> bool:
    """Whether `host` is this machine: a Unix socket, localhost, 127.0.0.0/8 or ::1."""
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
