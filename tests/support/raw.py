"""A device that sends what no client would: frames as they are given, over one WebSocket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest

from tests.support.patience import PATIENCE


class Closed(Exception):  # noqa: N818 - it says what became of the connection
    """The server closed the connection."""


class Raw:
    """Speaks Engine.IO and Socket.IO by hand. ``pushes`` are the events that came, ``acks`` their texts."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = 0
        self.pushes: list[tuple[str, Any]] = []

    async def frame(self, text: str) -> None:
        """Send a text frame as it is."""
        await self._socket.send_str(text)

    async def blob(self, data: bytes) -> None:
        """Send a binary frame."""
        await self._socket.send_bytes(data)

    async def packet(self) -> str:
        """The next Socket.IO packet; pings are answered.

        Raises:
            Closed
        """
        while True:
            message = await self._socket.receive(timeout=PATIENCE)
            if message.type is not aiohttp.WSMsgType.TEXT or message.data == "1":
                raise Closed(message)
            if message.data == "2":
                await self._socket.send_str("3")
            elif message.data.startswith("4"):
                return str(message.data[1:])

    async def closed(self) -> None:
        """Wait until the server has closed the connection; pushes may come before."""
        try:
            while True:
                await self.packet()
        except Closed:
            return

    async def connect(self, auth: str) -> str:
        """The answer to a CONNECT with `auth` (JSON): a CONNECT packet, or a CONNECT_ERROR."""
        await self.frame(f"40{auth}")
        return await self.packet()

    async def sent_back(self, token: str, **auth: Any) -> str:
        """As the function of that name, on this transport."""
        with pytest.raises(Closed):
            await self.connect(orjson.dumps({**auth, "token": token}).decode())
        message = await self._socket.receive(timeout=PATIENCE)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        return str(message.extra)

    async def push(self, name: str) -> Any:
        """The data of the next push of that name, which is taken."""
        while True:
            for index, (came, data) in enumerate(self.pushes):
                if came == name:
                    del self.pushes[index]
                    return data
            self._keep(await self.packet())

    def _keep(self, packet: str) -> None:
        assert packet.startswith("2"), f"neither a push nor the ack awaited: {packet[:200]}"
        name, *arguments = orjson.loads(packet[1:])
        self.pushes.append((name, arguments[0] if arguments else None))

    async def ack(self, packet: str) -> str:
        """The text of the one ack of a packet; ``{id}`` in it becomes a new id.

        An ack that nobody asked for, a second one of the packet before among them, fails the test.
        """
        self._ids += 1
        await self.frame(packet.replace("{id}", str(self._ids), 1))
        start = f"3{self._ids}["
        while True:
            came = await self.packet()
            if came.startswith(start):
                return came[len(start) - 1 :]
            self._keep(came)

    async def ask(self, name: str, payload: str) -> dict[str, Any]:
        """The ack of a command with `payload` (JSON, or what claims to be)."""
        text = await self.ack(f'42{{id}}["{name}",{payload}]')
        (answer,) = orjson.loads(text)
        assert "Traceback" not in text, text
        assert ".py" not in text, text
        return dict(answer)

    async def refused(self, name: str, payload: str) -> dict[str, Any]:
        """The error of a command that must be refused."""
        answer = await self.ask(name, payload)
        assert answer["success"] is False, (name, payload[:200])
        return dict(answer["error"])

    async def works(self) -> None:
        """The connection is as good as new, and what was sent before had no second answer."""
        assert (await self.ask("system:ping", "{}"))["success"] is True


@asynccontextmanager
async def raw_socket(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Raw]:
    """A WebSocket on which Engine.IO is open, and Socket.IO is not yet connected."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0, headers=headers
        ) as socket,
    ):
        opened = await socket.receive_str(timeout=PATIENCE)
        assert opened.startswith("0{"), opened
        yield Raw(socket)


@asynccontextmanager
async def raw_client(url: str, token: str) -> AsyncIterator[Raw]:
    """A connected device."""
    async with raw_socket(url) as raw:
        answer = await raw.connect(orjson.dumps({"token": token}).decode())
        assert answer.startswith("0{"), answer
        await raw.push("session:ready")
        yield raw


async def sent_back(url: str, token: str) -> str:
    """Be refused for now, as a stock client that comes back by itself must be; returns the code of the error."""
    async with raw_socket(url) as raw:
        return await raw.sent_back(token)


async def crowd(url: str, tokens: list[str]) -> int:
    """Connect with all tokens at the same moment; returns how many were let in, all others being sent back."""
    async with AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(raw_socket(url)) for _ in tokens]

        async def let_in(raw: Raw, token: str) -> bool:
            try:
                return (await raw.connect(orjson.dumps({"token": token}).decode())).startswith("0{")
            except Closed:
                return False

        return sum(await asyncio.gather(*map(let_in, raws, tokens)))


async def all_closed(url: str, frame: str | bytes, token: str | None) -> None:
    """Send one frame, connected if there is a `token`, and wait until the server hangs up."""
    async with raw_client(url, token) if token else raw_socket(url) as raw:
        await (raw.frame(frame) if isinstance(frame, str) else raw.blob(frame))
        await asyncio.wait_for(raw.closed(), PATIENCE)
