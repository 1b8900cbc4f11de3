"""Deadlines that are all equally far away: a queue and one timer, instead of a timer for each."""

import asyncio
from collections import deque
from typing import Protocol


class Expiring(Protocol):
    """Something that is to be settled in time."""

    @property
    def settled(self) -> bool:
        """Whether it is."""

    def expire(self) -> None:
        """It was not."""


class Deadlines:
    """Whatever is not settled in time expires.

    Args:
        timeout: seconds, from when something is watched.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._watched: deque[tuple[float, Expiring]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def watch(self, expiring: Expiring) -> None:
        """It has the time-out from now on."""
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
