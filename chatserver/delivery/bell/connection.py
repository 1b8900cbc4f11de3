"""Connects to Redis: one task publishes, one asks for channels, and each node has a `RedisLink`.

A session begins with what Redis says of itself (`Topology`): one node, on which everything is said and heard, or
the masters of a Cluster, each with its own channels. What goes wrong with the first node ends the session, and
the next begins at once, then after growing pauses of at most a second. What goes wrong with another one, or a
channel that has moved, has the Cluster looked at again.
"""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from redis.exceptions import RedisError

from chatserver.core.logging import get_logger
from chatserver.delivery.bell.link import TIMEOUT, Hearing, RedisLink, closed
from chatserver.delivery.bell.outbox import Outbox
from chatserver.delivery.bell.publisher import Publisher
from chatserver.delivery.bell.subscriptions import Subscriptions
from chatserver.redis import Node, Topology, discover, redis_client
from chatserver.redis.trouble import explained

_log = get_logger(__name__)

_SHORTEST_BACKOFF = 0.05
_LONGEST_BACKOFF = 1.0
_FLUSH = 1.0
# Seconds between two looks for channels that have become old, and two looks at a Cluster that is not whole.
_SWEEP = 5.0
_LOOK_AGAIN = 0.25
_GONE = (RedisError, OSError, TimeoutError)


class BellConnection(Hearing):
    """Publishes on channels, and hears them.

    Args:
        hear: called with what was published on a room's channel. Must not raise.
        sign: makes of what is said a message, on a lane, as it goes out: its time is in it.
    """

    def __init__(
        self, url: str, hear: Callable[[bytes], None], sign: Callable[[bytes, int], bytes]
    ) -> None:
        self.outbox = Outbox()
        self.channels = Subscriptions(
            lambda: _call_all(self.on_young), lambda: _call_all(self.on_settled)
        )
        self.publisher = Publisher(self.outbox, self._route, sign, self._note_move)
        # Called with what is published on the channels that every process hears. Must not raise.
        self.ears: dict[bytes, Callable[[bytes], None]] = {}
        self.on_recovered: list[Callable[[], None]] = []
        self.on_lost: list[Callable[[], None]] = []
        self.on_young: list[Callable[[], None]] = []
        self.on_settled: list[Callable[[], None]] = []
        self._url = url
        self._hear = hear
        self._lanes = itertools.cycle(range(2**16))
        # Where a session may begin: where the URL says, or at another node that was known.
        self._seeds: list[Node | None] = [None]
        self._topology = Topology(is_sharded=False)
        self._base: RedisLink | None = None
        self._links: dict[Node, RedisLink] = {}
        self._stale = asyncio.Event()
        self._healthy = False
        self._warned = False
        self._backoff = _SHORTEST_BACKOFF
        self._ending = False
        self._tried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether what is published is heard."""
        return self._healthy

    @property
    def is_sharded(self) -> bool:
        """Whether the channels are those of sharded pub/sub."""
        return self._topology.is_sharded

    async def start(self) -> None:
        """Begin, and wait until that has worked or has failed once: then Redis may come later."""
        self._task = asyncio.create_task(self._run())
        with suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                await self._tried.wait()

    async def stop(self) -> None:
        """End, once what is queued has gone out, if Redis takes it now."""
        if self._healthy:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH):
                    await self.outbox.emptied()
        self._ending = True
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    # -- sessions ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        for attempt in itertools.count():
            error: BaseException | None = None
            try:
                await self._session(self._seeds[attempt % len(self._seeds)])
            except* _GONE as group:
                error = _first(group)
            except* Exception as group:
                _log.exception("the link to Redis crashed", exc_info=group)
                error = _first(group)
            self._lose()
            self._tried.set()
            if self._ending:
                return  # a task group whose task has failed takes a cancel for its own (before Python 3.13)
            self._warn(explained(error, self._url).line if error else "it said nothing")
            await asyncio.sleep(self._backoff * random.uniform(0.5, 1))  # noqa: S311 - no secret
            self._backoff = min(self._backoff * 2, _LONGEST_BACKOFF)

    async def _session(self, seed: Node | None) -> None:
        self._base = base = self._new_link(seed)
        try:
            await base.open(tuple(self.ears))
            self._topology = await self._look(base)
            base.use_shards(is_sharded=self._topology.is_sharded)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(base.run())
                self.channels.start_over()
                await self._link_up(tasks)
                tasks.create_task(self.publisher.run())
                tasks.create_task(self._subscribe())
                tasks.create_task(self._look_again(base, tasks))
        finally:
            self._base = None
            links, self._links = (base, *self._links.values()), {}
            await closed(links)

    def _new_link(self, node: Node | None) -> RedisLink:
        return RedisLink(redis_client(self._url, TIMEOUT, node), self, next(self._lanes))

    async def _look(self, base: RedisLink) -> Topology:
        found = await discover(base.ask, base.host)
        self._seeds = [None, *sorted(found.nodes)]
        return found

    async def _link_up(self, tasks: asyncio.TaskGroup) -> None:
        """Have a link to each master; the bell is well when it has."""
        topology = self._topology
        for node in self._links.keys() - topology.nodes:
            await closed([self._links.pop(node)])
        missing = topology.nodes - self._links.keys()
        links = {node: self._new_link(node) for node in missing}
        opened = await asyncio.gather(
            *(link.open() for link in links.values()), return_exceptions=True
        )
        for (node, link), error in zip(links.items(), opened, strict=True):
            if isinstance(error, _GONE):
                await closed([link])
            elif error is not None:
                raise error
            else:
                link.use_shards(is_sharded=True)
                self._links[node] = link
                tasks.create_task(self._keep(node, link))
        if topology.is_whole and self._links.keys() == topology.nodes:
            self._recover()
        else:
            self._lose()
            self._warn("not every channel has a master of the Redis Cluster that can be reached")

    async def _keep(self, node: Node, link: RedisLink) -> None:
        """Run the link to a master; where it is lost, the others go on."""
        try:
            await link.run()
        except* _GONE:
            if self._links.get(node) is link:
                del self._links[node]
                self._lose()
                self._stale.set()
        finally:
            await closed([link])

    async def _look_again(self, base: RedisLink, tasks: asyncio.TaskGroup) -> None:
        """Look at the Cluster whenever it has turned out to be another one, and until it is whole."""
        while True:
            # At once, but not one time after the other.
            await asyncio.sleep(_LOOK_AGAIN * random.uniform(0.5, 1))  # noqa: S311 - no secret
            if self._healthy:
                await self._stale.wait()
            self._stale.clear()
            self._topology = await self._look(base)
            await self._link_up(tasks)
            self.channels.move(self._route)
            self.publisher.rerouted()

    def _route(self, channel: bytes | None) -> RedisLink | None:
        """Return the link on which a channel is told and heard; that of the common one for None."""
        if channel is None or not self._topology.owners:
            return self._base
        node = self._topology.node_of(channel)
        return None if node is None else self._links.get(node)

    async def _subscribe(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_SWEEP):
                    await self.channels.changed.wait()
            for link, channels in self.channels.take_fresh(self._route).items():
                await self._asked(link, link.join(channels))
            for link, channels in self.channels.take_old().items():
                await self._asked(link, link.leave(channels))
            # Thousands are asked for after an outage.
            await asyncio.sleep(0)

    async def _asked(self, link: RedisLink, asking: Awaitable[None]) -> None:
        try:
            await asking
        except _GONE:
            if link is self._base:
                raise
            await closed([link])

    def _recover(self) -> None:
        if self._healthy:
            return
        self._healthy = True
        self._tried.set()
        self._backoff = _SHORTEST_BACKOFF
        if self._warned:
            self._warned = False
            _log.info("Redis is back", dropped=self.outbox.dropped, lost=self.publisher.lost)
        _call_all(self.on_recovered)

    def _warn(self, error: str) -> None:
        """Say once that not everything is heard, until it is."""
        if not self._warned:
            self._warned = True
            _log.warning(
                "Redis is away: other processes hear of messages by the log, later; trying again",
                error=error,
            )

    def _lose(self) -> None:
        if self._healthy:
            self._healthy = False
            _call_all(self.on_lost)

    # -- Hearing ----------------------------------------------------------------------------------

    def heard(self, channel: bytes, message: bytes) -> None:
        """See `Hearing`."""
        self.ears.get(channel, self._hear)(message)

    def joined(self, link: RedisLink, channel: bytes) -> None:
        """See `Hearing`."""
        self.channels.joined(link, channel)

    def left(self, link: RedisLink, channel: bytes) -> None:
        """See `Hearing`."""
        if self.channels.left(link, channel):
            self._note_move()

    def refused(self) -> None:
        """See `Hearing`."""
        self._note_move()

    def _note_move(self) -> None:
        self._stale.set()


def _first(error: BaseException) -> BaseException:
    """Return what went wrong first, out of the groups that it came in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _call_all(callbacks: Sequence[Callable[[], None]]) -> None:
    for callback in callbacks:
        try:
            callback()
        except Exception:
            _log.exception("a callback of the link to Redis crashed")
