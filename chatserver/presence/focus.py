"""Knows which conversations people have open in front of them: here, or with Redis in any process.

Nobody is told of it: whoever has a conversation in focus is not notified of its messages. So a focus that is lost
for a moment costs a notification too many, and one that is believed for too long costs one too few: it ends with
the lease of its process.

In Redis each person has a sorted set of ``<conversation>:<process>`` by the end of the lease, in milliseconds by
Redis' clock.
"""

import asyncio
import random
import secrets
from collections.abc import Iterator, Sequence
from typing import TypeVar

from redis.asyncio import Redis

from chatserver.core.background import BackgroundTask
from chatserver.core.index import Index
from chatserver.redis import ScriptRunner

Focused = tuple[str, str]
"""A person, and a conversation."""

Item = TypeVar("Item")

_TIMEOUT = 0.5
_BATCH = 200
_PREFIX = "chatserver:{focus}:"

_BEGIN = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
# KEYS: a person's. ARGV: process, lease, the conversations that the person has in focus there.
_SET = (
    _BEGIN
    + """
local key, process, lease = KEYS[1], ARGV[1], tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
for _, member in ipairs(redis.call('ZRANGE', key, 0, 999)) do
  if string.sub(member, -#process) == process then redis.call('ZREM', key, member) end
end
for i = 3, #ARGV do redis.call('ZADD', key, now + lease, ARGV[i] .. ':' .. process) end
redis.call('PEXPIRE', key, 2 * lease)
return {}
"""
)
# KEYS: people's. ARGV: a conversation for each. Answers for each whether it is in focus anywhere.
_ASK = (
    _BEGIN
    + """
local answer = {}
for i, key in ipairs(KEYS) do
  answer[i] = 'no'
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, now, '+inf', 'LIMIT', 0, 1000)) do
    if string.sub(member, 1, #ARGV[i] + 1) == ARGV[i] .. ':' then answer[i] = 'yes' end
  end
end
return answer
"""
)


class Focus(BackgroundTask):
    """Keeps what each connection has in focus.

    Args:
        redis: shares it with other processes.
        lease: seconds for which the others believe it.
    """

    def __init__(self, redis: Redis | None = None, *, lease: float = 30.0) -> None:
        self._line = ScriptRunner(redis, _TIMEOUT, "focus", lambda _key: "zset") if redis else None
        self._process = secrets.token_hex(8)
        self._lease = lease
        self._seen: dict[str, str] = {}
        self._connections: Index[str] = Index()

    @property
    def is_shared(self) -> bool:
        """Whether the other processes know of it, and this one of theirs."""
        return self._line is not None and self._line.healthy

    def hold(self, user_id: str, connection_id: str, conversation_id: str | None) -> bool:
        """Note what a connection of a user has in focus; None is nothing. Returns whether that is to be shared."""
        if self._seen.get(connection_id) == conversation_id:
            return False
        if conversation_id is None:
            del self._seen[connection_id]
            self._connections.discard(user_id, connection_id)
        else:
            self._seen[connection_id] = conversation_id
            self._connections.add(user_id, connection_id)
        return True

    async def share(self, user_id: str) -> None:
        """Tell the other processes what a user has in focus here."""
        if self._line is not None:
            lease = str(int(self._lease * 1000))
            held = (self._process, lease, *self._here(user_id))
            await self._line.call(_SET, [_PREFIX + user_id], held)

    async def among(self, pairs: Sequence[Focused]) -> set[Focused]:
        """Return those of some conversations that the person beside each has in focus anywhere."""
        found = {pair for pair in pairs if pair[1] in self._here(pair[0])}
        if self._line is not None:
            for some in _batches([pair for pair in pairs if pair not in found]):
                keys = [_PREFIX + user_id for user_id, _ in some]
                answer = await self._line.call(_ASK, keys, [talk for _, talk in some])
                # Where Redis does not answer, this process knows of its own.
                answers = zip(some, answer or (), strict=False)
                found.update(pair for pair, is_so in answers if is_so == "yes")
        return found

    async def stop(self) -> None:
        """Forget everything; the others are told."""
        await super().stop()
        users = list(self._connections)
        self._seen.clear()
        self._connections.clear()
        if self._line is not None:
            await asyncio.gather(*map(self.share, users))
            await self._line.close()

    def _here(self, user_id: str) -> set[str]:
        return {self._seen[connection] for connection in self._connections.of(user_id)}

    async def _run(self) -> None:
        if self._line is None:
            await asyncio.Event().wait()
            return
        loop = asyncio.get_running_loop()
        renewed_at = loop.time()
        while True:
            await asyncio.sleep(min(1.0, self._lease / 4) * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
            was_healthy = self._line.healthy
            if not was_healthy:
                await self._line.call(_ASK, [_PREFIX], [""], probe=True)
            is_back = self._line.healthy and not was_healthy
            if is_back or loop.time() - renewed_at >= self._lease / 3:
                renewed_at = loop.time()
                for some in _batches(list(self._connections)):
                    await asyncio.gather(*map(self.share, some))


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
