"""What waits to be published: in order, bounded in number and bytes."""

import asyncio
from collections import deque

MAX_MESSAGES = 10_000
MAX_BYTES = 32 * 1024 * 1024
# Redis ends a subscriber's connection whose buffer passes 8 MiB for a minute; one burst stays far below.
_BATCH_MESSAGES = 500
_BATCH_BYTES = 1024 * 1024


class Outbox:
    """A queue that never blocks who puts: where it is full the oldest are dropped, and counted."""

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self.dropped = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self._bytes

    def put(self, message: bytes) -> None:
        """Queue a message."""
        self._messages.append(message)
        self._bytes += len(message)
        while len(self._messages) > self._max_messages or self._bytes > self._max_bytes:
            self._bytes -= len(self._messages.popleft())
            self.dropped += 1
        if self._messages:
            self._filled.set()
            self._emptied.clear()

    async def take(self) -> list[bytes]:
        """Wait for messages, and take the oldest: theirs is one round trip. `done` must follow."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        batch: list[bytes] = []
        size = 0
        while self._messages and len(batch) < _BATCH_MESSAGES:
            if batch and size + len(self._messages[0]) > _BATCH_BYTES:
                break
            message = self._messages.popleft()
            size += len(message)
            batch.append(message)
        self._bytes -= size
        return batch

    def done(self) -> None:
        """What was taken went out, or is lost."""
        if not self._messages:
            self._emptied.set()

    async def emptied(self) -> None:
        """Wait until nothing is queued or under way."""
        await self._emptied.wait()
