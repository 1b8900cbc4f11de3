"""Links this process to one node of Redis: one connection publishes, the other one hears."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from chatserver.redis import Wire, close_client

# One command; connecting, TLS and asking a Sentinel included.
TIMEOUT = 1.0
PING_EVERY = 1.0
_SILENCE = 3.0
# Messages to hear before others have their turn.
_AT_ONCE = 64


class Hearing:
    """What a link tells of what it hears. None of it may raise."""

    def heard(self, channel: bytes, message: bytes) -> None:
        """Take what was published."""

    def joined(self, link: "RedisLink", channel: bytes) -> None:
        """Note that what is published on a channel is heard from now on."""

    def left(self, link: "RedisLink", channel: bytes) -> None:
        """Note that a channel is heard no longer: as was asked, or since the node has it no longer."""

    def refused(self) -> None:
        """Note that a channel could not be joined, since the node does not have it now."""


class RedisLink:
    """Both connections to one node. Whatever goes wrong with either (refused, closed, silent) ends it.

    TCP alone would not notice a Redis that stands still: where nothing is heard for a second, it is asked for a
    sign of life.

    Args:
        lane: of this process' messages (`BellSeal`).
    """

    def __init__(self, client: Redis, hearing: Hearing, lane: int) -> None:
        self.lane = lane
        self._client = client
        self._hearing = hearing
        self.use_shards(is_sharded=False)
        self._heard_at = 0.0
        self._publishing = asyncio.Lock()
        self._published_at = 0.0
        self._out: Wire | None = None
        self._in: Wire | None = None

    def use_shards(self, *, is_sharded: bool) -> None:
        """Use sharded pub/sub for channels, or not."""
        self._join, self._leave, self.say = (
            (b"SSUBSCRIBE", b"SUNSUBSCRIBE", b"SPUBLISH")
            if is_sharded
            else (b"SUBSCRIBE", b"UNSUBSCRIBE", b"PUBLISH")
        )

    @property
    def host(self) -> str:
        """The host that it leads to, where that is known before a Sentinel is asked."""
        return str(self._client.connection_pool.connection_kwargs.get("host", ""))

    async def open(self, common: Sequence[bytes] = ()) -> None:
        """Connect, and join channels that are nobody's shard.

        Raises:
            RedisError, OSError, TimeoutError
        """
        async with asyncio.timeout(TIMEOUT):
            self._out = await Wire.open(self._client)
            self._in = await Wire.open(self._client)
            for reply in await self._in.ask(*((b"SUBSCRIBE", channel) for channel in common)):
                if isinstance(reply, ResponseError):
                    raise reply
        self._heard_at = self._published_at = asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Close both connections."""
        for wire in (self._out, self._in):
            if wire is not None:
                await wire.close()
        await close_client(self._client)

    async def run(self) -> None:
        """Hear what comes, until the link is lost.

        Raises:
            RedisError, OSError, TimeoutError: it is.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._keep_awake())

    # -- publishing -------------------------------------------------------------------------------

    async def ask(self, *commands: tuple[bytes, ...]) -> list[Any]:
        """Return the node's answers to commands; an error is one of them.

        Raises:
            RedisError, OSError, TimeoutError
        """
        async with self._publishing, asyncio.timeout(TIMEOUT):
            assert self._out is not None  # opened
            replies = await self._out.ask(*commands)
            for reply in replies:
                if isinstance(reply, NoPermissionError):
                    raise reply
            self._published_at = asyncio.get_running_loop().time()
            return replies

    # -- hearing ----------------------------------------------------------------------------------

    async def join(self, channels: Iterable[bytes]) -> None:
        """Ask to hear channels; `Hearing` is told when that is so.

        Raises:
            OSError
        """
        await self._write((self._join, channel) for channel in channels)

    async def leave(self, channels: Iterable[bytes]) -> None:
        """Ask to hear channels no longer.

        Raises:
            OSError
        """
        await self._write((self._leave, channel) for channel in channels)

    async def _write(self, commands: Iterable[tuple[bytes, ...]]) -> None:
        assert self._in is not None  # opened
        # Each command has one channel: in a Cluster they lie in different slots.
        async with asyncio.timeout(TIMEOUT):
            await self._in.write(commands)

    async def _listen(self) -> None:
        assert self._in is not None  # opened
        loop = asyncio.get_running_loop()
        while True:
            replies = await self._in.read()
            self._heard_at = loop.time()
            for number, reply in enumerate(replies, 1):
                self._take(reply)
                if number % _AT_ONCE == 0:
                    # In a flood nobody else would have a turn.
                    await asyncio.sleep(0)

    def _take(self, reply: Any) -> None:
        if isinstance(reply, NoPermissionError):
            raise reply
        if isinstance(reply, ResponseError):
            self._hearing.refused()
        elif isinstance(reply, list) and len(reply) == 3:
            kind, channel, data = reply
            if kind in (b"message", b"smessage"):
                self._hearing.heard(channel, data)
            elif kind in (b"ssubscribe", b"subscribe"):
                self._hearing.joined(self, channel)
            elif kind in (b"sunsubscribe", b"unsubscribe"):
                self._hearing.left(self, channel)

    async def _keep_awake(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PING_EVERY * random.uniform(0.8, 1))  # noqa: S311 - no secret
            silence = loop.time() - self._heard_at
            if silence > _SILENCE:
                raise TimeoutError(f"nothing came back for {_SILENCE:.0f} s")
            if silence >= PING_EVERY / 2:
                await self._write([(b"PING",)])
            if loop.time() - self._published_at >= PING_EVERY:
                await self.ask((b"PING",))


async def closed(links: Iterable[RedisLink]) -> None:
    """Close links, whatever state they are in."""
    for link in links:
        with suppress(RedisError, OSError, TimeoutError):
            await link.close()
