"""What the tests of the Socket.IO door share."""

from collections.abc import AsyncIterator

import pytest

from tests.support.inside import hang_up_all
from tests.support.servers import Server


@pytest.fixture(autouse=True)
async def _nobody_is_left(server: Server) -> AsyncIterator[None]:
    """No client of a test is still there in the next one, whatever its file."""
    yield
    hang_up_all(server)
