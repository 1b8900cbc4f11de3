"""An in-memory log, and devices that keep what they are sent: for `Delivery` without a database or a door."""

import asyncio
from typing import Any

from chatserver.delivery.delivery import Delivery
from chatserver.delivery.late import Gap
from chatserver.delivery.pushes import Connection, Event, Frame


class MemoryLog:
    """Streams of committed events. The first ones may be pruned; reading may fail a few times."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Event]] = {}
        self.pruned = 0
        self.failures: list[Exception] = []
        self.reads: list[tuple[str, int, int]] = []

    def commit(
        self, room: str, *, joined: tuple[str, ...] = (), left: tuple[str, ...] = ()
    ) -> Event:
        """Append an event; its payload is its seq."""
        stream = self.streams.setdefault(room, [])
        seq = len(stream) + 1
        stream.append(Event(room=room, seq=seq, name="e", payload=seq, joined=joined, left=left))
        return stream[-1]

    def last(self, room: str) -> int:
        """The seq of a stream's last event."""
        return len(self.streams.get(room, ()))

    async def read(self, room: str, after: int, up_to: int) -> list[Event]:
        """What `Delivery` calls."""
        self.reads.append((room, after, up_to))
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop()
        return self.streams.get(room, [])[max(after, self.pruned) : up_to]


class FakeDevice:
    """A connection of a user that keeps the payloads it is sent."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.got: list[Any] = []
        self._arrived = asyncio.Event()

    def send(self, frame: Frame) -> None:
        """What `Delivery` calls."""
        self.got.append(frame.payload)
        self._arrived.set()

    async def until(self, last: Any) -> list[Any]:
        """All that it was sent, once `last` is the last of it."""
        while self.got[-1:] != [last]:
            self._arrived.clear()
            await self._arrived.wait()
        return self.got


class BrokenDevice(FakeDevice):
    """A connection that refuses every push."""

    def send(self, frame: Frame) -> None:
        """Fails."""
        raise OSError("broken on purpose")


async def missed(delivery: Delivery, connection: Connection, gap: Gap) -> list[Frame]:
    """The frames of a gap, all pages of them."""
    return [frame async for page in delivery.missed(connection, gap) for frame in page]
