"""What the tests of the messaging door share."""

from collections.abc import AsyncIterator

import pytest

from tests.support.messaging import Opener, opener
from tests.support.servers import Server


@pytest.fixture
async def join(server: Server) -> AsyncIterator[Opener]:
    """Connects people to the server that most tests share."""
    async with opener(server.url) as opening:
        yield opening
