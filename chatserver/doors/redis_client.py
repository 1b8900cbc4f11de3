"""Connections to Redis, whichever way the URL says: TLS, a Unix socket, Sentinel."""

import asyncio
from contextlib import suppress

import socketio
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError


def redis_client(url: str, timeout: float) -> Redis:
    """A client that gives up after `timeout` seconds, and tries nothing twice; to be closed by `close_client`.

    Upstream's manager knows the schemes that `Redis.from_url` does not (``redis+sentinel://``). The client's own
    retries would turn one refused connection into seconds of waiting; who calls knows better when to come back.

    Raises:
        ValueError: the URL is none of Redis.
    """
    manager = socketio.AsyncRedisManager(
        url,
        redis_options={
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "socket_keepalive": True,
            "health_check_interval": 0,
            "retry": Retry(NoBackoff(), 0),
        },
    )
    manager._redis_connect()
    client: Redis = manager.redis
    for sentinel in _sentinels(client):
        sentinel.set_retry(Retry(NoBackoff(), 0))
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
