"""Runs scripts in Redis: in order, many in one round trip, and never waiting long for an answer.

Others may write in the same Redis. What is not of the kind that a key of ours has is taken away, and the call made
once more; what the scripts find in keys of the right kind is theirs to judge.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import MovedError, RedisError, ResponseError

from chatserver.core.logging import get_logger
from chatserver.redis.trouble import briefly

_log = get_logger(__name__)

_BATCH = 100
# Seconds between two lines about keys that are not ours.
_WARN_EVERY = 60.0

# KEYS: one beside those that calls write.
_WRITE = """
redis.call('SET', KEYS[1], '', 'PX', 1000)
return {}
"""
# KEYS: those of a call that failed. ARGV: of which kind each is to be.
_MEND = """
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= ARGV[i] then redis.call('UNLINK', key) end
end
return {}
"""


@dataclass(slots=True, eq=False)
class _Call:
    script: str
    keys: Sequence[str]
    args: Sequence[str | int | bytes]
    answer: asyncio.Future[Any]


class ScriptRunner:
    """Calls go out in the order in which they were made, on one connection at a time.

    Thousands of connects at once are some tens of round trips, not a connection to Redis each. Where an answer
    does not come in time, or is a refusal, everything that waits is given None, and so is everything asked later,
    at once, until there is a call with `probe` and Redis takes a write.

    Args:
        what: names in the log what is shared.
        kind_of: what Redis calls the kind of a key (`TYPE`).
    """

    def __init__(
        self, redis: Redis, timeout: float, what: str, kind_of: Callable[[str], str]
    ) -> None:
        self.healthy = True
        self._closed = False
        self._redis = redis
        self._timeout = timeout
        self._what = what
        self._kind_of = kind_of
        self._warned_at = -math.inf
        # The node that the URL names; a Redis Cluster may send us to another one.
        settings = redis.connection_pool.connection_kwargs
        self._home: dict[str, Any] = {
            key: settings[key] for key in ("host", "port") if key in settings
        }
        self._waiting: deque[_Call] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def call(
        self,
        script: str,
        keys: Sequence[str],
        args: Sequence[str | int | bytes],
        *,
        probe: bool = False,
    ) -> list[str] | None:
        """What the script answers, as text (bytes that are none by lone surrogates, as `os.fsdecode` has them);
        None where Redis does not say. Queued before the first await.
        """
        if not (self.healthy or probe):
            return None
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(script, keys, args, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        found = await answer
        return None if found is None else [item.decode(errors="surrogateescape") for item in found]

    async def close(self) -> None:
        """Stop, once every call is answered or given up; the client stays open."""
        self.healthy, self._closed = False, True
        if worker := self._worker:
            await asyncio.wait([worker], timeout=self._timeout)
            worker.cancel()
            await asyncio.wait([worker])
        self._give_up(self._waiting)

    async def _work(self) -> None:
        while self._waiting:
            if self.healthy or self._closed:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            else:
                batch = [self._writing(self._waiting[0])]
            try:
                error = await self._send(batch)
                if isinstance(error, MovedError):
                    # What was refused for its place was not run.
                    await self._go_to({"host": error.host, "port": error.port})
                    batch = [call for call in batch if not call.answer.done()]
                    error = await self._send(batch)
                if error is not None and "WRONGTYPE" in str(error):
                    batch = [call for call in batch if not call.answer.done()]
                    error = await self._mend(batch) or await self._send(batch)
            except asyncio.CancelledError:
                self._give_up(batch)
                raise
            if error is None:
                if not self.healthy and not self._closed:
                    self.healthy = True
                    _log.info("Redis does its part again: this is shared", what=self._what)
            else:
                if self.healthy:
                    self.healthy = False
                    # Of a Redis that is away the bell has warned.
                    say = _log.warning if isinstance(error, ResponseError) else _log.info
                    say(
                        "Redis does not do its part: until it does, each process keeps this for itself",
                        what=self._what,
                        error=briefly(error),
                    )
                self._give_up(batch)
                self._give_up(self._waiting)
        self._worker = None

    @staticmethod
    def _writing(call: _Call) -> _Call:
        """Return a call that writes where `call` does: a full Redis and a replica answer what only reads."""
        answer = asyncio.get_running_loop().create_future()
        return _Call(_WRITE, [f"{call.keys[0]}:probe"], (), answer)

    async def _send(self, batch: Sequence[_Call]) -> BaseException | None:
        """Answer a batch; the error where not all could be."""
        try:
            async with asyncio.timeout(self._timeout):
                async with self._redis.pipeline(transaction=False) as pipe:
                    for call in batch:
                        # EVAL, not EVALSHA: a Redis that has restarted knows no script, and a batch is not redone.
                        pipe.eval(call.script, len(call.keys), *call.keys, *call.args)
                    answers = await pipe.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            # An answer that comes after all must not be taken for that of the next question.
            await self._go_to(self._home)
            return error
        except Exception as error:
            _log.exception("Redis could not be asked")
            return error
        failed = None
        for call, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                failed = answer
            elif not call.answer.done():
                call.answer.set_result(answer)
        return failed

    async def _mend(self, batch: Sequence[_Call]) -> BaseException | None:
        """Take away what is of a wrong kind; the error where that cannot be done."""
        loop = asyncio.get_running_loop()
        mends = [
            _Call(_MEND, call.keys, [self._kind_of(key) for key in call.keys], loop.create_future())
            for call in batch
        ]
        if loop.time() - self._warned_at >= _WARN_EVERY:
            self._warned_at = loop.time()
            _log.warning("somebody else has written in Redis, where it is ours", what=self._what)
        return await self._send(mends)

    async def _go_to(self, node: dict[str, Any]) -> None:
        """Connect anew; in a Redis Cluster to the node that has the keys, which all share one slot."""
        pool = self._redis.connection_pool
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(self._timeout):
                await pool.disconnect()
        if any(pool.connection_kwargs.get(key) != node[key] for key in node):
            pool.connection_kwargs.update(node)
            # The connections that it made before would go to the old node again.
            pool.reset()  # type: ignore[no-untyped-call]  # redis' own

    @staticmethod
    def _give_up(calls: deque[_Call] | list[_Call]) -> None:
        while calls:
            call = calls.pop()
            if not call.answer.done():
                call.answer.set_result(None)
