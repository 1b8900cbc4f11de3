"""Scripts that Redis refuses to run."""

from typing import Any

import structlog

from chatserver.redis.scripts import ScriptRunner
from tests.support.redis_server import OwnRedis

_READ = "return {redis.call('TYPE', KEYS[1]).ok}"
_WRITE = "redis.call('HSET', KEYS[1], 'a', 1) return {}"


async def test_a_full_redis(own_redis: OwnRedis) -> None:
    """A Redis that answers and takes no write is said to be full, once, until it takes one again."""
    async with own_redis.client() as client:
        runner = ScriptRunner(client, 5.0, "limits", lambda _key: "hash")

        async def call(script: str, *, probe: bool = False) -> Any:
            return await runner.call(script, ["k"], [], probe=probe)

        with structlog.testing.capture_logs() as logs:
            assert await call(_WRITE) == []
            await client.config_set("maxmemory", "1")
            assert await call(_WRITE) is None
            for _ in range(3):
                assert (await call(_READ, probe=True), runner.healthy) == (None, False)
            assert await call(_WRITE) is None
            await client.config_set("maxmemory", "0")
            assert (await call(_READ, probe=True), runner.healthy) == (["hash"], True)
            assert await call(_WRITE) == []
        await runner.close()
    (refused, back) = logs
    assert refused["log_level"] == "warning"
    assert refused["error"].startswith("its memory is full")
    assert back["event"].startswith("Redis does its part again")
