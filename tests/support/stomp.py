"""A client that speaks STOMP over a WebSocket, frame by frame: what stock clients do not do, and see."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import orjson

from tests.conftest import User
from tests.support.patience import PATIENCE

PATH = "/marketplace/ws"
NOTIFICATIONS = "/user/queue/notifications"
SUBPROTOCOLS = ("v12.stomp", "v11.stomp", "v10.stomp")
_ENDS = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED)
_UNESCAPED = {"\\\\": "\\", "\\n": "\n", "\\c": ":", "\\r": "\r"}


def topic(conversation_id: str) -> str:
    """The topic of a conversation."""
    return f"/topic/conversation.{conversation_id}"


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that came."""

    command: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        """The body, which is JSON."""
        assert self.headers["content-type"] == "application/json"
        assert self.headers["content-length"] == str(len(self.body))
        return orjson.loads(self.body)


def frame(command: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """A frame to be sent; nothing is escaped."""
    lines = [command, *(f"{name}:{value}" for name, value in (headers or {}).items()), "", ""]
    return "\n".join(lines).encode() + body + b"\0"


def parsed(text: str) -> Frame:
    """The frame that a message is."""
    head, _, rest = text.lstrip("\n").partition("\n\n")
    command, *lines = head.split("\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        for escape, meaning in _UNESCAPED.items():
            value = value.replace(escape, meaning) if command != "CONNECTED" else value
        headers.setdefault(name, value)
    assert rest.endswith("\0"), text
    return Frame(command, headers, rest[:-1].encode())


class Stomp:
    """One connection. What comes is kept in order; ``beats`` counts the heart-beats among it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.beats = 0
        # What it was closed with.
        self.reason = ""
        self._came: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._kept: list[Frame] = []
        self._numbers = itertools.count(1)
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (message := await self.socket.receive()).type not in _ENDS:
            assert message.type is aiohttp.WSMsgType.TEXT, message
            if message.data == "\n":
                self.beats += 1
            else:
                await self._take(parsed(message.data))
        self.reason = str(message.extra)
        self._came.put_nowait(None)

    async def _take(self, found: Frame) -> None:
        """A frame came."""
        self._came.put_nowait(found)

    async def write(self, *frames: bytes) -> None:
        """Send frames as one message."""
        await self.socket.send_str(b"".join(frames).decode())

    async def say(
        self, command: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        """Send a frame."""
        await self.write(frame(command, headers, body))

    async def expect(self, command: str, **headers: str) -> Frame:
        """Await a frame of a kind, with these headers; others are kept."""
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}

        def fits(found: Frame) -> bool:
            return found.command == command and wanted.items() <= found.headers.items()

        for found in self._kept:
            if fits(found):
                self._kept.remove(found)
                return found
        async with asyncio.timeout(PATIENCE):
            while (came := await self._came.get()) is not None:
                if fits(came):
                    return came
                self._kept.append(came)
        self._came.put_nowait(None)
        raise AssertionError(f"closed with {self.socket.close_code} before {command}: {self._kept}")

    async def expect_any(self, commands: Sequence[str]) -> Frame:
        """Await the next frame of any of these kinds."""
        async with asyncio.timeout(PATIENCE):
            while (came := await self._came.get()) is not None:
                if came.command in commands:
                    return came
                self._kept.append(came)
        raise AssertionError(f"closed with {self.socket.close_code}: {self._kept}")

    async def connect(self, headers: Mapping[str, str]) -> Frame:
        """Send CONNECT; returns CONNECTED."""
        await self.say("CONNECT", {"accept-version": "1.2,1.1,1.0", **headers})
        return await self.expect("CONNECTED")

    async def log_in(self, user: User, **headers: str) -> Self:
        """Connect as a user."""
        await self.connect({"Authorization": f"Bearer {user.token}", **headers})
        return self

    async def done(
        self, command: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        """Send a frame that asks for a RECEIPT, and await that."""
        receipt = f"receipt-{next(self._numbers)}"
        await self.say(command, {**(headers or {}), "receipt": receipt}, body)
        await self.expect("RECEIPT", receipt_id=receipt)

    async def subscribe(self, destination: str, name: str | None = None) -> str:
        """Subscribe, and await that it is done; returns the id."""
        name = name or f"sub-{next(self._numbers)}"
        await self.done("SUBSCRIBE", {"id": name, "destination": destination})
        return name

    async def send(self, destination: str, **message: Any) -> None:
        """Send JSON, and await that it is done."""
        await self.done("SEND", {"destination": destination}, orjson.dumps(message))

    async def told(self, subscription: str, type_: str | None = None) -> Any:
        """The next MESSAGE of a subscription, as JSON."""
        while True:
            data = (await self.expect("MESSAGE", subscription=subscription)).data
            if type_ in (None, data["type"]):
                return data

    def kept(self, command: str) -> list[Frame]:
        """What came of a kind and was not expected, up to the last that was."""
        return [found for found in self._kept if found.command == command]

    async def refused(self) -> Frame:
        """Await the ERROR that ends the connection, and the end."""
        error = await self.expect("ERROR")
        await self.closed()
        return error

    async def closed(self) -> int | None:
        """Await the end; returns the close code."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.shield(self._reader)
        return self.socket.close_code

    async def close(self) -> None:
        """Hang up."""
        await self.socket.close()
        await self._reader


@asynccontextmanager
async def stomp(
    url: str, path: str = PATH, headers: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Stomp]:
    """A WebSocket, on which nothing was said yet."""
    options.setdefault("protocols", SUBPROTOCOLS)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + path, headers=headers, max_msg_size=0, **options) as socket,
    ):
        client = Stomp(socket)
        try:
            yield client
        finally:
            await client.close()
