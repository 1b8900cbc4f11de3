"""What the tests of the marketplace door share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from tests.conftest import User
from tests.support.inside import hang_up_all
from tests.support.marketplace import Trade, trade
from tests.support.servers import Server
from tests.support.stomp import Stomp, stomp

OpenStomp = Callable[..., Awaitable[Stomp]]
LogIn = Callable[..., Awaitable[Stomp]]


@pytest.fixture(autouse=True)
async def _nobody_is_left(server: Server) -> AsyncIterator[None]:
    """No client of a test is still there in the next one, whatever its file."""
    yield
    hang_up_all(server)


@pytest.fixture
async def traders(db: "asyncpg.Pool[asyncpg.Record]") -> Trade:
    """The people of the document's examples."""
    return await trade(db)


@pytest.fixture
async def open_stomp(server: Server) -> AsyncIterator[OpenStomp]:
    """Opens WebSockets, and closes them in the end."""
    async with AsyncExitStack() as stack:

        async def opened(url: str | None = None, **options: Any) -> Stomp:
            return await stack.enter_async_context(stomp(url or server.url, **options))

        yield opened


@pytest.fixture
async def log_in(open_stomp: OpenStomp) -> LogIn:
    """Opens connections of users."""

    async def logged_in(user: User, url: str | None = None, **options: Any) -> Stomp:
        return await (await open_stomp(url, **options)).log_in(user)

    return logged_in
