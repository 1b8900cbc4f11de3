"""Connections to Redis, whichever way the URL says: TLS, a Unix socket, Sentinel."""

import socketio
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def redis_client(url: str, timeout: float) -> Redis:
    """A client that gives up after `timeout` seconds, and tries nothing twice.

    Upstream's manager knows the schemes that `Redis.from_url` does not (``redis+sentinel://``). The client's own
    retries would turn one refused connection into seconds of waiting; who calls knows better when to come back.
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
    return client
