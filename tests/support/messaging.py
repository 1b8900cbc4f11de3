"""A client of the messaging system: JSON over a WebSocket, with what it was told kept in order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from chatserver.doors.messaging.line import MessagingLine
from tests.conftest import User
from tests.support.patience import PATIENCE
from tests.support.servers import Server

PATH = "/messaging/ws"
Told = dict[str, Any]


def lines(server: Server) -> set[MessagingLine]:
    """The server's ends of its connections, of nobody yet among them."""
    assert server.app is not None
    return server.app.messaging.lines.open


def line_of(server: Server, user: User) -> MessagingLine:
    """The server's end of somebody's only connection."""
    (line,) = [
        line for line in lines(server) if line.device is not None and line.device.user_id == user.id
    ]
    return line


class MessagingClient:
    """One connection. ``told`` is what came and was not taken, ``closed`` the code and reason of its end."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.told: list[Told] = []
        self.closed: tuple[int | None, str] | None = None
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            async with self._arrived:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.told.append(orjson.loads(message.data))
                else:
                    reason = message.extra if isinstance(message.extra, str) else ""
                    self.closed = self._socket.close_code, reason
                self._arrived.notify_all()
            if self.closed is not None:
                return

    async def text(self, text: str) -> None:
        """Send a text as it is."""
        await self._socket.send_str(text)

    async def say(self, type_: str, **fields: Any) -> None:
        """Send a message."""
        await self.text(orjson.dumps({"type": type_, **fields}).decode())

    async def expect(
        self, type_: str, matching: Callable[[Told], bool] = lambda _: True, *, take: bool = True
    ) -> Told:
        """The first message of a type that matches, now or within `PATIENCE`."""
        return await self._expect((type_,), matching, take)

    async def expect_any(self, *types: str) -> Told:
        """The first message of any of some types."""
        return await self._expect(types, lambda _: True, take=True)

    async def _expect(
        self, types: tuple[str, ...], matching: Callable[[Told], bool], take: bool
    ) -> Told:
        def found() -> Told | None:
            return next((t for t in self.told if t["type"] in types and matching(t)), None)

        async with self._arrived:
            try:
                await asyncio.wait_for(
                    self._arrived.wait_for(lambda: found() is not None or self.closed is not None),
                    PATIENCE,
                )
            except TimeoutError:
                raise AssertionError(f"no {types} came; what came: {self.told}") from None
            told = found()
            assert told is not None, f"closed with {self.closed}; what came: {self.told}"
            if take:
                self.told.remove(told)
            return told

    async def ask(self, type_: str, answer: str, **fields: Any) -> Told:
        """Send a message, and take the answer of a type."""
        await self.say(type_, **fields)
        return await self.expect(answer)

    async def refused(self, type_: str, **fields: Any) -> Told:
        """Send a message that must be refused; the error."""
        return await self.ask(type_, "error", **fields)

    async def authenticate(self, user: User, type_: str = "authenticate") -> Told:
        """Say who one is; what says that the session is on."""
        await self.expect("connected", lambda told: told.get("requiresAuth") is True)
        return await self.ask(type_, "connected", token=user.token)

    async def say_who(self, user: User) -> Told:
        """Say who one is, having been welcomed; what says that the session is on."""
        return await self.ask("authenticate", "connected", token=user.token)

    def seen(self, type_: str) -> list[Told]:
        """What came of a type so far, and was not taken."""
        return [told for told in self.told if told["type"] == type_]

    @property
    def told_else(self) -> list[Told]:
        """What came beside who is online: people who begin to talk may hear of each other's arrival late."""
        return [told for told in self.told if told["type"] != "user_online"]

    async def settled(self) -> None:
        """All that the server has sent so far has arrived: answers go out in line with pushes."""
        await self.ask("ping", "pong")

    async def ended(self) -> tuple[int | None, str]:
        """Wait until the server has closed the connection; its code and reason."""
        async with self._arrived:
            await asyncio.wait_for(
                self._arrived.wait_for(lambda: self.closed is not None), PATIENCE
            )
        assert self.closed is not None
        return self.closed

    async def close(self) -> None:
        """Hang up."""
        await self._socket.close()
        await self._reader


class Opener:
    """Opens connections, and hangs them up in the end."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self._clients: list[MessagingClient] = []

    async def open(
        self,
        url: str | None = None,
        path: str = PATH,
        headers: Mapping[str, str] | None = None,
        compress: int = 0,
    ) -> MessagingClient:
        """A connection of nobody yet."""
        socket = await self._http.ws_connect(
            f"{url or self._url}{path}", max_msg_size=0, headers=headers, compress=compress
        )
        client = MessagingClient(socket)
        self._clients.append(client)
        return client

    async def __call__(self, user: User, url: str | None = None) -> MessagingClient:
        """A connection of somebody."""
        client = await self.open(url)
        await client.authenticate(user)
        return client

    async def close(self) -> None:
        """Hang up all."""
        for client in self._clients:
            await client.close()


@asynccontextmanager
async def opener(url: str) -> AsyncIterator[Opener]:
    """Opens connections to a server."""
    async with aiohttp.ClientSession() as http:
        opening = Opener(http, url)
        yield opening
        await opening.close()
