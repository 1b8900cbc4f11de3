"""stomp.py, the stock Python client of STOMP, over a WebSocket. It has threads of its own."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson
import stomp

from tests.conftest import User
from tests.support.patience import PATIENCE

Told = tuple[str, Any]


class StompPy(stomp.ConnectionListener):  # type: ignore[misc]  # stomp has no types
    """A client, and what it is told, in order."""

    def __init__(self, url: str, path: str, **options: Any) -> None:
        address = urlsplit(url)
        self._loop = asyncio.get_running_loop()
        self._connection = stomp.WSConnection(
            [(address.hostname, address.port)],
            ws_path=path,
            reconnect_attempts_max=1,
            timeout=PATIENCE,
            **options,
        )
        self._connection.set_listener("", self)
        self._numbers = itertools.count(1)
        self._came: asyncio.Queue[Told] = asyncio.Queue()
        self._kept: list[Told] = []

    # -- called by its threads --------------------------------------------------------------------

    def _put(self, kind: str, what: Any) -> None:
        self._loop.call_soon_threadsafe(self._came.put_nowait, (kind, what))

    def on_receipt(self, frame: Any) -> None:
        """See `stomp.ConnectionListener`."""
        self._put("RECEIPT", frame.headers["receipt-id"])

    def on_message(self, frame: Any) -> None:
        """See `stomp.ConnectionListener`."""
        self._put(frame.headers["destination"], orjson.loads(frame.body))

    def on_error(self, frame: Any) -> None:
        """See `stomp.ConnectionListener`."""
        self._put("ERROR", dict(frame.headers))

    # -- called by tests --------------------------------------------------------------------------

    async def expect(self, kind: str, **what: Any) -> Any:
        """Await a receipt, an error or what is told at a destination, with these fields; others are kept."""

        def fits(told: Told) -> bool:
            return told[0] == kind and (not what or what.items() <= told[1].items())

        for told in self._kept:
            if fits(told):
                self._kept.remove(told)
                return told[1]
        async with asyncio.timeout(PATIENCE):
            while not fits(told := await self._came.get()):
                self._kept.append(told)
        return told[1]

    async def connect(self, user: User) -> None:
        """Connect as a user."""
        headers = {"Authorization": f"Bearer {user.token}"}
        await asyncio.to_thread(self._connection.connect, wait=True, headers=headers)

    async def _done(self, receipt: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while (told := await self._came.get()) != ("RECEIPT", receipt):
                self._kept.append(told)

    async def subscribe(self, destination: str) -> str:
        """Subscribe, and await that it is done; returns the destination."""
        number = next(self._numbers)
        receipt = f"receipt-{number}"
        await asyncio.to_thread(
            self._connection.subscribe, destination, number, headers={"receipt": receipt}
        )
        await self._done(receipt)
        return destination

    async def say(self, destination: str, **message: Any) -> None:
        """Send JSON."""
        body = orjson.dumps(message).decode()
        await asyncio.to_thread(self._connection.send, destination, body, "application/json")

    async def send(self, destination: str, **message: Any) -> None:
        """Send JSON, and await that it is done."""
        body, receipt = orjson.dumps(message).decode(), f"receipt-{next(self._numbers)}"
        await asyncio.to_thread(
            self._connection.send, destination, body, "application/json", {"receipt": receipt}
        )
        await self._done(receipt)

    async def close(self) -> None:
        """Disconnect."""
        if self._connection.is_connected():
            await asyncio.to_thread(self._connection.disconnect)


@asynccontextmanager
async def stomp_py(
    url: str, user: User, path: str = "/marketplace/ws/websocket", **options: Any
) -> AsyncIterator[StompPy]:
    """A connected client."""
    client = StompPy(url, path, **options)
    await client.connect(user)
    try:
        yield client
    finally:
        await client.close()
