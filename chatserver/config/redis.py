"""Checks a Redis URL. The client would quote what is wrong with it, password included, or ignore it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from chatserver.config.dsn import UnusableError
from chatserver.config.reader import Reader

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel")
_ADVICE = "write redis://:password@host:6379"
_WORDS: dict[str, tuple[str, ...]] = {
    "ssl_cert_reqs": ("required", "optional", "none"),
    "ssl_check_hostname": ("true", "false"),
    "protocol": ("2", "3"),
}
_TLS = {
    *("ssl_cert_reqs", "ssl_check_hostname", "ssl_ca_certs", "ssl_ca_path"),
    *("ssl_certfile", "ssl_keyfile", "ssl_password"),
}
_ANY = {"db", "username", "password", "client_name", "protocol"}
# The client's own, which the server sets itself: it must never wait for Redis, nor read other than bytes.
_OURS = {
    *(
        "socket_timeout",
        "socket_connect_timeout",
        "socket_keepalive",
        "timeout",
        "retry_on_timeout",
    ),
    *(
        "health_check_interval",
        "max_connections",
        "decode_responses",
        "encoding",
        "encoding_errors",
    ),
}
_FOREIGN = {
    "database": "write db instead",
    "ssl": "write rediss:// instead",
    "tls": "write rediss:// instead",
    "sslmode": "write rediss:// instead",
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


def check_redis_url(url: str) -> None:
    """Check that the client understands `url` as it is meant.

    Raises:
        UnusableError
    """
    if not url.isprintable():
        raise UnusableError(f"has a line break or a control character: {_ADVICE}")
    if url[:1] in "'\"":
        raise UnusableError("stands in quotation marks: leave them out")
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in SCHEMES or not rest:
        raise UnusableError(f"must begin with {'://, '.join(SCHEMES)}://: {_ADVICE}")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UnusableError(_unreadable()) from None
    account, _, places = parts.netloc.rpartition("@")
    if parts.fragment or "@" in account or "@" in parts.query:
        raise UnusableError(_unreadable())
    _check_parameters(parts.query, scheme)
    if scheme == "unix":
        if not parts.path.strip("/"):
            raise UnusableError("names no socket: write unix:///run/redis.sock")
        return
    listed = places.split(",") if scheme == "redis+sentinel" else [places]
    for place in listed:
        _check_place(place)
    _check_path(parts.path, scheme)


def _unreadable() -> str:
    return f"can't be read: {_ADVICE}, with any of @ : / ? # % in the password percent-encoded"


def _check_place(place: str) -> None:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]*)(?::([0-9]*))?", place)
    if match is None or (match[2] and not 0 < int(match[2][:6]) <= 65_535):
        raise UnusableError(f"has a port that is none: {_ADVICE}")


def _check_path(path: str, scheme: str) -> None:
    database, *more = unquote(path).strip("/").split("/")
    if database and not re.fullmatch(r"[0-9]{1,6}", database):
        raise UnusableError(
            "has a database that is no number behind the host: write redis://:password@host:6379/0"
        )
    if scheme == "redis+sentinel" and len([name for name in more if name]) != 1:
        raise UnusableError(
            "names no service behind the database: write redis+sentinel://:password@host:26379/0/mymaster"
        )
    if scheme != "redis+sentinel" and more:
        raise UnusableError(
            "has more than a database's number behind the host: write redis://:password@host:6379/0"
        )


def _check_parameters(query: str, scheme: str) -> None:
    try:
        given = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise UnusableError(_unreadable()) from None
    for name, value in given:
        if not _NAME.fullmatch(name):
            raise UnusableError(_unreadable())
        if name in _OURS:
            raise UnusableError(
                f"has the parameter {name}, which the server sets itself: leave it out"
            )
        if name in _TLS and scheme != "rediss":
            raise UnusableError(f"has the parameter {name}, which needs TLS: write rediss://")
        if scheme == "redis+sentinel" or name not in _ANY | _TLS:
            advice = _FOREIGN.get(name, "leave it out")
            raise UnusableError(f"has the parameter {name}, which is not known here: {advice}")
        words = _WORDS.get(name)
        if words and value.lower() not in words:
            raise UnusableError(f"has an unknown {name}: write one of {', '.join(words)}")
        if name == "db" and not re.fullmatch(r"[0-9]{1,6}", value):
            raise UnusableError("has a db that is no number: write db=0")


def read_redis_url(read: Reader) -> tuple[str | None, str]:
    """Read the URL of Redis (None where none is set) and the name of the variable that it is from."""
    for name in ("REDIS_URL", "REDISCLOUD_URL", "REDISTOGO_URL"):
        url = read.text(name)
        if url is None:
            continue
        try:
            check_redis_url(url)
        except UnusableError as reason:
            read.wrong(name, str(reason))
        return url, name
    return None, "REDIS_URL"
