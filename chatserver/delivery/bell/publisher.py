"""Publishes what waits: what goes to the same channels together, each message once on each of its channels."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from redis.exceptions import RedisError, ResponseError

from chatserver.delivery.bell import messages
from chatserver.delivery.bell.channels import COMMON
from chatserver.delivery.bell.link import TIMEOUT, RedisLink, closed
from chatserver.delivery.bell.outbox import Outbox, Saying

# Things that one message says, and bytes, more or less: whoever hears it does all of it at once.
_TOGETHER = 64
_BYTES_TOGETHER = 128 * 1024


class Publisher:
    """Takes what waits in the outbox, in one round trip for each link.

    What Redis was given is not given again when no answer comes: it may have it already, and a push that comes
    twice is worse than one that the log brings. What it refuses, since a channel has moved, is told where it is
    now.

    Args:
        route: on which link a channel is told; the common one is None.
        sign: makes of what is said a message, on a lane.
        moved: told that channels have moved; `rerouted` is to be called when they are found.
    """

    def __init__(
        self,
        outbox: Outbox,
        route: Callable[[bytes | None], RedisLink | None],
        sign: Callable[[bytes, int], bytes],
        moved: Callable[[], None],
    ) -> None:
        # What was on its way when Redis went, or had no node to go to; and messages that went out.
        self.lost = 0
        self.published = 0
        self._outbox = outbox
        self._route = route
        self._sign = sign
        self._moved = moved
        self._rerouted = asyncio.Event()

    def rerouted(self) -> None:
        """Note that it is known anew where channels are."""
        self._rerouted.set()

    async def run(self) -> None:
        """Publish, until the first node is lost.

        Raises:
            RedisError, OSError, TimeoutError: it is.
        """
        while True:
            batch = await self._outbox.take()
            try:
                refused = await self._publish(batch)
                if refused:
                    self._rerouted.clear()
                    self._moved()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(TIMEOUT):
                            await self._rerouted.wait()
                    self.lost += len(await self._publish(refused))
            finally:
                self._outbox.done()

    async def _publish(self, batch: Iterable[Saying]) -> list[Saying]:
        """Publish a batch; returns what was refused."""
        together: dict[tuple[bytes, ...], list[bytes]] = {}
        for saying in batch:
            together.setdefault(saying.channels, []).append(saying.said)
        ways: dict[RedisLink, list[tuple[tuple[bytes, ...], bytes]]] = {}
        for channels, said in together.items():
            for link, theirs in self._by_link(channels).items():
                if link is None:
                    self.lost += len(said)
                else:
                    ways.setdefault(link, []).extend((theirs, some) for some in _bundles(said))
        told = await asyncio.gather(*(self._tell(link, what) for link, what in ways.items()))
        return [saying for refused in told for saying in refused]

    def _by_link(self, channels: tuple[bytes, ...]) -> dict[RedisLink | None, tuple[bytes, ...]]:
        if not channels:
            return {self._route(None): ()}
        found: dict[RedisLink | None, tuple[bytes, ...]] = {}
        for channel in channels:
            link = self._route(channel)
            found[link] = (*found.get(link, ()), channel)
        return found

    async def _tell(
        self, link: RedisLink, what: list[tuple[tuple[bytes, ...], bytes]]
    ) -> list[Saying]:
        sent = []
        commands = []
        for channels, said in what:
            message = self._sign(said, link.lane)
            for channel in channels or (COMMON,):
                sent.append(Saying((channel,) if channels else (), said))
                commands.append((link.say if channels else b"PUBLISH", channel, message))
        try:
            replies = await link.ask(*commands)
        except (RedisError, OSError, TimeoutError):
            self.lost += len(what)
            if link is self._route(None):
                raise
            await closed([link])
            return []
        self.published += len(commands)
        return [
            saying
            for saying, reply in zip(sent, replies, strict=True)
            if isinstance(reply, ResponseError)
        ]


def _bundles(said: list[bytes]) -> Iterable[bytes]:
    some: list[bytes] = []
    size = 0
    for each in said:
        if some and (len(some) == _TOGETHER or size + len(each) > _BYTES_TOGETHER):
            yield messages.together(some)
            some, size = [], 0
        some.append(each)
        size += len(each)
    yield messages.together(some)
