"""Redis: reachable, writable, with scripts, and heard when it is spoken to; and whether it forgets."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, MovedError, NoPermissionError, RedisError

from chatserver.config import Settings
from chatserver.doctor.finding import Finding, fail, ok, warn
from chatserver.doors import bell_messages
from chatserver.doors.redis_client import close_client, redis_client

# Scripts that ask for the time and then write need Redis 5.
_OLDEST = 5
_TIMEOUT = 5.0
# What python-socketio's managers share.
_CHANNEL = "socketio"
_SCRIPT = "redis.call('TIME') return redis.call('SET', KEYS[1], ARGV[1], 'PX', 1000)"


async def examine(settings: Settings, workers: int) -> list[Finding]:
    """Look at it, as the server would use it."""
    if settings.redis_url is None:
        if workers > 1:
            return [fail("Redis", "none configured, and several processes need one; set REDIS_URL")]
        return [ok("Redis: none configured; one process serves alone")]
    try:
        redis = redis_client(settings.redis_url, timeout=2)
    except ValueError as error:
        return [fail("Redis", f"{error}; check REDIS_URL")]
    try:
        async with asyncio.timeout(_TIMEOUT):
            info: dict[str, Any] = await redis.info()
    except (RedisError, OSError, TimeoutError) as error:
        # What it says may hold the URL, and the URL a password.
        return [fail("Redis", f"{type(error).__name__}; {_remedy(error)}")]
    else:
        return [finding async for finding in _findings(redis, info)]
    finally:
        await close_client(redis)


def _remedy(error: Exception) -> str:
    if isinstance(error, AuthenticationError):
        return "correct the user and password in REDIS_URL"
    if isinstance(error, NoPermissionError):
        return "allow the user in REDIS_URL all commands (ACL SETUSER … +@all)"
    return "check REDIS_URL and that it is running"


async def _findings(redis: Redis, info: dict[str, Any]) -> AsyncIterator[Finding]:
    version = str(info.get("redis_version", "0"))
    what = f"Redis: {version}"
    if int(version.partition(".")[0]) < _OLDEST:
        yield fail(what, f"version {_OLDEST} or later is needed; upgrade it")
    elif info.get("role") == "slave":
        yield fail(what, "this is a replica, which is read-only; point REDIS_URL to its master")
    else:
        yield ok(what)
        yield await _scripts(redis)
    yield _eviction(info)
    yield await _heard(redis)


def _eviction(info: dict[str, Any]) -> Finding:
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory") and policy != "noeviction":
        return warn(
            "Redis memory",
            f"when it is full it forgets who is online (maxmemory-policy is {policy}); "
            "CONFIG SET maxmemory-policy noeviction, or use a Redis that is not a cache",
        )
    return ok("Redis memory: nothing is evicted")


async def _scripts(redis: Redis) -> Finding:
    """What presence needs."""
    key = f"chatserver:doctor:{secrets.token_hex(4)}"
    try:
        async with asyncio.timeout(_TIMEOUT):
            await redis.eval(_SCRIPT, 1, key, "1")
    except MovedError:
        pass  # another node of the cluster has it, and presence goes there
    except (RedisError, OSError, TimeoutError) as error:
        return fail(
            "Redis scripts",
            f"{type(error).__name__}: {error}; presence needs EVAL, TIME and writing: allow them (ACL SETUSER), "
            "and see that there is memory and disk",
        )
    return ok("Redis scripts")


async def _heard(redis: Redis) -> Finding:
    """Whether what is published is heard, on the very channel; nobody minds a ping."""
    pubsub = redis.pubsub()
    ping = bell_messages.ping(f"doctor-{secrets.token_hex(8)}")
    try:
        async with asyncio.timeout(_TIMEOUT):
            await pubsub.subscribe(_CHANNEL)
            while (await _next(pubsub))["type"] != "subscribe":
                pass
            await redis.publish(_CHANNEL, ping)
            while (await _next(pubsub))["data"] != ping:
                pass
    except (RedisError, OSError, TimeoutError) as error:
        return fail(
            "Redis pub/sub",
            f"{type(error).__name__}: what is published on the channel {_CHANNEL!r} is not heard; allow "
            f"it (ACL SETUSER … &{_CHANNEL} +@pubsub), and use one Redis for all processes",
        )
    else:
        return ok("Redis pub/sub")
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis' own


async def _next(pubsub: Any) -> dict[str, Any]:
    while True:
        message: dict[str, Any] | None = await pubsub.get_message(timeout=None)
        if message is not None:
            return message
