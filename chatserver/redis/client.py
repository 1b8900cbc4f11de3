"""Connects to Redis in the way that the URL says: TLS, a Unix socket, Sentinel."""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

_SENTINEL_PORT = 26379


def redis_client(url: str, timeout: float, node: tuple[str, int] | None = None) -> Redis:
    """Make a client that gives up after `timeout` seconds and never retries; close it by `close_client`.

    It leads to where the URL does, or to another `node` of the same Cluster (host and port).

    The client's own retries would turn one refused connection into seconds of waiting; who calls knows better when
    to come back. `redis+sentinel://:password@host:port,host:port/db/service` is python-socketio's notation.

    Raises:
        ValueError: the URL is none of Redis.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "health_check_interval": 0,
        "retry": Retry(NoBackoff(), 0),
    }
    parts = urlsplit(url)
    # A Unix socket knows no keepalive.
    if parts.scheme != "unix":
        options["socket_keepalive"] = True
    if parts.scheme == "rediss" and parse_qs(parts.query).get("ssl_cert_reqs") == ["none"]:
        # Who trusts anybody asks for no name either.
        options["ssl_check_hostname"] = False
    if parts.scheme != "redis+sentinel":
        client = Redis.from_url(url, **options)
        if node is not None:
            client.connection_pool.connection_kwargs.update(host=node[0], port=node[1])
        return client
    client = _of_sentinels(url, options)
    for sentinel in _sentinels(client):
        sentinel.set_retry(Retry(NoBackoff(), 0))
    return client


def _of_sentinels(url: str, options: dict[str, Any]) -> Redis:
    parts = urlsplit(url)
    account, _, places = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    database, _, service = parts.path.strip("/").partition("/")
    sentinels = []
    for place in places.split(","):
        host, _, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
        if not host:
            host, port = port, ""
        sentinels.append((host.strip("[]"), int(port or _SENTINEL_PORT)))
    client: Redis = Sentinel(  # type: ignore[no-untyped-call]  # redis' own
        sentinels,
        username=unquote(user) or None,
        password=unquote(password) or None,
        db=int(database or 0),
        **options,
    ).master_for(unquote(service))
    return client


async def close_client(client: Redis) -> None:
    """Close all connections of a client, those to its Sentinels too; waits a second at most."""
    for each in (client, *_sentinels(client)):
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await each.aclose()


def _sentinels(client: Redis) -> list[Redis]:
    pool = client.connection_pool
    return pool.sentinel_manager.sentinels if isinstance(pool, SentinelConnectionPool) else []
