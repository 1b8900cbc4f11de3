"""Whatever clients do with their transports, in whatever order, leaves nothing behind and hurts nobody else."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import aiohttp
import pytest

from chatserver.delivery.pushes import Frame
from chatserver.doors.connection.due import Dues
from tests.conftest import User
from tests.support.inside import empty, engine, reception
from tests.support.patience import PATIENCE
from tests.support.raw import raw_client
from tests.support.servers import Server, local_server

_CLIENTS = 60
_STEPS = 14
_GONE = (aiohttp.ClientError, TimeoutError, ConnectionError)
_PING = '421["system:ping"]'
_POSTED = (
    "1", "3", "2", "", "x", "40{}", "41", "40/no", "42{}", "430[]", _PING, "\x1e".join([_PING] * 70), "b!",
    '452-["a"]\x1ebAA', "\x1e".join(["3"] * 300), '42["chat:history",{}]',
)  # fmt: skip
_FRAMES = ("2probe", "5", "1", "3", "6", "x", "2probe", "5", _PING, "40{}", "41")


@pytest.fixture
async def impatient(dsn: str) -> AsyncIterator[Server]:
    """A server that soon gives up whoever does not connect."""
    async with local_server(dsn, CONNECT_TIMEOUT="400", MAX_CONNECTIONS_PER_USER="0") as server:
        yield server


class _Client:
    """One that does as chance has it, several things at once."""

    def __init__(self, server: Server, user: User, chance: random.Random) -> None:
        self._server = server
        self._user = user
        self._chance = chance
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE))
        self._url = f"{server.url}/socket.io/?EIO=4&transport=polling"
        self._tasks: list[asyncio.Task[None]] = []

    async def play(self) -> None:
        """Open a session, and misuse it."""
        async with self._http:
            async with self._http.get(self._url) as response:
                self._url += "&sid=" + (await response.text()).split('"')[3]
            for _ in range(_STEPS):
                step = self._chance.choice(
                    (self._poll, self._poll, self._post, self._connect, self._move, self._end)
                )
                self._tasks.append(asyncio.create_task(self._safely(step)))
                if self._chance.random() < 0.4:
                    await asyncio.wait((self._tasks[-1],), timeout=self._chance.random() / 20)
                if self._chance.random() < 0.1:
                    self._chance.choice(self._tasks).cancel()
            await asyncio.wait(self._tasks)

    async def _safely(self, step: Callable[[], Awaitable[None]]) -> None:
        with suppress(*_GONE):
            await step()

    async def _poll(self) -> None:
        async with self._http.get(self._url) as response:
            assert response.status in (200, 400), response.status
            await response.read()

    async def _post(self, body: str = "") -> None:
        async with self._http.post(
            self._url, data=body or self._chance.choice(_POSTED)
        ) as response:
            assert response.status in (200, 400), response.status

    async def _connect(self) -> None:
        await self._post(f'40{{"token":"{self._user.token}"}}')

    async def _move(self) -> None:
        async with self._http.ws_connect(self._url.replace("polling", "websocket")) as socket:
            frames = ("2probe", "5", _PING) if self._chance.random() < 0.4 else None
            for frame in frames or self._chance.choices(_FRAMES, k=3):
                await socket.send_str(frame)
                if self._chance.random() < 0.5:
                    await socket.receive(timeout=0.2)

    async def _end(self) -> None:
        for client in list(reception(self._server)._devices.values()):
            if client.line.sid in self._url:
                reception(self._server)._say_goodbye(
                    client, Frame("error", {}), self._chance.random() < 0.5
                )


async def test_whatever_clients_do(
    impatient: Server, alice: User, bob: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Polls, posts, moves and ends in any order leave no session and no error; a bystander is served all along."""
    clients = [_Client(impatient, alice, random.Random(seed)) for seed in range(_CLIENTS)]
    async with raw_client(impatient.url, bob.token) as bystander:
        # Whoever comes from now on is soon taken for gone.
        deadlines = engine(impatient).eio.deadlines
        deadlines.ping, deadlines.pong, deadlines.farewell = Dues(0.4), Dues(0.4), Dues(0.3)
        playing = asyncio.gather(*(client.play() for client in clients))
        while not playing.done():
            await bystander.works()
            await asyncio.sleep(0.01)
    await playing
    await empty(impatient)
    assert engine(impatient).eio.sockets == {}
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
