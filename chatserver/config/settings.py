"""The configuration: environment variables in, one checked and frozen `Settings` out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

from chatserver.config.access import (
    read_cors_origins,
    read_metrics_address,
    read_metrics_token,
    read_profile_picture_url,
    read_unix_socket_mode,
)
from chatserver.config.database import DatabaseSettings, load_database
from chatserver.config.files import read_clamd, read_files_url
from chatserver.config.push import PushSettings, load_push
from chatserver.config.reader import Reader
from chatserver.config.redis import read_redis_url
from chatserver.config.secrets import (
    SECRET_FILE,
    ConfigError,
    LackingError,
    development_secret,
    read_encryption_keys,
    read_jwt_secret,
)
from chatserver.config.tls import TlsSettings, load_tls
from chatserver.core.quotas import Quotas

Environment = Literal["production", "development"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration. Times are seconds, sizes bytes.

    `message_rate_limit`, `client_message_rate_limit`, `command_rate_limit` and `search_rate_limit` are per 60 s
    and user, or connection; `ip_rate_limit` is per `ip_rate_window`. Of these, of `max_connections_per_ip` and of
    `external_push_rate` (a second), 0 is no limit. `cors_origins` is
    `("*",)` where any origin may connect. `encryption_keys` has the current key first. `jwt_secret` is decoded.
    """

    environment: Environment
    host: str
    port: int
    unix_socket_mode: int
    max_connections: int
    max_connections_per_ip: int
    max_connections_per_user: int
    max_payload_size: int
    send_queue_bytes: int
    connect_timeout: float
    request_head_timeout: float
    request_body_timeout: float
    response_timeout: float
    http_idle_timeout: float
    max_sockets: int
    max_sockets_per_ip: int
    reserved_files: int
    connect_query_timeout: float
    keep_alive_timeout: float
    connection_timeout: float
    command_timeout: float
    drain_delay: float
    ws_compression: bool
    message_rate_limit: int
    client_message_rate_limit: int
    command_rate_limit: int
    search_rate_limit: int
    external_push_rate: int
    ip_rate_limit: int
    ip_rate_window: float
    presence_max_members: int
    group_max_members: int
    quotas: Quotas
    presence_grace: float
    presence_lease: float
    presence_interval: float
    typing_interval: float
    single_session: bool
    trusted_proxy_hops: int
    cors_origins: tuple[str, ...]
    tls: TlsSettings | None
    metrics_token: str | None = field(repr=False)
    metrics_address: tuple[str, int] | None
    profile_picture_url: str | None
    files_url: str = field(repr=False)
    upload_ttl: float
    max_file_size: int
    file_quota_per_day: int
    clamd: tuple[str, int] | None
    log_level: LogLevel
    jwt_secret: bytes = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    redis_url: str | None = field(repr=False)
    redis_variable: str
    database: DatabaseSettings
    push: PushSettings = field(default_factory=PushSettings)

    @property
    def is_development(self) -> bool:
        """Whether this is a developer's machine."""
        return self.environment == "development"


def load_settings(env: Mapping[str, str], *, state_directory: Path) -> Settings:
    """Read the settings from the variables in `env`.

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
    redis_url, redis_variable = read_redis_url(read)
    most = read.number("MAX_CONNECTIONS")
    most_per_ip = read.number("MAX_CONNECTIONS_PER_IP")
    hops = read.number("TRUSTED_PROXY_HOPS", default="1" if env.get("DYNO") else None)

    settings = Settings(
        environment=environment,
        host=read.text("HOST") or ("0.0.0.0" if production else "127.0.0.1"),  # noqa: S104
        port=read.number("PORT"),
        unix_socket_mode=read_unix_socket_mode(read),
        max_connections=most,
        max_connections_per_ip=most_per_ip,
        max_connections_per_user=read.number("MAX_CONNECTIONS_PER_USER"),
        max_payload_size=read.number("MAX_PAYLOAD_SIZE"),
        send_queue_bytes=read.number("SEND_QUEUE_BYTES"),
        connect_timeout=read.seconds("CONNECT_TIMEOUT"),
        request_head_timeout=read.seconds("REQUEST_HEAD_TIMEOUT"),
        request_body_timeout=read.seconds("REQUEST_BODY_TIMEOUT"),
        response_timeout=read.seconds("RESPONSE_TIMEOUT"),
        http_idle_timeout=read.seconds("HTTP_IDLE_TIMEOUT"),
        max_sockets=read.number("MAX_SOCKETS", default=str(2 * most)),
        # Behind a proxy, its address is everybody's.
        max_sockets_per_ip=read.number(
            "MAX_SOCKETS_PER_IP", default="0" if hops else str(10 * most_per_ip)
        ),
        reserved_files=read.number("RESERVED_FILES"),
        connect_query_timeout=read.seconds("CONNECT_QUERY_TIMEOUT"),
        keep_alive_timeout=read.seconds("KEEP_ALIVE_TIMEOUT"),
        connection_timeout=read.seconds("CONNECTION_TIMEOUT"),
        command_timeout=read.seconds("COMMAND_TIMEOUT"),
        drain_delay=read.number("DRAIN_DELAY", default=None if production else "0") / 1000,
        ws_compression=read.flag("WS_COMPRESSION"),
        message_rate_limit=messages,
        client_message_rate_limit=read.number("CLIENT_MESSAGE_RATE_LIMIT", default=str(messages)),
        search_rate_limit=read.number("SEARCH_RATE_LIMIT"),
        command_rate_limit=read.number("COMMAND_RATE_LIMIT", default=str(25 * messages)),
        external_push_rate=read.number("EXTERNAL_PUSH_RATE"),
        ip_rate_limit=read.number("IP_RATE_LIMIT"),
        ip_rate_window=read.seconds("IP_RATE_WINDOW"),
        presence_max_members=read.number("PRESENCE_MAX_MEMBERS"),
        group_max_members=read.number("GROUP_MAX_MEMBERS"),
        quotas=Quotas(
            conversations_per_hour=read.number("CONVERSATIONS_PER_HOUR"),
            groups_per_day=read.number("GROUPS_PER_DAY"),
            conversations=read.number("MAX_CONVERSATIONS"),
            joins_per_hour=read.number("JOINS_PER_HOUR"),
            kept_answers=read.number("MAX_KEPT_ANSWERS"),
            reactions=read.number("MAX_REACTIONS"),
            pins=read.number("MAX_PINS"),
            blocks=read.number("MAX_BLOCKS"),
        ),
        presence_grace=read.seconds("PRESENCE_GRACE"),
        presence_lease=read.seconds("PRESENCE_LEASE"),
        presence_interval=read.seconds("PRESENCE_INTERVAL"),
        typing_interval=read.seconds("TYPING_INTERVAL"),
        single_session=read.flag("SINGLE_SESSION"),
        trusted_proxy_hops=hops,
        cors_origins=read_cors_origins(read, production=production),
        tls=load_tls(read),
        metrics_token=read_metrics_token(read),
        metrics_address=read_metrics_address(read),
        profile_picture_url=read_profile_picture_url(read),
        files_url=read_files_url(read, state_directory),
        upload_ttl=read.seconds("UPLOAD_TTL"),
        max_file_size=read.number("MAX_FILE_SIZE"),
        file_quota_per_day=read.number("FILE_QUOTA_PER_DAY"),
        clamd=read_clamd(read),
        log_level=cast("LogLevel", read.choice("LOG_LEVEL")),
        jwt_secret=read_jwt_secret(read, production=production),
        encryption_keys=read_encryption_keys(read, production=production),
        redis_url=redis_url,
        redis_variable=redis_variable,
        database=load_database(read, production=production),
        push=load_push(read, production=production),
    )
    if read.problems:
        raise (LackingError if read.lacks else ConfigError)("; ".join(read.problems))
    if not settings.jwt_secret:
        settings = replace(settings, jwt_secret=development_secret(state_directory / SECRET_FILE))
    return settings
