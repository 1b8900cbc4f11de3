"""Says what keeps us from PostgreSQL, in a line for people: the variable, the cause, the remedy; no password."""

import asyncio
import errno
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from chatserver.config import ConfigError, DatabaseSettings

# What asyncpg raises where no connection can be made. Another server than PostgreSQL makes it fail in any way.
FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    ValueError,
    LookupError,
    AssertionError,
)

# Where a password belongs.
IN_THE_URL = "write user:password@ before the host"

_QUOTED = re.compile(r'parameter "([A-Za-z_][A-Za-z0-9_.]{0,63})"|^(role) "')
_STARTUP = re.compile(r"unsupported startup parameter(?: in options)?: ([A-Za-z0-9_.]{1,64})")
# PgBouncer's words, all under the code of a protocol violation.
_AUTHENTICATION = re.compile(r"auth(entication)? failed")
_DATABASE = re.compile(r"no such database|database \S+ does not exist")
_ERRNO = re.compile(r"\[Errno (\d+)\]")
# What PostgreSQL answers with one letter ("SSL Session Encryption"), and how long we wait for it (s).
_SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"
_GLANCE = 0.5
_POOLER = "write 0 there where DATABASE_URL leads to a transaction pooler, as it seems to"


class DatabaseAwayError(ConnectionError):
    """PostgreSQL cannot serve now, or not as it is set up. The message is one line for people, without secrets."""


@dataclass(frozen=True, slots=True)
class Names:
    """The variables that set the parts of a connection, so that a line can begin with the right one."""

    host: str
    password: str
    user: str
    database: str
    tls: str

    @classmethod
    def of(cls, settings: DatabaseSettings) -> "Names":
        """Return the variables that are in use for these settings."""
        if settings.dsn is None:
            embedded = "the embedded PostgreSQL"
            return cls(embedded, embedded, embedded, embedded, embedded)
        if settings.of_parts:
            return cls("DB_HOST", "DB_PASS", "DB_USER", "DB_NAME", "DB_SSL")
        url = "DATABASE_URL"
        return cls(url, url, url, url, settings.tls_variable)


def explained(
    error: BaseException,
    settings: DatabaseSettings,
    place: tuple[str, int],
    *,
    has_password: bool = True,
) -> ConfigError | DatabaseAwayError:
    """Return the line about `error`, met while connecting to `place`: a ConfigError where a setting is wrong.

    Args:
        has_password: whether the settings give one.
    """
    host, port = place
    where = _where(host, port)
    names = Names.of(settings)
    if isinstance(error, asyncpg.InvalidPasswordError) and not has_password:
        return ConfigError(_no_password(names, where))
    for line in _settings_that_are_wrong(error, settings, names, where):
        return ConfigError(line)
    for line in _absences(error, settings, names, where):
        return DatabaseAwayError(line)
    if isinstance(error, asyncpg.PostgresError):
        return DatabaseAwayError(
            f"{names.host} leads to {where}, which refuses the connection: {said(error)}"
        )
    return DatabaseAwayError(_stranger(names, where))


def _where(host: str, port: int) -> str:
    if host.startswith("/"):
        return f"{host}/.s.PGSQL.{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def said(error: BaseException) -> str:
    """Return what the server says, without the details that PostgreSQL and asyncpg put behind it."""
    text = re.split(r"\n(?:DETAIL|HINT):", str(error), maxsplit=1)[0]
    return " ".join(text.split())[:200]


def _no_password(names: Names, where: str) -> str:
    remedy = "set it" if names.password == "DB_PASS" else IN_THE_URL  # noqa: S105
    return f"{names.password} gives no password, and {where} wants one: {remedy}"


def _stranger(names: Names, where: str) -> str:
    return (
        f"{names.host} leads to {where}, which does not answer as PostgreSQL does: "
        "correct the host and port"
    )


async def refuse_strangers(settings: DatabaseSettings, places: Sequence[tuple[str, int]]) -> None:
    """Where asyncpg waited for the rest of what is no message, or took it for a no, see what is said there.

    Raises:
        ConfigError: something else than PostgreSQL is there.
    """
    for host, port in places:
        answer = b""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_GLANCE):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    writer.write(_SSL_REQUEST)
                    answer = await reader.read(1)
                finally:
                    writer.close()
        if answer not in (b"", b"S", b"N", b"E"):
            raise ConfigError(_stranger(Names.of(settings), _where(host, port)))


def _settings_that_are_wrong(
    error: BaseException, settings: DatabaseSettings, names: Names, where: str
) -> Iterator[str]:
    text = str(error)
    quoted = _QUOTED.search(text)
    named = (quoted[1] or quoted[2]) if quoted else "one of its parameters"
    if isinstance(error, asyncpg.InvalidPasswordError) or _AUTHENTICATION.search(text):
        yield f"{names.password} has a password that {where} refuses: correct the user and password"
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        yield from _refusals(text, settings, names, where)
    if isinstance(error, asyncpg.InvalidCatalogNameError) or _DATABASE.search(text):
        yield (
            f"{names.database} names a database that {where} does not have: correct the name, or create it "
            "(CREATE DATABASE … ENCODING 'UTF8')"
        )
    if isinstance(error, asyncpg.UndefinedObjectError):
        yield f"DATABASE_URL has {named}, which {where} does not know: leave it out, or correct it"
    if isinstance(
        error,
        (
            asyncpg.InvalidParameterValueError,
            asyncpg.CantChangeRuntimeParamError,
            asyncpg.PostgresSyntaxError,
        ),
    ):
        yield f"DATABASE_URL has a value of {named} that {where} refuses: correct it, or leave it out"
    if isinstance(error, asyncpg.InsufficientPrivilegeError) and "parameter" in text:
        yield f"DATABASE_URL has {named}, which that user may not set: leave it out"
    yield from _pooler_rules(error, settings)
    yield from _tls(error, names, where)


def _refusals(text: str, settings: DatabaseSettings, names: Names, where: str) -> Iterator[str]:
    if "does not exist" in text or "no such user" in text:
        yield f"{names.user} names a user that {where} does not know: correct it, or CREATE ROLE … LOGIN"
    elif "not permitted to log in" in text:
        yield f"{names.user} names a user that may not log in at {where}: run ALTER ROLE … LOGIN"
    elif "pg_hba.conf" in text and "no encryption" in text and settings.tls == "disable":
        yield (
            f"{names.tls} asks for no encryption, but {where} requires it: write "
            f"{'DB_SSL=true' if names.tls == 'DB_SSL' else 'sslmode=verify-full'}, or allow it in its pg_hba.conf"
        )
    elif "pg_hba.conf" in text:
        yield (
            f"{names.host} leads to {where}, which does not let that user into that database from here: "
            "allow it in its pg_hba.conf, or correct the user and the database's name"
        )
    else:
        yield f"{names.user} names a user that {where} refuses: correct the user and password"


def _pooler_rules(error: BaseException, settings: DatabaseSettings) -> Iterator[str]:
    if found := _STARTUP.search(str(error)):
        if settings.through_pooler:
            yield (
                f"DATABASE_URL has {found[1]}, which the pooler refuses: leave it out, and give it to the role "
                f"(ALTER ROLE … SET {found[1]} = …)"
            )
        else:
            yield f"DB_STATEMENT_CACHE_SIZE must be 0 behind a pooler, and DATABASE_URL leads to one ({found[0]})"
    if isinstance(
        error, (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)
    ):
        yield (
            f"DB_STATEMENT_CACHE_SIZE is {settings.statement_cache_size}, but prepared statements get lost: "
            f"{_POOLER}"
        )


def _tls(error: BaseException, names: Names, where: str) -> Iterator[str]:
    by_url = names.tls == "DATABASE_URL"
    if isinstance(error, ssl.SSLCertVerificationError):
        anybody = "sslmode=require" if by_url else "DB_SSL=no-verify"
        if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH
            remedy = (
                "write the host's name as the certificate has it, or sslmode=verify-ca in the URL, which looks at "
                "the authority alone"
            )
        elif error.verify_code == 10:  # X509_V_ERR_CERT_HAS_EXPIRED
            remedy = "renew it there"
        else:
            remedy = (
                "name the file of its authority in DATABASE_URL (sslrootcert=/path/ca.pem), or write "
                f"{anybody}, which encrypts and trusts anybody"
            )
        yield (
            f"{names.tls} asks for a certificate that can be verified, and that of {where} can't be "
            f"({error.verify_message}): {remedy}"
        )
    elif isinstance(error, ssl.SSLError):
        reason = (error.reason or "no reason is given").lower().replace("_", " ")
        yield (
            f"{names.tls} asks for TLS, which fails with {where} ({reason}): see which versions it speaks, and "
            "whether it wants a certificate of ours (sslcert and sslkey in DATABASE_URL)"
        )
    elif "rejected SSL upgrade" in str(error):
        plain = "sslmode=disable" if by_url else "DB_SSL=false"
        yield f"{names.tls} asks for TLS, which {where} does not speak: set ssl = on there, or write {plain}"


def _absences(
    error: BaseException, settings: DatabaseSettings, names: Names, where: str
) -> Iterator[str]:
    seconds = f"{settings.connection_timeout:g}"
    if isinstance(error, TimeoutError) and not _number(error):
        yield (
            f"{names.host} leads to {where}, where nothing answers within {seconds} s (DB_CONNECTION_TIMEOUT): "
            "correct the host and port, or let the firewalls on the way pass it"
        )
    if isinstance(error, asyncpg.TooManyConnectionsError) or "no more connections" in str(error):
        yield (
            f"{names.host} leads to {where}, which has no connection left: close some, raise its max_connections "
            "(or the CONNECTION LIMIT of that role or database), or lower DB_MAX_CONNECTIONS"
        )
    if isinstance(error, asyncpg.CannotConnectNowError):
        yield (
            f"{names.host} leads to {where}, which takes no connections now ({said(error)}): "
            "wait until it does"
        )
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        # In another language than English, the server's own words have to do.
        if "for database" in str(error):
            yield (
                f"{names.user} names a user that may not connect to that database at {where}: run "
                "GRANT CONNECT ON DATABASE …"
            )
        yield f"{names.user} names a user that lacks a right at {where} ({said(error)}): GRANT it"
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        yield (
            f"{names.host} leads to {where}, which is a standby or read-only: name the primary, or promote one"
        )
    if isinstance(error, asyncpg.ProtocolViolationError):
        yield f"{names.host} leads to {where}, a pooler that has no server for us ({said(error)}): see its log"
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        yield f"{names.host} names a host that can't be looked up now ({where}): check this machine's DNS"
    elif isinstance(error, socket.gaierror):
        # No setting for sure: the name of a container that is down is unknown, too.
        yield f"{names.host} names a host that does not exist ({where}): correct it, or start it"
    cause = {
        errno.ECONNREFUSED: "where nothing listens: start PostgreSQL there, or correct the host and port",
        errno.EHOSTUNREACH: "to which there is no route: correct the host, or check the network",
        errno.ENETUNREACH: "to which there is no route: correct the host, or check the network",
        errno.ETIMEDOUT: "where nothing answers: correct the host and port, or check the network",
        errno.ENOENT: "where there is no socket: start PostgreSQL, or correct the directory and port",
        errno.ENOTDIR: "where there is no socket: correct the directory and port",
        errno.EACCES: "a socket that this account may not open: allow it, or connect by TCP",
        errno.EMFILE: "but this process has no open file left: raise the limit (ulimit -n)",
    }.get(_number(error) or 0)
    if cause:
        yield f"{names.host} leads to {where}, {cause}"
    if isinstance(error, (ConnectionError, asyncpg.PostgresConnectionError)):
        yield (
            f"{names.host} leads to {where}, which closes the connection without an answer: make sure that it is "
            "PostgreSQL, and read its log"
        )


def _number(error: BaseException) -> int | None:
    """Return the errno; of several addresses that were tried, the last one's."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = _ERRNO.findall(str(error)) if isinstance(error, OSError) else []
    return int(found[-1]) if found else None
