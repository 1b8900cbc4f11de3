"""The ways to connect: an adapter per door, all with the same devices."""

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Self

import orjson

from tests.conftest import User
from tests.support.device import PATIENCE, Device
from tests.support.inside import tell, until
from tests.support.memory_door import Command, MemoryDoor, MemoryLine
from tests.support.port import DevicePort
from tests.support.raw import sent_back
from tests.support.servers import Server
from tests.support.tokens import refusal
from tests.support.wire import Wire

# What a server keeps for one client where a test is about that; and more than any kernel keeps besides.
BOUND = 65_536
TOO_MUCH = 16 * 1024 * 1024


class Way(ABC):
    """A door of a server, from outside. Leaving the context hangs up all devices.

    ``has_offsets`` says whether pushes have offsets, ``tells_ends`` whether clients are told beforehand that their
    session, or the process, is about to end, and ``lacks`` why a scenario is not played.
    """

    has_offsets = True
    tells_ends = True
    lacks: ClassVar[Mapping[str, str]] = {}

    def __init__(self, server: Server) -> None:
        self._server = server
        self._devices: list[DevicePort] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for device in self._devices:
            await device.close()

    async def connect(self, user: User, **auth: Any) -> DevicePort:
        """A device that is ready; `auth` is said beside the token."""
        device = self._device(user)
        self._devices.append(device)
        await device.connect({"token": user.token, **auth})
        return device

    @abstractmethod
    def _device(self, user: User) -> DevicePort:
        """One that is not connected yet."""

    @abstractmethod
    async def refused(self, auth: Any) -> dict[str, Any]:
        """The error with which somebody is refused, and stays away."""

    @abstractmethod
    async def sent_back(self, user: User) -> str:
        """The code of the error for which somebody is refused, and is to come back."""

    async def drain(self) -> None:
        """Take leave of everybody."""
        assert self._server.app is not None
        await self._server.app.open_doors.drain(0)

    async def is_idle(self, device: DevicePort) -> bool:
        """Whether what a device asks is not done any more, since the process ends."""
        error = await device.refused("system:ping")
        return bool(error["code"] == "UNAVAILABLE")

    @abstractmethod
    async def does_not_read(self, user: User) -> None:
        """Connect without reading, be pushed too much, and be cut off."""


class SocketIOWay(Way):
    """The main door, by the stock client."""

    def _device(self, user: User) -> DevicePort:
        return Device(self._server.url, user.token)

    async def refused(self, auth: Any) -> dict[str, Any]:
        """See `Way`."""
        return await refusal(self._server.url, auth)

    async def sent_back(self, user: User) -> str:
        """See `Way`."""
        return await sent_back(self._server.url, user.token)

    async def does_not_read(self, user: User) -> None:
        """See `Way`."""
        async with Wire(self._server.url) as wire:
            await wire.connect(user.token)
            for _ in range(TOO_MUCH // 100_000):
                tell(self._server, user.id, 100_000)
                await asyncio.sleep(0)
            await wire.ended()


class MemoryDevice(DevicePort):
    """A client at one end of two queues."""

    def __init__(self, door: MemoryDoor) -> None:
        super().__init__()
        self._door = door
        self._said: asyncio.Queue[Any] = asyncio.Queue()
        self._ids = itertools.count(1)
        self._acks: dict[int, asyncio.Future[Any]] = {}
        self._answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.line: MemoryLine | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self, auth: Any) -> Any:
        """What comes of asking to be let in: None, an error, or the code for which to come back."""
        self.line = self._door.open(self._said)
        self._reader = asyncio.create_task(self._read(self.line))
        self._said.put_nowait(auth)
        return await asyncio.wait_for(self._answered, PATIENCE)

    async def connect(self, auth: Any = None) -> Self:
        """See `DevicePort`."""
        assert await self.open(auth) is None
        self.ready = await self.expect("session:ready")
        return self

    async def _read(self, line: MemoryLine) -> None:
        queue = line.queue
        while not queue.ended or not queue.empty:
            if queue.empty:
                await queue.changed.wait()
            for packet in queue.take(1):
                queue.written(packet)
                kind, *words = orjson.loads(packet.framed)
                await self._heed(kind, words)
        self.end = "for good" if line.end == "for good" else "for now"
        if not self._answered.done():
            self._answered.set_result(line.end)
        self.disconnected.set()

    async def _heed(self, kind: str, words: list[Any]) -> None:
        match kind:
            case "push":
                name, data, *offset = words
                self.offset = offset[0] if offset else self.offset
                await self._arrive(name, data)
            case "ack":
                self._acks.pop(words[0]).set_result(words[1])
            case "accepted":
                self._answered.set_result(None)
            case "refused":
                self._answered.set_result(words[0])
            case "ping":
                self._said.put_nowait("pong")

    async def _call(self, name: str, *payload: Any) -> dict[str, Any]:
        number = next(self._ids)
        ack = self._acks[number] = asyncio.get_running_loop().create_future()
        self._said.put_nowait(Command(number, orjson.dumps([name, *payload]).decode()))
        answer: dict[str, Any] = await asyncio.wait_for(ack, PATIENCE)
        return answer

    async def tell(self, name: str, /, **payload: Any) -> None:
        """See `DevicePort`."""
        self._said.put_nowait(Command(None, orjson.dumps([name, payload]).decode()))

    async def _hang_up(self) -> None:
        self._said.put_nowait(None)
        for task in (self.line.reader if self.line else None, self._reader):
            if task is not None:
                await asyncio.wait_for(task, PATIENCE)


class MemoryWay(Way):
    """A door without a network."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        assert server.app is not None
        self._door = MemoryDoor(server.app.reception, bound=BOUND)

    def _device(self, user: User) -> MemoryDevice:
        return MemoryDevice(self._door)

    @asynccontextmanager
    async def _opened(self, auth: Any) -> AsyncIterator[Any]:
        device = MemoryDevice(self._door)
        yield await device.open(auth)
        await device.close()

    async def refused(self, auth: Any) -> dict[str, Any]:
        """See `Way`."""
        async with self._opened(auth) as error:
            assert isinstance(error, dict), error
            return error

    async def sent_back(self, user: User) -> str:
        """See `Way`."""
        async with self._opened({"token": user.token}) as code:
            assert isinstance(code, str), code
            return code

    async def drain(self) -> None:
        """See `Way`."""
        assert self._server.app is not None
        self._server.app.reception.say_draining(0)
        self._door.close_all()

    async def does_not_read(self, user: User) -> None:
        """See `Way`."""
        said: asyncio.Queue[Any] = asyncio.Queue()
        line = self._door.open(said)
        said.put_nowait({"token": user.token})
        await until(lambda: line.device is not None and line.device.held is None)
        for _ in range(TOO_MUCH // 100_000):
            tell(self._server, user.id, 100_000)
        assert line.closed
        assert line.queue.bytes == 0
        said.put_nowait(None)
        assert line.reader is not None
        await line.reader
