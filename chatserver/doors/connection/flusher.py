"""Writes to many clients: what was queued for one in a tick of the event loop goes out in one write."""

import asyncio
from collections import deque
from typing import Protocol

# A push to a room of thousands must not keep everybody else waiting: so many clients are written to, and then
# whatever else is ready has its turn. Most of it is system calls, about 8 µs for each client.
_SLICE = 32
# Fewer are written to at once: each turn of the event loop has its price, too.
_FEW = 200


class Flushable(Protocol):
    """Something with a queue."""

    def flush(self) -> None:
        """Write what is queued."""


class Flusher:
    """Flushes in the order in which there was something to flush."""

    __slots__ = ("_first", "_loop", "_scheduled", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[Flushable] = deque()
        self._first: deque[Flushable] = deque()
        self._scheduled = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, client: Flushable) -> None:
        """Flush a client, for which nothing was queued until now, once this tick's work is done."""
        self._waiting.append(client)
        if not self._scheduled:
            self._scheduled = True
            # Made before the loop runs, and asking for it each time costs a system call in Python 3.11.
            self._loop = self._loop or asyncio.get_running_loop()
            self._loop.call_soon(self._flush)

    def hurry(self, client: Flushable) -> None:
        """Let a client that waits for what was added come first, where many come before it.

        A sender that is answered before its message has gone to a whole room has written its next one by the
        time that it has: one write to each takes both.
        """
        if len(self._waiting) > _FEW:
            self._first.append(client)

    def _flush(self) -> None:
        first, waiting = self._first, self._waiting
        while first:
            first.popleft().flush()
        for _ in range(_SLICE if len(waiting) > _FEW else len(waiting)):
            waiting.popleft().flush()
        if waiting and self._loop:
            self._loop.call_soon(self._flush)
        else:
            self._scheduled = False
