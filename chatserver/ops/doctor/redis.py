"""Looks at Redis: whether it is reachable and writable, runs scripts, delivers messages, and forgets nothing."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import MovedError, RedisError

from chatserver.config import Settings
from chatserver.delivery.bell import FOREIGN_CHANNEL, channels, foreign
from chatserver.ops.doctor.finding import Finding, fail, ok, warn
from chatserver.redis import Wire, close_client, discover, redis_client
from chatserver.redis.trouble import FAILURES, at_first_sight, is_full, probed

# Scripts that ask for the time and then write need Redis 5.
_OLDEST = 5
_TIMEOUT = 5.0
_SCRIPT = "redis.call('TIME') return redis.call('SET', KEYS[1], ARGV[1], 'PX', 1000)"


async def examine(settings: Settings, workers: int) -> list[Finding]:
    """Connect as the server would, and report on Redis."""
    if settings.redis_url is None:
        if workers > 1:
            return [
                fail("Redis", "none is configured, but several processes need one; set REDIS_URL")
            ]
        return [ok("Redis: none configured; one process serves alone")]
    if trouble := await at_first_sight(settings.redis_url, settings.redis_variable):
        return [fail("Redis", trouble.line)]
    redis = redis_client(settings.redis_url, timeout=2)
    try:
        async with asyncio.timeout(_TIMEOUT):
            info: dict[str, Any] = await redis.info()
    except FAILURES as error:
        trouble = await probed(error, settings.redis_url, settings.redis_variable)
        return [fail("Redis", trouble.line)]
    else:
        return [finding async for finding in _findings(redis, info, settings.redis_url)]
    finally:
        await close_client(redis)


async def _findings(redis: Redis, info: dict[str, Any], url: str) -> AsyncIterator[Finding]:
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
    for channel in (FOREIGN_CHANNEL, channels.channel_of("doctor").decode()):
        yield await _heard(redis, channel)
    yield await _channels(redis, url)


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
    """Check that Redis runs the scripts that presence needs."""
    key = f"chatserver:doctor:{secrets.token_hex(4)}"
    try:
        async with asyncio.timeout(_TIMEOUT):
            await redis.eval(_SCRIPT, 1, key, "1")
    except MovedError:
        pass  # another node of the cluster has it, and presence goes there
    except (RedisError, OSError, TimeoutError) as error:
        if is_full(error):
            return fail(
                "Redis memory",
                "it is full, so processes do not share who is online and what counts for limits; raise maxmemory",
            )
        return fail(
            "Redis scripts",
            f"{_said(error)}; presence needs EVAL, TIME and writing: allow them (ACL SETUSER), "
            "and make sure that there is memory and disk",
        )
    return ok("Redis scripts")


async def _channels(redis: Redis, url: str) -> Finding:
    """Say how channels are carried, and check that each master of a Cluster can be reached."""
    home = str(redis.connection_pool.connection_kwargs.get("host", ""))
    try:
        async with asyncio.timeout(_TIMEOUT):
            wire = await Wire.open(redis)
            try:
                topology = await discover(wire.ask, home)
            finally:
                await wire.close()
    except (RedisError, OSError, TimeoutError) as error:
        return fail("Redis channels", f"{_said(error)}; allow COMMAND INFO and CLUSTER SLOTS")
    if not topology.is_sharded:
        return ok("Redis channels: plain ones; version 7 or later can spread them over a Cluster")
    if not topology.owners:
        return ok("Redis channels: sharded, on one node")
    if not topology.is_whole:
        return fail("Redis channels", "the Cluster has slots without a master; see CLUSTER INFO")
    for node in sorted(topology.nodes):
        client = redis_client(url, timeout=2, node=node)
        try:
            async with asyncio.timeout(_TIMEOUT):
                await client.ping()
        except FAILURES as error:
            return fail(
                "Redis channels",
                f"{_said(error)}: the Cluster's master {node[0]}:{node[1]} can't be reached; every process must "
                "reach the addresses that the nodes announce (cluster-announce-ip)",
            )
        finally:
            await close_client(client)
    return ok(f"Redis channels: sharded, over {len(topology.nodes)} masters")


async def _heard(redis: Redis, channel: str) -> Finding:
    """Check that what is published on a channel is heard; other processes ignore a ping."""
    pubsub = redis.pubsub()
    ping = foreign.ping(f"doctor-{secrets.token_hex(8)}")
    try:
        async with asyncio.timeout(_TIMEOUT):
            await pubsub.subscribe(channel)
            while (await _next(pubsub))["type"] != "subscribe":
                pass
            await redis.publish(channel, ping)
            while (await _next(pubsub))["data"] != ping:
                pass
    except (RedisError, OSError, TimeoutError) as error:
        return fail(
            "Redis pub/sub",
            f"{_said(error)}: what is published on the channel {channel!r} is not heard; allow it (ACL SETUSER "
            f"… &{FOREIGN_CHANNEL} &chatserver:* +@pubsub), and use one Redis for all processes",
        )
    else:
        return ok(f"Redis pub/sub: {channel} is heard")
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis' own


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer came in time"
    return " ".join(str(error).split())[:200] or "the connection was lost"


async def _next(pubsub: Any) -> dict[str, Any]:
    while True:
        message: dict[str, Any] | None = await pubsub.get_message(timeout=None)
        if message is not None:
            return message
