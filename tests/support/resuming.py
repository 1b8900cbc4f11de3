"""A client that resumes as socket.io-client ≥ 4.6 does: it keeps the pid of the CONNECT packet, and the last
argument of a push where that is a string, and sends both when it connects again."""

import asyncio
from typing import Any

import aiohttp
import orjson

from tests.support.patience import PATIENCE


class Resuming:
    """One device over several connections. ``events`` are the pushes of the present one: (name, arguments)."""

    def __init__(self, url: str, token: str, **auth: Any) -> None:
        self.url = url
        self.auth = {"token": token, **auth}
        self.pid: str | None = None
        self.offset: str | None = None
        self.recovered = False
        self.ready: dict[str, Any] = {}
        self.events: list[tuple[str, list[Any]]] = []
        self._acks: dict[int, asyncio.Future[Any]] = {}
        self._ids = 0
        self._arrived = asyncio.Condition()
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None

    def session(self) -> aiohttp.ClientSession:
        """Make what the next connection is made by."""
        return aiohttp.ClientSession()

    async def connect(self, url: str | None = None, **auth: Any) -> "Resuming":
        """Connect (again), and wait for ``session:ready``; raises ConnectionError with the error's data."""
        self.events = []
        self._session = self.session()
        self._socket = await self._session.ws_connect(
            f"{url or self.url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0
        )
        assert (await self._socket.receive_str()).startswith("0{")
        resume = {"pid": self.pid, "offset": self.offset} if self.pid else {}
        body = {**resume, **self.auth, **auth}
        await self._socket.send_str("40" + orjson.dumps(body).decode())
        answer = await self._socket.receive_str(timeout=PATIENCE)
        if answer.startswith("44"):
            raise ConnectionError(orjson.loads(answer[2:])["data"])
        connected = orjson.loads(answer[2:])
        pid = connected.get("pid")
        self.recovered = pid is not None and pid == self.pid
        self.pid = pid
        self._reader = asyncio.create_task(self._read())
        self.ready = (await self.expect("session:ready"))[0]
        return self

    async def _read(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            if message.data == "2":
                await self._socket.send_str("3")
            elif message.data.startswith("42"):
                name, *arguments = orjson.loads(message.data[2:])
                async with self._arrived:
                    self.events.append((name, arguments))
                    if self.pid and arguments and isinstance(arguments[-1], str):
                        self.offset = arguments[-1]
                    self._arrived.notify_all()
            elif message.data.startswith("43"):
                at = message.data.index("[")
                self._acks.pop(int(message.data[2:at])).set_result(
                    orjson.loads(message.data[at:])[0]
                )

    async def ask(self, name: str, /, **payload: Any) -> dict[str, Any]:
        """The ack of a command, whatever it says."""
        assert self._socket is not None
        self._ids += 1
        future = self._acks[self._ids] = asyncio.get_running_loop().create_future()
        await self._socket.send_str(f"42{self._ids}" + orjson.dumps([name, payload]).decode())
        ack: dict[str, Any] = await asyncio.wait_for(future, PATIENCE)
        return ack

    async def do(self, name: str, /, **payload: Any) -> dict[str, Any]:
        """The ack of a command that must succeed."""
        ack = await self.ask(name, **payload)
        assert ack["success"] is True, ack
        return ack

    async def expect(self, name: str, **fields: Any) -> list[Any]:
        """The arguments of the first push of that name whose data has these fields."""

        def found() -> list[Any] | None:
            return next(
                (
                    arguments
                    for came, arguments in self.events
                    if came == name and all(arguments[0].get(k) == v for k, v in fields.items())
                ),
                None,
            )

        async with self._arrived:
            try:
                await asyncio.wait_for(
                    self._arrived.wait_for(lambda: found() is not None), PATIENCE
                )
            except TimeoutError:
                raise AssertionError(f"no {name} {fields} came: {self.names()}") from None
        arguments = found()
        assert arguments is not None
        return arguments

    def names(self) -> list[str]:
        """What came, in order."""
        return [name for name, _ in self.events]

    def seqs(self, conversation_id: str) -> list[int]:
        """The seqs of a conversation's durable pushes, in the order in which they came."""
        return [
            arguments[0]["seq"]
            for _, arguments in self.events
            if arguments
            and isinstance(arguments[0], dict)
            and arguments[0].get("conversationId") == conversation_id
            and "seq" in arguments[0]
        ]

    async def drop(self) -> None:
        """The link drops: no goodbye."""
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._socket is not None:
            self._socket._response.close()  # cuts the connection, as a network would
        if self._session is not None:
            await self._session.close()
