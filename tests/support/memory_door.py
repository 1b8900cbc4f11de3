"""A door without a network and without a protocol: two queues, on the reception of a server in this process."""

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any

import orjson

from chatserver.core import encoding
from chatserver.core.caller import Session
from chatserver.core.errors import ChatError, ErrorCode
from chatserver.core.tally import Traffic
from chatserver.delivery.pushes import Frame
from chatserver.doors.connection.device import Device
from chatserver.doors.connection.dialect import Dialect
from chatserver.doors.connection.door import Door
from chatserver.doors.connection.due import SessionDeadlines
from chatserver.doors.connection.flusher import Flusher
from chatserver.doors.connection.line import Line
from chatserver.doors.connection.reception import Reception
from chatserver.doors.connection.send_queue import SendQueue
from chatserver.gate import Answer

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Words:
    """What goes out: JSON, which is what it weighs."""

    framed: bytes

    @classmethod
    def of(cls, *said: Any) -> "Words":
        """A kind, and what belongs to it."""
        return cls(encoding.dumps(said))


@dataclass(frozen=True, slots=True)
class Command:
    """What comes in: see `Incoming`."""

    id: int | None
    json: str

    def command(self) -> tuple[object, object]:
        """Its name and payload."""
        name, *payload = orjson.loads(self.json)
        return name, payload[0] if payload else None


def _event(frame: Frame) -> Words:
    return Words.of("push", frame.name, frame.payload)


def _event_with_offset(frame: Frame) -> Words:
    return Words.of("push", frame.name, frame.payload, frame.offset)


def _answer(asked: int, answer: Answer) -> Words:
    return Words.of("ack", asked, answer.ack())


class MemoryLine(Line):
    """The server's end of the two queues. ``end`` is how it ended, once it has."""

    dialect = Dialect(event=_event, event_with_offset=_event_with_offset, answer=_answer)
    ping_packet = Words.of("ping")
    close_packet = Words.of("close")
    device: Device | None

    def __init__(self, door: "MemoryDoor", bound: int) -> None:
        super().__init__(door, f"memory-{next(_numbers)}", SendQueue(bound), "192.0.2.7")
        self.end: str | None = None
        self.reader: asyncio.Task[None] | None = None

    def hang_up(self, *, come_back: ErrorCode | None = None, for_good: bool = False) -> None:
        """See `Line`."""
        if not self.closing:
            self.end = come_back or ("for good" if for_good else "for now")
            self.leave(drop=False)


class MemoryDoor(Door):
    """See `Door` and `LineHost`.

    Args:
        bound: bytes that may wait for a client.
    """

    # What its lines are.
    line: type[MemoryLine] = MemoryLine

    def __init__(self, reception: Reception, *, bound: int = 1_000_000) -> None:
        self._reception = reception
        self._bound = bound
        self.deadlines = SessionDeadlines(ping=25.0, pong=20.0, connect=10.0)
        self.flusher = Flusher()
        self.traffic = Traffic()
        self.on_leave = reception.disconnect
        self.on_arrival = reception.confirm
        self._open: set[Line] = set()

    def is_over(self, line: Line) -> None:
        """See `LineHost`."""
        self._open.discard(line)

    async def accept(self, line: Line, session: Session, pid: str | None) -> None:
        """See `Door`."""
        line.push(Words.of("accepted", pid))

    def refuse(self, line: Line, connection_id: str, error: ChatError) -> None:
        """See `Door`."""
        line.push(Words.of("refused", error.to_wire()))

    def open(self, incoming: "asyncio.Queue[Any]") -> MemoryLine:
        """A line to a client that puts what it says into a queue: its auth, then commands; None hangs up."""
        line = self.line(self, self._bound)
        self._open.add(line)
        line.schedule_ping()
        line.reader = asyncio.create_task(self._read(line, incoming))
        return line

    async def _read(self, line: MemoryLine, incoming: "asyncio.Queue[Any]") -> None:
        await self._reception.connect(self, line, line.sid, await incoming.get())
        asking = self._reception.asking
        while (command := await incoming.get()) is not None:
            if command == "pong":
                line.pong()
            elif line.device is not None and not asking.take(line.device, command):
                await asking.receive(line.device, command)
        line.leave(drop=True)

    def close_all(self) -> None:
        """Close every line, once what is queued for it has gone out."""
        for line in list(self._open):
            line.leave(drop=False)
