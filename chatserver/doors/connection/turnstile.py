"""Lets those who come at once go on a few at a time."""

import asyncio
from collections import deque


class Turnstile:
    """Lets so many pass in one turn of the event loop, in the order in which they came.

    When thousands of clients come back at once, a turn of the loop would serve all whose bytes are there, and take
    a good part of a second; whatever else is to be done takes several turns.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._passed = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turning = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def enter(self) -> None:
        """Wait for one's turn."""
        self._loop = loop = self._loop or asyncio.get_running_loop()
        if not self._turning:
            self._turning = True
            loop.call_soon(self._turn)
        if self._passed < self._most:
            self._passed += 1
            return
        waiter = loop.create_future()
        self._waiting.append(waiter)
        await waiter

    def _turn(self) -> None:
        self._passed = 0
        while self._waiting and self._passed < self._most:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._passed += 1
        self._turning = bool(self._passed)
        if self._turning and self._loop:
            self._loop.call_soon(self._turn)
