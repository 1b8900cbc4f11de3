"""Processes that share limits, as their stores see it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from chatserver.limits.redis import RedisLimits
from chatserver.limits.store import Meter, RateLimit
from chatserver.redis.client import close_client, redis_client
from tests.support.inside import until
from tests.support.patience import PATIENCE

MESSAGES = RateLimit(name="message", most=40, seconds=60, sharing="always")
COMMANDS = RateLimit(name="command", most=40, seconds=60, sharing="heavy")


class Process:
    """A process' store and meters."""

    def __init__(self, url: str, messages: RateLimit, patience: float | None) -> None:
        self._client = redis_client(url, timeout=patience or 1)
        self.store = RedisLimits(self._client)
        if patience:
            self.store._line._timeout = patience
        self.messages = self.store.meter(messages)
        self.commands = self.store.meter(COMMANDS)
        self.store.start()

    async def told(self) -> None:
        """Wait until Redis knows what was used here."""
        windows = [w for meter in (self.messages, self.commands) for w in meter.windows()]
        line = self.store._line
        await until(lambda: line._worker is None and not any(w.queued == "soon" for w in windows))

    async def close(self) -> None:
        """Share no more."""
        await self.store.close()
        await close_client(self._client)


Start = Callable[..., Process]


@asynccontextmanager
async def processes(patience: float | None = None) -> AsyncIterator[Start]:
    """Starts processes on a Redis, and closes them in the end.

    Args:
        patience: seconds that they wait for Redis before they go by what they know themselves.
    """
    async with AsyncExitStack() as stack:

        def start(url: str, messages: RateLimit = MESSAGES) -> Process:
            process = Process(url, messages, patience)
            stack.push_async_callback(process.close)
            return process

        yield start


def use(meter: Meter, who: str, times: int) -> int:
    """Try `times` times at once; gives how often it was allowed."""
    return sum(meter.take(who) == 0 for _ in range(times))


async def learned(meter: Meter, who: str, elsewhere: int) -> None:
    """Wait until so many uses elsewhere are known."""
    async with asyncio.timeout(PATIENCE):
        # There is nobody to say when: what is awaited is another process'.
        while meter.window(who).elsewhere != elsewhere:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
