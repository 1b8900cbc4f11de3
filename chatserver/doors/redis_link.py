"""The way to Redis and back: one task that speaks, one that listens, one that makes sure that both get through.

A session is one pair of connections. Whatever goes wrong with either (refused, closed, silent) ends the session,
and the next begins at once, then after growing pauses of at most a second. TCP alone would not notice a Redis that
stands still: the process expects to hear its own messages, a ping where it had nothing to say.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chatserver.doors.outbox import Outbox
from chatserver.doors.redis_client import close_client, redis_client
from chatserver.logs import get_logger

_log = get_logger(__name__)

# One command; connecting, TLS and asking a Sentinel included.
_TIMEOUT = 1.0
_PING_EVERY = 1.0
_SILENCE = 3.0
_SHORTEST_BACKOFF = 0.05
_LONGEST_BACKOFF = 1.0
_FLUSH = 1.0


class RedisLink:
    """Publishes on a channel, and hears it.

    Args:
        hear: called with what was published, by anybody; returns whether it was our own. Must not raise.
        ping: the message that is published where there is nothing else to say.
    """

    def __init__(self, url: str, channel: str, hear: Callable[[object], bool], ping: bytes) -> None:
        self.outbox = Outbox()
        # Called with what is published on other channels. Must not raise.
        self.ears: dict[bytes, Callable[[object], None]] = {}
        self.on_recovered: list[Callable[[], None]] = []
        self.on_lost: list[Callable[[], None]] = []
        # Messages that were on their way when Redis went.
        self.lost = 0
        self._url = url
        self._channel = channel
        self._hear = hear
        self._ping = ping
        self._healthy = False
        self._heard_at = 0.0
        self._warned = False
        self._backoff = _SHORTEST_BACKOFF
        self._ending = False
        self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether what is published is heard."""
        return self._healthy

    async def start(self) -> None:
        """Begin, and wait until that has worked or has failed once: then Redis may come later."""
        self._task = asyncio.create_task(self._run())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._tried.wait(), _TIMEOUT)

    async def stop(self) -> None:
        """End, once what is queued has gone out, if Redis takes it now."""
        if self._healthy:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.outbox.emptied(), _FLUSH)
        self._ending = True
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            error: BaseException | None = None
            try:
                await self._session()
            except* (RedisError, OSError, TimeoutError) as group:
                error = group.exceptions[0]
            except* Exception as group:
                _log.exception("the link to Redis crashed", exc_info=group)
                error = group.exceptions[0]
            self._lose()
            self._tried.set()
            if self._ending:
                return  # a task group whose task has failed takes a cancel for its own (before Python 3.13)
            if not self._warned:
                self._warned = True
                _log.warning(
                    "Redis is away: other processes hear of messages by the log, later; trying again",
                    error=str(error) or type(error).__name__,
                )
            await asyncio.sleep(self._backoff * random.uniform(0.5, 1))  # noqa: S311 - no secret
            self._backoff = min(self._backoff * 2, _LONGEST_BACKOFF)

    async def _session(self) -> None:
        redis = redis_client(self._url, _TIMEOUT)
        # Publishing and asking have a time-out of their own; listening waits as long as it takes.
        pubsub = redis.pubsub()
        try:
            async with asyncio.timeout(_TIMEOUT):
                await pubsub.subscribe(*self.ears, self._channel)
                # Redis' own word that it has us on the list: a ping sent before it would not come back.
                while (await self._next(pubsub))["channel"] != self._channel.encode():
                    pass
            self._heard_at = asyncio.get_running_loop().time()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(pubsub))
                tasks.create_task(self._publish(redis))
                tasks.create_task(self._keep_awake())
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_TIMEOUT):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis' own
            await close_client(redis)

    async def _next(self, pubsub: Any) -> dict[str, Any]:
        while True:
            message: dict[str, Any] | None = await pubsub.get_message(timeout=None)
            if message is not None:
                return message

    async def _listen(self, pubsub: Any) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await self._next(pubsub)
            if message["type"] != "message":
                continue
            if ear := self.ears.get(message["channel"]):
                ear(message["data"])
            elif self._hear(message["data"]):
                self._heard_at = loop.time()
                self._recover()

    async def _publish(self, redis: Redis) -> None:
        while True:
            batch = await self.outbox.take()
            # One round trip for all. What Redis was given is not given again when no answer comes: it may have
            # it already, and a push that comes twice is worse than one that the log brings.
            sent = False
            try:
                async with asyncio.timeout(_TIMEOUT):
                    async with redis.pipeline(transaction=False) as pipe:
                        for message in batch:
                            pipe.publish(self._channel, message)
                        await pipe.execute()
                sent = True
            finally:
                if not sent:
                    self.lost += len(batch)
                self.outbox.done()

    async def _keep_awake(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            silence = loop.time() - self._heard_at
            if silence > _SILENCE:
                raise TimeoutError(f"nothing came back for {_SILENCE:.0f} s")
            if not len(self.outbox) and (silence >= _PING_EVERY or not self._healthy):
                self.outbox.put(self._ping)
            await asyncio.sleep(_PING_EVERY * random.uniform(0.8, 1))  # noqa: S311 - no secret

    def _recover(self) -> None:
        if self._healthy:
            return
        self._healthy = True
        self._tried.set()
        self._backoff = _SHORTEST_BACKOFF
        if self._warned:
            self._warned = False
            _log.info("Redis is back", dropped=self.outbox.dropped, lost=self.lost)
        _call_all(self.on_recovered)

    def _lose(self) -> None:
        if self._healthy:
            self._healthy = False
            _call_all(self.on_lost)


def _call_all(callbacks: list[Callable[[], None]]) -> None:
    for callback in callbacks:
        try:
            callback()
        except Exception:
            _log.exception("a callback of the link to Redis crashed")
