"""STOMP over SockJS by HTTP, at the marketplace door: origins, limits and bounds."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import asyncpg
import orjson
import pytest

from tests.conftest import token_for
from tests.support.marketplace import Trade, send
from tests.support.servers import Server, local_server
from tests.support.stomp import NOTIFICATIONS, frame
from tests.support.talks import until_waiting

ORIGIN = "https://shop.example"
_numbers = itertools.count(1)


class Polling:
    """One session by XHR polling; nothing is fetched that is not asked for."""

    def __init__(self, session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> None:
        self._session = session
        self._url = f"{url}/marketplace/ws/000/session-{next(_numbers)}"
        self._headers = headers

    async def poll(self) -> str:
        """The next frame."""
        async with self._session.post(f"{self._url}/xhr", headers=self._headers) as answer:
            assert answer.status == 200, answer.status
            return (await answer.text()).removesuffix("\n")

    async def told(self) -> str:
        """The next messages, as one text."""
        while (came := await self.poll()) == "h":
            pass
        assert came[0] == "a", came
        return "".join(orjson.loads(came[1:]))

    async def say(self, *frames: bytes) -> None:
        """Send frames."""
        body = orjson.dumps([each.decode() for each in frames])
        url = f"{self._url}/xhr_send"
        async with self._session.post(url, data=body, headers=self._headers) as answer:
            assert answer.status == 204, answer.status

    async def log_in(self, token: str | None) -> str:
        """Open the session and connect; returns CONNECTED, or what came for it."""
        assert await self.poll() == "o"
        said = {"accept-version": "1.2"} | ({"token": token} if token else {})
        await self.say(frame("CONNECT", said))
        return await self.told()


@asynccontextmanager
async def polling(url: str, **headers: str) -> AsyncIterator[Polling]:
    """A session that nobody has opened yet."""
    async with aiohttp.ClientSession() as session:
        yield Polling(session, url, headers)


@pytest.fixture(scope="module")
async def listed(dsn: str) -> AsyncIterator[Server]:
    """A server that keeps little for its clients, and knows one origin."""
    async with local_server(dsn, CORS_ALLOWED_ORIGINS=ORIGIN, SEND_QUEUE_BYTES="65536") as server:
        yield server


async def test_a_page_polls_by_its_cookie(listed: Server, traders: Trade) -> None:
    """A listed page's cookie counts over polling, and that of another page is not even taken."""
    cookie = f"token={traders.jane.token}"
    async with polling(listed.url, Origin=ORIGIN, Cookie=cookie) as session:
        assert f"user-name:{traders.jane.id}\n" in await session.log_in(None)
    async with polling(listed.url, Cookie=cookie) as session:
        assert (await session.log_in(None)).startswith("ERROR\n")
    async with (
        aiohttp.ClientSession() as client,
        client.post(
            f"{listed.url}/marketplace/ws/000/of-a-stranger/xhr",
            headers={"Origin": "https://evil.example", "Cookie": cookie},
        ) as answer,
    ):
        assert answer.status == 403


async def test_origins_are_answered_by_name(listed: Server) -> None:
    """A listed origin is repeated with credentials, another one is told nothing, and none is told ``*``."""
    async with aiohttp.ClientSession() as client:
        for origin, expected in (
            (ORIGIN, (ORIGIN, "true")),
            ("https://evil.example", (None, None)),
        ):
            url = f"{listed.url}/marketplace/ws/info"
            async with client.get(url, headers={"Origin": origin}) as answer:
                found = answer.headers
                assert (await answer.json())["websocket"] is True
            asking = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            url = f"{listed.url}/marketplace/ws/000/s/xhr_send"
            async with client.options(url, headers=asking) as answer:
                assert answer.status == 204
                asked = answer.headers
            for headers in (found, asked):
                allowed = headers.get("Access-Control-Allow-Origin")
                assert (allowed, headers.get("Access-Control-Allow-Credentials")) == expected
        async with client.get(f"{listed.url}/marketplace/ws") as answer:
            assert await answer.text() == "Welcome to SockJS!\n"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_picture_opens_nothing(listed: Server, site: str) -> None:
    """A request that a page of elsewhere causes without its origin, by a picture, opens no session."""
    async with aiohttp.ClientSession() as client:
        url = f"{listed.url}/marketplace/ws/000/picture-{site}/eventsource"
        async with client.get(url, headers={"Sec-Fetch-Site": site}) as answer:
            assert answer.status == 403


async def test_a_client_that_does_not_poll_is_cut_off(listed: Server, traders: Trade) -> None:
    """Past the bound of what may wait for a client its session is over, and its next poll says so."""
    async with polling(listed.url) as session:
        assert (await session.log_in(traders.jane.token)).startswith("CONNECTED\n")
        subscribe = {"id": "1", "destination": NOTIFICATIONS, "receipt": "r"}
        await session.say(frame("SUBSCRIBE", subscribe))
        assert "RECEIPT" in await session.told()
        for _ in range(8):
            await send(listed, traders.john, recipientId=traders.jane.id, text="x" * 10_000)
        assert (await session.poll()).startswith("c[")


async def test_sessions_are_requests_and_polls_are_none(dsn: str, traders: Trade) -> None:
    """Opening a session is a request of its address; what it polls and sends is none."""
    async with local_server(dsn, IP_RATE_LIMIT="2") as server:
        async with polling(server.url) as session:
            assert (await session.log_in(traders.jane.token)).startswith("CONNECTED\n")
            for number in range(10):
                await session.say(frame("ACK", {"id": "1", "receipt": str(number)}))
                assert f"receipt-id:{number}\n" in await session.told()
        async with polling(server.url) as session:
            assert await session.poll() == "o"
        async with polling(server.url) as session:
            with pytest.raises(AssertionError, match="429"):
                await session.poll()


async def test_opening_waits_for_nothing(fresh_dsn: str) -> None:
    """A session opens while the database lets nobody in; CONNECT is answered as soon as it does."""
    said = {"accept-version": "1.2", "token": token_for("jo")}
    holder = await asyncpg.connect(fresh_dsn)
    try:
        await holder.execute("INSERT INTO chat_users (user_id, username) VALUES ('jo', 'jo')")
        async with local_server(fresh_dsn) as server, polling(server.url) as session:
            async with holder.transaction():
                await holder.execute("LOCK TABLE chat_users IN ACCESS EXCLUSIVE MODE")
                assert await session.poll() == "o"
                connecting = asyncio.create_task(session.say(frame("CONNECT", said)))
                await until_waiting(holder)
            await connecting
            assert (await session.told()).startswith("CONNECTED\n")
    finally:
        await holder.close()
