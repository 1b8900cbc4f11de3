"""A list of things that are due at certain times, for one clock to look at."""

import heapq
from collections.abc import Iterator
from itertools import count

# What was called off stays in the heap until it is the larger part of it by so many.
_SLACK = 64


class Agenda:
    """Holds one due time for each key. Setting, dropping and taking cost O(log n)."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._entries: dict[str, tuple[float, int, str]] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._entries)

    def set(self, key: str, when: float) -> None:
        """Make `key` due at `when` (in the caller's clock, seconds), instead of any earlier time."""
        entry = (when, next(self._numbers), key)
        self._entries[key] = entry
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._entries) + _SLACK:
            self._heap = list(self._entries.values())
            heapq.heapify(self._heap)

    def drop(self, key: str) -> None:
        """Remove `key`, if it is there."""
        self._entries.pop(key, None)

    def take(self, now: float) -> Iterator[str]:
        """Remove and yield the keys that are due by `now`, the earliest first.

        The agenda may change meanwhile.
        """
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            key = entry[2]
            if self._entries.get(key) is entry:
                del self._entries[key]
                yield key
