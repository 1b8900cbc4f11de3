"""The configuration: environment variables in, one checked and frozen `Settings` out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from chatserver.config_database import DatabaseSettings, load_database
from chatserver.config_secrets import (
    DEFAULT_ENCRYPTION_KEY,
    MIN_SECRET_BYTES,
    ConfigError,
    decode_base64,
    development_secret,
    is_placeholder,
)
from chatserver.config_table import VARIABLES, Reader, Variable, settings_table
from chatserver.config_tls import TlsSettings, load_tls

__all__ = [
    "VARIABLES",
    "ConfigError",
    "DatabaseSettings",
    "Settings",
    "TlsSettings",
    "Variable",
    "load_settings",
    "settings_table",
]

Environment = Literal["production", "development"]
LogLevel = Literal["debug", "info", "warning", "error"]

_REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# Visible ASCII without what has a meaning of its own in a URL: user@, ?query, #fragment.
_PICTURES = re.compile(r"https?://[A-Za-z0-9._\[\]:-]+(/[!$&-;=A-Za-z_~%]*)?")
_MIN_TOKEN = 16
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration. Times are seconds, sizes bytes.

    `message_rate_limit`, `client_message_rate_limit` and `command_rate_limit` are per 60 s and user, or
    connection; `ip_rate_limit` is per `ip_rate_window`. Of these, and of `max_connections_per_ip`, 0 is no
    limit. `cors_origins` is `("*",)` where any
    origin may connect. `encryption_keys` has the current key first. `jwt_secret` is decoded.
    """

    environment: Environment
    host: str
    port: int
    max_connections: int
    max_connections_per_ip: int
    max_payload_size: int
    send_queue_bytes: int
    connect_timeout: float
    keep_alive_timeout: float
    connection_timeout: float
    command_timeout: float
    ws_compression: bool
    message_rate_limit: int
    client_message_rate_limit: int
    command_rate_limit: int
    ip_rate_limit: int
    ip_rate_window: float
    presence_max_members: int
    group_max_members: int
    presence_grace: float
    presence_lease: float
    single_session: bool
    trusted_proxy_hops: int
    cors_origins: tuple[str, ...]
    tls: TlsSettings | None
    metrics_token: str | None = field(repr=False)
    profile_picture_url: str | None
    log_level: LogLevel
    jwt_secret: bytes = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    redis_url: str | None = field(repr=False)
    database: DatabaseSettings

    @property
    def is_development(self) -> bool:
        """Whether this is a developer's machine."""
        return self.environment == "development"


def load_settings(env: Mapping[str, str], *, state_directory: Path) -> Settings:
    """The settings that the variables in `env` ask for.

    In development without a JWT_SECRET, one is made and kept in `state_directory`, so that
    `chatserver token` makes tokens that the running server accepts.
    Raises ConfigError: one line naming every wrong variable, why, and what to write instead.
    """
    read = Reader(env)
    alias = read.text("APP_ENV") is None and read.text("NODE_ENV") is not None
    environment = cast("Environment", read.choice("NODE_ENV" if alias else "APP_ENV"))
    # Where the environment itself is mistyped, nothing can be said about what it requires.
    production = environment == "production" and not read.problems
    messages = read.number("MESSAGE_RATE_LIMIT")

    settings = Settings(
        environment=environment,
        host=read.text("HOST") or ("0.0.0.0" if production else "127.0.0.1"),  # noqa: S104
        port=read.number("PORT"),
        max_connections=read.number("MAX_CONNECTIONS"),
        max_connections_per_ip=read.number("MAX_CONNECTIONS_PER_IP"),
        max_payload_size=read.number("MAX_PAYLOAD_SIZE"),
        send_queue_bytes=read.number("SEND_QUEUE_BYTES"),
        connect_timeout=read.seconds("CONNECT_TIMEOUT"),
        keep_alive_timeout=read.seconds("KEEP_ALIVE_TIMEOUT"),
        connection_timeout=read.seconds("CONNECTION_TIMEOUT"),
        command_timeout=read.seconds("COMMAND_TIMEOUT"),
        ws_compression=read.flag("WS_COMPRESSION"),
        message_rate_limit=messages,
        client_message_rate_limit=read.number("CLIENT_MESSAGE_RATE_LIMIT", default=str(messages)),
        command_rate_limit=read.number("COMMAND_RATE_LIMIT", default=str(25 * messages)),
        ip_rate_limit=read.number("IP_RATE_LIMIT"),
        ip_rate_window=read.seconds("IP_RATE_WINDOW"),
        presence_max_members=read.number("PRESENCE_MAX_MEMBERS"),
        group_max_members=read.number("GROUP_MAX_MEMBERS"),
        presence_grace=read.seconds("PRESENCE_GRACE"),
        presence_lease=read.seconds("PRESENCE_LEASE"),
        single_session=read.flag("SINGLE_SESSION"),
        trusted_proxy_hops=read.number(
            "TRUSTED_PROXY_HOPS", default="1" if env.get("DYNO") else None
        ),
        cors_origins=_cors_origins(read, production=production),
        tls=load_tls(read),
        metrics_token=_metrics_token(read),
        profile_picture_url=_profile_picture_url(read),
        log_level=cast("LogLevel", read.choice("LOG_LEVEL")),
        jwt_secret=_jwt_secret(read, production=production),
        encryption_keys=_encryption_keys(read, production=production),
        redis_url=_redis_url(read),
        database=load_database(read, production=production),
    )
    if read.problems:
        raise ConfigError("; ".join(read.problems))
    if not settings.jwt_secret:
        settings = replace(settings, jwt_secret=development_secret(state_directory / "jwt_secret"))
    return settings


def _jwt_secret(read: Reader, *, production: bool) -> bytes:
    """The decoded secret; empty where none is set (or it is wrong)."""
    name = "JWT_SECRET"
    advice = "write the main back end's secret in base64, at least 32 bytes once decoded"
    text = read.text(name)
    if text is None:
        if production:
            read.wrong(name, f"is not set: {advice}")
        return b""
    secret = decode_base64(text)
    if secret is None:
        read.wrong(name, f"is not base64: {advice}")
    elif production and (is_placeholder(secret) or is_placeholder(text.encode())):
        read.wrong(name, f"is a well-known placeholder: {advice}")
    elif production and len(secret) < MIN_SECRET_BYTES:
        read.wrong(name, f"is too short ({len(secret)} bytes once decoded): {advice}")
    return secret or b""


def _encryption_keys(read: Reader, *, production: bool) -> tuple[str, ...]:
    """The current key, then the previous ones (a placeholder among these can be rotated away)."""
    name = "CHAT_ENCRYPTION_KEY"
    advice = "write a random text of at least 32 bytes, such as `openssl rand -base64 32` prints"
    key = read.raw(name)
    if production:
        if key is None:
            read.wrong(name, f"is not set: {advice}")
        elif is_placeholder(key.encode()):
            read.wrong(name, f"is a well-known default: {advice}")
        elif len(key.encode()) < MIN_SECRET_BYTES:
            read.wrong(name, f"is too short ({len(key.encode())} bytes): {advice}")
        elif key.strip() == read.text("JWT_SECRET"):
            read.wrong(name, f"is the same as JWT_SECRET and must differ from it: {advice}")
    keys = (key or DEFAULT_ENCRYPTION_KEY, *read.items("CHAT_ENCRYPTION_KEY_PREVIOUS"))
    return tuple(dict.fromkeys(keys))


def _cors_origins(read: Reader, *, production: bool) -> tuple[str, ...]:
    """The allowed origins as browsers send them: lower case, without a default port."""
    name = "CORS_ALLOWED_ORIGINS"
    advice = "write scheme://host[:port] without a path, such as https://app.example.com"
    entries = read.items(name)
    if production and not entries:
        read.wrong(name, f"is not set, which production requires: {advice}")
    if production and "*" in entries:
        read.wrong(name, f"is *, which production refuses: {advice}")
    if not entries or "*" in entries:
        return ("*",)
    origins = []
    for entry in entries:
        match = _ORIGIN.fullmatch(entry.lower())
        if match is None:
            shown = re.sub(r"//.*@", "//…@", entry)[:100]
            read.wrong(name, f"has {shown!r}, which is not an origin: {advice}")
            continue
        scheme, host, port = match[1], match[2], match[3] or ""
        origins.append(f"{scheme}://{host}{'' if port == _DEFAULT_PORTS.get(scheme) else port}")
    return tuple(dict.fromkeys(origins))


def _metrics_token(read: Reader) -> str | None:
    name = "METRICS_TOKEN"
    token = read.text(name)
    if token is not None and len(token) < _MIN_TOKEN:
        read.wrong(
            name,
            f"is too short: write at least {_MIN_TOKEN} characters, such as `openssl rand -hex 32` prints",
        )
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        read.wrong(name, "can't stand in a header: write letters and digits, without blanks")
    return token


def _profile_picture_url(read: Reader) -> str | None:
    """The base, without a slash at its end. Clients are shown what is under it, so it holds no password."""
    name = "PROFILE_PICTURE_URL"
    url = read.text(name)
    if url is None:
        return None
    match = _PICTURES.fullmatch(url)
    if match is None or not _has_usable_port(url):
        read.wrong(
            name,
            "must be a plain address: write https://host/path, without user, ? and #",
        )
    return url.rstrip("/")


def _has_usable_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # its text quotes the port, which may be the rest of a password
        return False


def _redis_url(read: Reader) -> str | None:
    for name in ("REDIS_URL", "REDISCLOUD_URL", "REDISTOGO_URL"):
        url = read.text(name)
        if url is None:
            continue
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.lower() not in _REDIS_SCHEMES or not rest:
            read.wrong(
                name,
                f"must begin with {'://, '.join(_REDIS_SCHEMES)}://: "
                "write redis://:password@host:6379",
            )
        elif scheme.lower() in ("redis", "rediss") and not _has_usable_port(url):
            read.wrong(name, "has a port that is none: write redis://:password@host:6379")
        return url
    return None
