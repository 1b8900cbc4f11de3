"""Every scenario is played at every door."""

from collections.abc import AsyncIterator

import pytest

from tests.scenarios.marketplace_way import MarketplaceWay
from tests.scenarios.messaging_way import MessagingWay
from tests.scenarios.ways import MemoryWay, SocketIOWay, Way
from tests.support.servers import Server

WAYS: dict[str, type[Way]] = {
    "Socket.IO": SocketIOWay,
    "in memory": MemoryWay,
    "messaging": MessagingWay,
    "marketplace": MarketplaceWay,
}


@pytest.fixture(params=WAYS)
def kind(request: pytest.FixtureRequest) -> type[Way]:
    """A door, for tests with a server of their own."""
    found = WAYS[request.param]
    why = found.lacks.get(request.node.originalname)
    if why is not None:
        pytest.skip(f"{request.param}: {why}")
    return found


@pytest.fixture
async def way(kind: type[Way], server: Server) -> AsyncIterator[Way]:
    """A door of the server that most tests share."""
    async with kind(server) as way:
        yield way
