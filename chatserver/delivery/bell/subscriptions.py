"""Keeps which channels this process wants to hear, on which link it asked for each, and whether it hears it.

A channel is joined when the first member of its room comes, and left a while after the last one has gone: people
who come back find it. Until Redis has confirmed it, it is *young*: what is published on it may not be heard, and
the log alone is the truth.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import islice

from chatserver.delivery.bell.link import RedisLink

# Seconds for which a channel is heard after the last member of its room has gone.
LINGER = 30.0
# Channels that are asked for at once.
_AT_ONCE = 1_000

Route = Callable[[bytes], RedisLink | None]


class Subscriptions:
    """The channels of this process. `changed` is set where one is to be joined.

    Args:
        on_young, on_settled: called when some channels are young from now on, and when none is any longer.
    """

    def __init__(
        self,
        on_young: Callable[[], None],
        on_settled: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.changed = asyncio.Event()
        self._on_young = on_young
        self._on_settled = on_settled
        self._clock = clock
        # By channel, the link that was asked for it.
        self._asked: dict[bytes, RedisLink | None] = {}
        self._young: set[bytes] = set()
        self._fresh: list[bytes] = []
        # Since when nobody is in its room, the longest first.
        self._lingering: dict[bytes, float] = {}
        # How often the end of a channel was asked for and not confirmed yet.
        self._leaving: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def young(self) -> int:
        """How many channels are not heard yet."""
        return len(self._young)

    def join(self, channel: bytes) -> None:
        """Want to hear a channel."""
        if channel in self._asked:
            self._lingering.pop(channel, None)
        else:
            self._ask_anew(channel)

    def leave(self, channel: bytes) -> None:
        """Want to hear a channel no longer, in a while."""
        if channel in self._asked:
            self._lingering[channel] = self._clock()

    def _ask_anew(self, channel: bytes) -> None:
        self._fresh.append(channel)
        self.changed.set()
        self._make_young(channel)

    def _make_young(self, channel: bytes) -> None:
        self._asked[channel] = None
        if not self._young:
            self._on_young()
        self._young.add(channel)

    # -- asking -----------------------------------------------------------------------------------

    def take_fresh(self, route: Route) -> dict[RedisLink, list[bytes]]:
        """Return channels to be asked for, on their links, some at a time; those without a link wait for one."""
        some, self._fresh = self._fresh[:_AT_ONCE], self._fresh[_AT_ONCE:]
        if not self._fresh:
            self.changed.clear()
        found: dict[RedisLink, list[bytes]] = {}
        for channel in some:
            if channel in self._asked and (link := route(channel)):
                self._asked[channel] = link
                found.setdefault(link, []).append(channel)
        return found

    def take_old(self) -> dict[RedisLink, list[bytes]]:
        """Return channels whose rooms have been empty for long, on their links, some at a time."""
        found: dict[RedisLink, list[bytes]] = {}
        until = self._clock() - LINGER
        for channel, since in list(islice(self._lingering.items(), _AT_ONCE)):
            if since > until:
                break
            del self._lingering[channel]
            link = self._asked.pop(channel)
            self._grown([channel])
            if link is not None:
                self._leaving[channel] = self._leaving.get(channel, 0) + 1
                found.setdefault(link, []).append(channel)
        return found

    def start_over(self) -> None:
        """Ask for everything anew: nothing is heard."""
        self._leaving.clear()
        self._fresh.clear()
        for channel in self._asked:
            self._ask_anew(channel)

    def move(self, route: Route) -> None:
        """Ask anew for what another link has now, and for what was not confirmed."""
        for channel, link in self._asked.items():
            if link is not route(channel) or channel in self._young:
                self._ask_anew(channel)

    # -- what Redis says --------------------------------------------------------------------------

    def joined(self, link: RedisLink, channel: bytes) -> None:
        """Note that a link hears a channel."""
        if self._asked.get(channel) is link:
            self._grown([channel])

    def left(self, link: RedisLink, channel: bytes) -> bool:
        """Note that a link hears a channel no longer. Returns whether it was to hear it."""
        if leaving := self._leaving.pop(channel, 0):
            if leaving > 1:
                self._leaving[channel] = leaving - 1
            return False
        if self._asked.get(channel) is not link:
            return False
        self._make_young(channel)
        return True

    def _grown(self, channels: Iterable[bytes]) -> None:
        before = len(self._young)
        self._young.difference_update(channels)
        if before and not self._young:
            self._on_settled()
