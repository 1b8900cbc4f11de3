"""Ends what is not settled in time: one queue and one timer for all with the same time-out."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol


class Watchable(Protocol):
    """Something that has to be settled before a deadline."""

    @property
    def settled(self) -> bool:
        """Whether it is settled."""

    def expire(self) -> None:
        """End the wait; called at the deadline, if it is not settled by then."""


class Deadlines:
    """Calls `expire` on each watched thing that is not settled in time.

    Args:
        timeout: seconds from the call of `watch`.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._watched: deque[tuple[float, Watchable]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def watch(self, expiring: Watchable) -> None:
        """Watch something; its time begins now."""
        watched = self._watched
        while watched and watched[0][1].settled:
            watched.popleft()
        watched.append((self._loop.time() + self._timeout, expiring))
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        watched = self._watched
        while watched and (watched[0][1].settled or watched[0][0] <= now):
            _, expiring = watched.popleft()
            if not expiring.settled:
                expiring.expire()
        self._timer = self._loop.call_at(watched[0][0], self._look) if watched else None


class Due:
    """An act that is done after a while, unless it is settled before."""

    __slots__ = ("_act",)

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    @property
    def settled(self) -> bool:
        """Whether nothing is to be done any more."""
        return self._act is None

    def settle(self) -> None:
        """Do not act any more, and forget who would have."""
        self._act = None

    def expire(self) -> None:
        """Act, since the time is over."""
        act, self._act = self._act, None
        if act is not None:
            act()


class Dues:
    """The deadlines of one kind, each `seconds` after it is set."""

    def __init__(self, seconds: float) -> None:
        self._deadlines = Deadlines(seconds)

    def set(self, act: Callable[[], None]) -> Due:
        """Have something done after the time, unless it is settled before. Returns what settles it."""
        due = Due(act)
        self._deadlines.watch(due)
        return due
