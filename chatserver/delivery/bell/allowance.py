"""Bounds work for senders that get no answer and so cannot be refused: what is too much is left undone."""

import time
from collections.abc import Callable

# How many seconds' worth may be used at once.
_BURST = 2.0


class Allowance:
    """Allows `rate` units a second, and two seconds' worth at once; 0 is no limit.

    The cost of something is known only once it is done: a caller may overdraw while anything is left, and then
    nobody is let in until that is paid.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left = rate * _BURST
        self._at = clock()

    def is_left(self) -> bool:
        """Return whether any of the allowance is left, so that something more may be done now."""
        if not self._rate:
            return True
        now = self._clock()
        self._left = min(self._rate * _BURST, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left > 0

    def use(self, units: float) -> None:
        """Subtract the cost of something that was done, even if less is left."""
        self._left -= units
