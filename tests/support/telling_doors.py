"""Memory doors that show what a door with other words has to work with, and devices that keep it."""

import asyncio
from collections.abc import Sequence
from typing import Any, Self

import orjson

from chatserver.core import encoding
from chatserver.delivery.pushes import Frame
from chatserver.doors.connection.device import Device
from chatserver.doors.connection.dialect import Dialect
from chatserver.gate import Answer
from chatserver.schemas.sessions import SessionReady
from chatserver.schemas.wire import to_wire
from tests.scenarios.ways import MemoryDevice
from tests.support.memory_door import MemoryDoor, MemoryLine, Words
from tests.support.patience import PATIENCE

# Pushes that are shown to nobody at the door that gathers.
HIDDEN = ("chat:conversation_created", "chat:message_status_updated")


def _answer(asked: int, answer: Answer) -> Words:
    return Words.of("ack", asked, answer.ack())


# -- what is known beside a payload -------------------------------------------------------------------


def _told(frame: Frame) -> Words:
    at = None if frame.at is None else frame.at.timestamp()
    about = None if frame.about is None else [*frame.about]
    return Words.of("push", frame.name, frame.payload, None, about, frame.origin, at)


class TellingLine(MemoryLine):
    """Tells, of each push, what it is about, who caused it, and when it was written."""

    dialect = Dialect(event=_told, event_with_offset=_told, answer=_answer)


class TellingDoor(MemoryDoor):
    """Tells all that is known of a push."""

    line = TellingLine


class TellingDevice(MemoryDevice):
    """Keeps it: ``noted`` has the name, what it is about, the origin and the time of each push."""

    def __init__(self, door: MemoryDoor) -> None:
        super().__init__(door)
        self.noted: list[tuple[str, Any, str | None, float | None]] = []

    async def _heed(self, kind: str, words: list[Any]) -> None:
        if kind == "push":
            name, _, _, about, origin, at = words
            self.noted.append((name, about, origin, at))
            words = words[:2]
        await super()._heed(kind, words)

    def about(self, name: str) -> list[Any]:
        """What each push of a name was about."""
        return [about for told, about, _, _ in self.noted if told == name]


# -- what was missed, in one message --------------------------------------------------------------------


def _shown(frame: Frame) -> Words | None:
    return None if frame.name in HIDDEN else Words.of("push", frame.name, frame.payload)


def _queued(frame: Frame) -> bytes | None:
    return None if frame.name in HIDDEN else encoding.dumps([frame.name, frame.payload])


class GatheringLine(MemoryLine):
    """Shows not everything, and to whoever caused a message only the answer."""

    dialect = Dialect(
        event=_shown,
        event_with_offset=_shown,
        answer=_answer,
        queued=_queued,
        answered=frozenset(("chat:message_received",)),
    )


class GatheringDoor(MemoryDoor):
    """Tells what was missed together with the beginning of the session."""

    line = GatheringLine
    tells_read_states = False

    def greet(
        self, device: Device, ready: SessionReady, queued: Sequence[bytes], offset: str
    ) -> None:
        """See `Door`."""
        parts = [orjson.loads(part) for part in queued]
        device.line.push(Words.of("connected", to_wire(ready), parts))


class SilentDoor(GatheringDoor):
    """Tells nothing of what was missed."""

    replays = False


class GatheringDevice(MemoryDevice):
    """A client of it: ``queued`` is what it had missed."""

    def __init__(self, door: MemoryDoor) -> None:
        super().__init__(door)
        self.queued: list[tuple[str, Any]] = []
        self.connected = asyncio.Event()
        # What came first.
        self.first: str | None = None

    async def connect(self, auth: Any = None) -> Self:
        """See `DevicePort`."""
        assert await self.open({**auth, "recovery": False}) is None
        await asyncio.wait_for(self.connected.wait(), PATIENCE)
        return self

    async def _heed(self, kind: str, words: list[Any]) -> None:
        if kind in ("push", "connected"):
            self.first = self.first or kind
        if kind == "connected":
            self.ready, queued = words
            self.queued = [(name, data) for name, data in queued]
            self.connected.set()
        else:
            await super()._heed(kind, words)

    def texts(self) -> list[str]:
        """The texts of the messages that it was told of together."""
        return [data["content"] for name, data in self.queued if name == "chat:message_received"]
