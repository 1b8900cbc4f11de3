"""A polling client by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import orjson

from tests.support.patience import PATIENCE

_PATIENCE = aiohttp.ClientTimeout(total=PATIENCE)
SEPARATOR = "\x1e"


class Poller:
    """A session over polling; ``sid`` is its id."""

    def __init__(self, http: aiohttp.ClientSession, url: str, sid: str) -> None:
        self._http = http
        self.url = f"{url}/socket.io/?EIO=4&transport=polling&sid={sid}"
        self.sid = sid

    async def poll(self) -> tuple[int, list[str]]:
        """The status and the packets of a poll."""
        async with self._http.get(self.url) as response:
            return response.status, (await response.text()).split(SEPARATOR)

    async def post(self, body: Any, **options: Any) -> int:
        """The status of a post."""
        async with self._http.post(self.url, data=body, **options) as response:
            return response.status

    async def until(self, name: str) -> None:
        """Poll until a push of that name came."""
        while True:
            status, packets = await self.poll()
            assert status == 200
            if any(packet.startswith(f'42["{name}"') for packet in packets):
                return

    async def connect(self, token: str) -> "Poller":
        """Connect as the bearer of a token."""
        body = "40" + orjson.dumps({"token": token}).decode()
        # It is answered once all that was missed has been fetched.
        posting = asyncio.create_task(self.post(body))
        await self.until("session:ready")
        assert await posting == 200
        return self

    async def gone(self) -> None:
        """The server does not know this session any more: whoever polls it is refused."""
        assert (await self.poll())[0] == 400


@asynccontextmanager
async def polling(url: str) -> AsyncIterator[Poller]:
    """A polling session on which Engine.IO is open, and Socket.IO is not yet connected."""
    async with (
        aiohttp.ClientSession(timeout=_PATIENCE) as http,
        http.get(f"{url}/socket.io/?EIO=4&transport=polling") as response,
    ):
        opened = await response.text()
        assert opened.startswith("0{"), opened
        client = Poller(http, url, orjson.loads(opened[1:])["sid"])
        yield client
        # Hangs up, if that has not happened; nobody else would for a minute.
        with suppress(aiohttp.ClientConnectionError):
            await client.post("1")
