"""Says what keeps us from Redis, in a line for people: the variable, the cause, the remedy; and no password."""

import asyncio
import errno
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

from chatserver.config import ConfigError, Settings
from chatserver.redis.client import close_client, redis_client

FAILURES = (RedisError, OSError, TimeoutError, ValueError, TypeError)

_PATIENCE = 2.0
# What a server says begins with a word in capitals, which is fit to be shown; the rest may quote anything.
_CODE = re.compile(r"[A-Z]{2,20}\b")
_CAUSES = {
    errno.ECONNREFUSED: "where nothing listens: start Redis there, or correct the host and port",
    errno.EHOSTUNREACH: "to which there is no route: correct the host, or check the network",
    errno.ENETUNREACH: "to which there is no route: correct the host, or check the network",
    errno.ETIMEDOUT: "where nothing answers: correct the host and port, or check the network",
    errno.ENOENT: "where there is no socket: start Redis, or correct the path",
    errno.EACCES: "a socket that this account may not open: allow it, or connect by TCP",
    errno.ECONNRESET: "which closes the connection: make sure that it is Redis, and read its log",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One line for people, and whether a setting is wrong, so that waiting does not help."""

    line: str
    is_setting: bool


async def check(settings: Settings) -> None:
    """Check that nothing in the settings keeps us from Redis. A Redis that is away may come later.

    Raises:
        ConfigError: Redis is there, and will not have us; or it is not Redis.
    """
    if settings.redis_url is None:
        return
    trouble = await at_first_sight(settings.redis_url, settings.redis_variable)
    if trouble is None:
        redis = redis_client(settings.redis_url, timeout=_PATIENCE)
        try:
            async with asyncio.timeout(_PATIENCE):
                await redis.ping()
        except FAILURES as error:
            trouble = await probed(error, settings.redis_url, settings.redis_variable)
        finally:
            await close_client(redis)
    if trouble and trouble.is_setting:
        raise ConfigError(trouble.line)


async def at_first_sight(url: str, variable: str) -> Trouble | None:
    """Return what is wrong where TLS is asked for and cannot be spoken, before the client tries."""
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return None
    host, port = parts.hostname or "localhost", parts.port or 6379
    error = await _handshake(host, port)
    if error is None:
        return None
    if await _speaks_plainly(host, port):
        return Trouble(
            f"{variable} asks for TLS, which {host}:{port} does not speak: write redis://, or turn TLS on there",
            is_setting=True,
        )
    if isinstance(
        error, ConnectionAbortedError
    ):  # asyncio's word for a handshake without an answer
        error = TimeoutError()
    return explained(error, url, variable)


async def probed(error: BaseException, url: str, variable: str) -> Trouble:
    """Return the line about `error`; where TLS may be what is missing, it is tried."""
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port or 6379
    is_silent = any(
        isinstance(each, (TimeoutError, ConnectionResetError)) or "losed" in str(each)
        for each in _chain(error)
    )
    if parts.scheme == "redis" and is_silent and await _handshake(host, port) is None:
        line = f"{variable} leads to {host}:{port}, which speaks TLS alone: write rediss://"
        return Trouble(line, is_setting=True)
    return explained(error, url, variable)


def explained(error: BaseException, url: str, variable: str = "REDIS_URL") -> Trouble:
    """Return the line about `error`, met while speaking to the Redis that `url` leads to."""
    where = _where(url)
    for line in _settings_that_are_wrong(error, variable, where):
        return Trouble(line, is_setting=True)
    for each in _chain(error):
        if isinstance(each, socket.gaierror):
            # No setting for sure: the name of a container that is down is unknown, too.
            line = (
                f"{variable} names a host that can't be looked up now ({where}): check this machine's DNS"
                if each.errno == socket.EAI_AGAIN
                else f"{variable} names a host that does not exist ({where}): correct it"
            )
            return Trouble(line, is_setting=False)
        cause = _CAUSES.get(each.errno or 0) if isinstance(each, OSError) else None
        if cause:
            return Trouble(f"{variable} leads to {where}, {cause}", is_setting=False)
    return Trouble(f"{variable} leads to {where}, {_absence(error)}", is_setting=False)


def _absence(error: BaseException) -> str:
    text = str(error)
    if any(isinstance(each, TimeoutError) for each in _chain(error)) or "imeout" in text:
        return "where nothing answers in time: correct the host and port, or let the firewalls on the way pass it"
    if "max number of clients" in text:
        return "which has no connection left: close some, or raise its maxclients"
    if "closed" in text:
        return "which closes the connection without an answer: make sure that it is Redis, and read its log"
    if "master" in text.lower():
        return "whose Sentinels know no master of that name now: correct the name, or check the Sentinels"
    code = _CODE.match(text)
    if code is None and isinstance(error, RedisConnectionError):
        return "which closes the connection: make sure that it is Redis, and read its log"
    return (
        f"which refuses the connection ({code[0] if code else 'no reason is given'}): read its log"
    )


def is_full(error: BaseException) -> bool:
    """Return whether Redis refused to write since its memory is full. Redis 6 says so further on, of a script."""
    return isinstance(error, OutOfMemoryError) or "-OOM " in str(error)


def briefly(error: BaseException) -> str:
    """Return what kept a Redis that was well from answering, without a value that it may quote."""
    if any(isinstance(each, (TimeoutError, RedisTimeoutError)) for each in _chain(error)):
        return "no answer came in time"
    if is_full(error):
        return "its memory is full: raise maxmemory there, or make room"
    # The client takes the codes that it knows away from the text.
    code = getattr(error, "status_code", None) or str(error)
    if found := _CODE.match(code):
        return f"it refuses ({found[0]}): read its log"
    return "the connection was lost"


def _settings_that_are_wrong(error: BaseException, variable: str, where: str) -> Iterator[str]:
    text = str(error)
    if isinstance(error, AuthenticationError):
        if "HELLO" in text or "NOAUTH" in text or "required" in text.lower():
            yield f"{variable} has no password, but {where} wants one: write redis://:password@host:port"
        elif "without any password configured" in text:
            yield f"{variable} has a password, but {where} has none: leave it out, or set requirepass there"
        yield f"{variable} has a user or password that {where} refuses: correct the user and password"
    if isinstance(error, NoPermissionError):
        yield (
            f"{variable} names a user that may not run the commands needed at {where}: allow all commands "
            "(ACL SETUSER … +@all)"
        )
    if "DB index" in text or "SELECT is not allowed" in text:
        yield f"{variable} names a database that {where} does not have: write /0 behind the host"
    if "protected mode" in text:
        yield (
            f"{variable} leads to {where}, which lets nobody in from another machine without a password: set "
            "requirepass there"
        )
    if isinstance(error, InvalidResponse):
        yield f"{variable} leads to {where}, which is not Redis: correct the host and port"
    if isinstance(error, (ValueError, TypeError)):
        yield f"{variable} can't be used as it is: write redis://:password@host:6379, or rediss:// for TLS"
    if found := _certificate(error):
        yield (
            f"{variable} asks for a certificate that can be verified, and that of {where} can't be "
            f"({found.verify_message}): {_remedy(found)}"
        )
    for each in _chain(error):
        if isinstance(each, FileNotFoundError) and not where.startswith("/"):
            yield (
                f"{variable} names a certificate file that is not there: correct ssl_ca_certs, ssl_certfile or "
                "ssl_keyfile"
            )
        if isinstance(each, ssl.SSLError):
            reason = (each.reason or "no reason is given").lower().replace("_", " ")
            yield (
                f"{variable} asks for TLS, which fails with {where} ({reason}): make sure that it speaks TLS, and "
                "see whether it wants a certificate of ours (ssl_certfile and ssl_keyfile)"
            )


def _remedy(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH
        return "write the host's name as the certificate has it, or add ?ssl_check_hostname=false"
    if error.verify_code == 10:  # X509_V_ERR_CERT_HAS_EXPIRED
        return "renew it there"
    return (
        "name the file of its authority (?ssl_ca_certs=/path/ca.pem), or write ?ssl_cert_reqs=none, which "
        "encrypts and trusts anybody"
    )


def _certificate(error: BaseException) -> ssl.SSLCertVerificationError | None:
    return next(
        (each for each in _chain(error) if isinstance(each, ssl.SSLCertVerificationError)), None
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what it came of: the client wraps what the system says."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _where(url: str) -> str:
    """Return the place without the account."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    place = parts.netloc.rpartition("@")[2] or "localhost"
    return place if re.search(r":\d+$", place) else f"{place}:6379"


async def _speaks_plainly(host: str, port: int) -> bool:
    """Return whether something answers there as Redis does, in plain text."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"PING\r\n")
                return (await reader.read(1)) in (b"+", b"-")
            finally:
                writer.close()
    return False


async def _handshake(host: str, port: int) -> BaseException | None:
    """Return why no TLS can be spoken there; None where it can.

    The client's own handshake, cut off by a time-out, would leave its socket open for a minute.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(2 * _PATIENCE):
            _, writer = await asyncio.open_connection(
                host, port, ssl=context, ssl_handshake_timeout=_PATIENCE / 2
            )
            writer.close()
    except (OSError, TimeoutError) as error:
        return error
    return None
