"""Shares a provider's places among people: whoever names a slow service of their own waits for it alone."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Notices of one person that are under way at a time; of one whose service was slow lately.
MOST = 8
_MOST_OF_SLOW = 1
# An answer after so long is slow, and is remembered for so long, of so many people (s).
_SLOW = 2.0
_REMEMBERED = 600.0
_MOST_REMEMBERED = 10_000


class Shares:
    """Counts what is under way for whom."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way: Counter[str] = Counter()
        # Until when each counts as slow.
        self._slow: OrderedDict[str, float] = OrderedDict()

    def is_slow(self, user_id: str) -> bool:
        """Return whether a service of this person's was slow lately."""
        return self._slow.get(user_id, 0.0) > self._clock()

    def take(self, user_id: str) -> bool:
        """Take a place, until `leave`. Returns False where the person has all that are theirs."""
        if self._under_way[user_id] >= (_MOST_OF_SLOW if self.is_slow(user_id) else MOST):
            return False
        self._under_way[user_id] += 1
        return True

    def leave(self, user_id: str) -> None:
        """Give a place back."""
        self._under_way[user_id] -= 1
        if not self._under_way[user_id]:
            del self._under_way[user_id]

    @contextmanager
    def timed(self, user_id: str) -> Iterator[None]:
        """Note whether what is done meanwhile takes long."""
        began = self._clock()
        try:
            yield
        finally:
            now = self._clock()
            if now - began >= _SLOW:
                self._slow[user_id] = now + _REMEMBERED
                self._slow.move_to_end(user_id)
                while len(self._slow) > _MOST_REMEMBERED:
                    self._slow.popitem(last=False)
