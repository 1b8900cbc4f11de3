"""Where presence is kept: in this process, or in Redis for several."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chatserver.logs import get_logger

_log = get_logger(__name__)


class PresenceStore(Protocol):
    """The users who are online, over all processes."""

    async def add(self, user_id: str) -> bool:
        """A user is online here; True where they were nowhere before."""

    async def remove(self, user_id: str) -> bool:
        """A user is no longer online here; True where they are nowhere else."""

    async def online(self, user_ids: Sequence[str]) -> set[str]:
        """Those of the users who are online anywhere."""

    async def close(self) -> None:
        """This process serves nobody any more."""


class LocalPresence:
    """For one process alone."""

    def __init__(self) -> None:
        self._users: set[str] = set()

    async def add(self, user_id: str) -> bool:
        """See `PresenceStore`."""
        if user_id in self._users:
            return False
        self._users.add(user_id)
        return True

    async def remove(self, user_id: str) -> bool:
        """See `PresenceStore`."""
        if user_id not in self._users:
            return False
        self._users.discard(user_id)
        return True

    async def online(self, user_ids: Sequence[str]) -> set[str]:
        """See `PresenceStore`."""
        return self._users.intersection(user_ids)

    async def close(self) -> None:
        """See `PresenceStore`."""
        self._users.clear()


# A user's key is a sorted set of processes, each scored with the time its lease ends. Redis' own clock
# decides, so the processes' clocks need not agree. One script: nobody comes between the look and the write.
_ADD = """
local now = redis.call('TIME')[1] + 0
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local others = redis.call('ZCARD', KEYS[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return others
"""
_REMOVE = """
local now = redis.call('TIME')[1] + 0
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return -1 end
return redis.call('ZCARD', KEYS[1])
"""
_LEASE = 90
_HEARTBEAT = 30.0


class RedisPresence:
    """For several processes. Where Redis does not answer, each process goes by what it knows itself."""

    def __init__(self, redis: Redis, *, prefix: str = "chatserver:presence:") -> None:
        self._redis = redis
        self._prefix = prefix
        self._process = secrets.token_hex(8)
        self._here = LocalPresence()
        self._users: set[str] = set()
        self._heartbeat: asyncio.Task[None] | None = None

    async def add(self, user_id: str) -> bool:
        """See `PresenceStore`."""
        self._users.add(user_id)
        first_here = await self._here.add(user_id)
        if self._heartbeat is None:
            self._heartbeat = asyncio.create_task(self._renew())
        others = await self._script(_ADD, user_id, self._process, _LEASE)
        return first_here if others is None else others == 0

    async def remove(self, user_id: str) -> bool:
        """See `PresenceStore`."""
        self._users.discard(user_id)
        was_here = await self._here.remove(user_id)
        others = await self._script(_REMOVE, user_id, self._process)
        return was_here if others is None else others == 0

    async def online(self, user_ids: Sequence[str]) -> set[str]:
        """See `PresenceStore`."""
        found = await self._here.online(user_ids)
        rest = [user_id for user_id in user_ids if user_id not in found]
        if not rest:
            return found
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                now = time.time()
                for user_id in rest:
                    pipe.zcount(self._prefix + user_id, now, "+inf")
                counts = await pipe.execute()
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("presence of other processes unknown", error=type(error).__name__)
            return found
        return found | {user_id for user_id, count in zip(rest, counts, strict=True) if count}

    async def close(self) -> None:
        """See `PresenceStore`. The leases of this process end by themselves."""
        if self._heartbeat:
            self._heartbeat.cancel()
        await self._here.close()

    async def _script(self, script: str, user_id: str, *args: str | int) -> int | None:
        try:
            answer: Awaitable[Any] | Any = self._redis.eval(
                script, 1, self._prefix + user_id, *args
            )
            return int(await answer)
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("presence not shared", error=type(error).__name__)
            return None

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT)
            for user_ids in _batches(sorted(self._users), 500):
                try:
                    async with self._redis.pipeline(transaction=False) as pipe:
                        for user_id in user_ids:
                            pipe.eval(_ADD, 1, self._prefix + user_id, self._process, _LEASE)
                        await pipe.execute()
                except (RedisError, OSError, TimeoutError) as error:
                    _log.warning("presence not renewed", error=type(error).__name__)


def _batches(items: list[str], size: int) -> Iterable[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
