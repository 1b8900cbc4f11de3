"""SockJS services, and a client of theirs."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from multidict import CIMultiDictProxy

from tests.doors.protocols.sockjs_services import Services, services


@pytest.fixture(scope="package")
async def shared() -> AsyncIterator[Services]:
    """The services that most tests share."""
    async with services() as found:
        yield found


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str


@dataclass(frozen=True)
class Http:
    """Asks the services. Paths begin with a service's name."""

    url: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: str | bytes = b"", **headers: str) -> Answer:
        """The answer; underscores in headers' names are hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method, f"{self.url}{path}", data=body or None, headers=named
        ) as response:
            return Answer(response.status, response.headers, await response.text())

    async def get(self, path: str, **headers: str) -> Answer:
        """The answer to a GET."""
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: str | bytes = b"", **headers: str) -> Answer:
        """The answer to a POST."""
        return await self.ask("POST", path, body, **headers)

    async def send(self, path: str, body: str) -> None:
        """Send messages to a session."""
        answer = await self.post(f"{path}/xhr_send", body)
        assert (answer.status, answer.text) == (204, "")

    async def poll(self, path: str, **headers: str) -> str:
        """The frame that a poll brings."""
        answer = await self.post(f"{path}/xhr", **headers)
        assert answer.status == 200
        return answer.text


@pytest.fixture
async def http(shared: Services) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession() as session:
        yield Http(shared.url, session)


def a_session(service: str = "echo") -> str:
    """The path of a session that nobody has used."""
    return f"/{service}/000/{uuid.uuid4()}"
