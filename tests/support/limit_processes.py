"""Processes that share limits, as their stores see it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from chatserver.doors.redis_client import close_client, redis_client
from chatserver.limits_redis import RedisLimits
from chatserver.limits_store import Meter, Rule
from tests.support.device import PATIENCE
from tests.support.inside import until

MESSAGES = Rule(name="message", most=40, seconds=60, sharing="always")
COMMANDS = Rule(name="command", most=40, seconds=60, sharing="heavy")


class Process:
    """A process' store and meters."""

    def __init__(self, url: str, messages: Rule = MESSAGES) -> None:
        self._client = redis_client(url, timeout=1)
        self.store = RedisLimits(self._client)
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
async def processes() -> AsyncIterator[Start]:
    """Starts processes on a Redis, and closes them in the end."""
    async with AsyncExitStack() as stack:

        def start(url: str, messages: Rule = MESSAGES) -> Process:
            process = Process(url, messages)
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
