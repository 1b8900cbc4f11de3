"""Keeps what waits to be published: in order, bounded in number and bytes."""

import asyncio
from collections import deque
from typing import NamedTuple

MAX_MESSAGES = 10_000
MAX_BYTES = 32 * 1024 * 1024
# Redis ends a subscriber's connection whose buffer passes 8 MiB for a minute; one burst stays far below.
_BATCH_MESSAGES = 500
_BATCH_BYTES = 1024 * 1024


class Saying(NamedTuple):
    """Something to publish on each of some channels; none is the one that everybody hears."""

    channels: tuple[bytes, ...]
    said: bytes


class Outbox:
    """A queue that never blocks its producer: where it is full the oldest are dropped, and counted."""

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self.dropped = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._sayings: deque[Saying] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def __len__(self) -> int:
        return len(self._sayings)

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self._bytes

    def put(self, saying: Saying) -> None:
        """Queue something."""
        self._sayings.append(saying)
        self._bytes += len(saying.said)
        while len(self._sayings) > self._max_messages or self._bytes > self._max_bytes:
            self._bytes -= len(self._sayings.popleft().said)
            self.dropped += 1
        if self._sayings:
            self._filled.set()
            self._emptied.clear()

    async def take(self) -> list[Saying]:
        """Wait for something, and take the oldest, as much as one round trip carries. `done` must follow."""
        while not self._sayings:
            self._filled.clear()
            await self._filled.wait()
        batch: list[Saying] = []
        size = 0
        while self._sayings and len(batch) < _BATCH_MESSAGES:
            if batch and size + len(self._sayings[0].said) > _BATCH_BYTES:
                break
            saying = self._sayings.popleft()
            size += len(saying.said)
            batch.append(saying)
        self._bytes -= size
        return batch

    def done(self) -> None:
        """Note that what was taken went out, or is lost."""
        if not self._sayings:
            self._emptied.set()

    async def emptied(self) -> None:
        """Wait until nothing is queued or under way."""
        await self._emptied.wait()
