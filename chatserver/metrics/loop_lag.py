"""Measures how late the event loop is: a long computation holds up everybody."""

import asyncio
from collections import deque

_EVERY = 0.5
# A scrape comes every 15 s or so, and should see the worst of that time.
_KEPT = 30


class LoopLag:
    """Asks the loop to wake it twice a second, and notes how late that was."""

    def __init__(self) -> None:
        self._late: deque[float] = deque((0.0,), maxlen=_KEPT)
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def worst(self) -> float:
        """The longest delay of the last 15 s, in seconds; the present one, if it is longer."""
        now = asyncio.get_running_loop().time()
        return max(*self._late, now - self._due if self._timer else 0.0)

    def start(self) -> None:
        """Begin to measure."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + _EVERY
        self._timer = loop.call_at(self._due, self._woken)

    def stop(self) -> None:
        """Stop measuring."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _woken(self) -> None:
        self._late.append(max(0.0, asyncio.get_running_loop().time() - self._due))
        self.start()
