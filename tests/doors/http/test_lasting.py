"""Requests that open or carry a lasting connection are no HTTP requests to those who count these, at any door."""

from contextlib import AsyncExitStack

import pytest

from tests.conftest import User
from tests.scenarios.conftest import WAYS
from tests.support.metrics import scrape
from tests.support.servers import Server, local_server

NETWORK = [name for name in WAYS if name != "in memory"]


async def _answered(server: Server) -> float:
    """How many requests were answered, of those that are asked here: by 200."""
    return (await scrape(server.url)).value("http_responses_total", status="200")


@pytest.mark.parametrize("door", NETWORK)
async def test_they_are_counted_by_what_carries_them(dsn: str, door: str, alice: User) -> None:
    """A connection is one transport, and no answer: only the metrics that are asked before and after are."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(local_server(dsn))
        assert server.app is not None
        await scrape(server.url)
        before = await _answered(server)
        way = await stack.enter_async_context(WAYS[door](server))
        await way.connect(alice)
        scraped = await scrape(server.url)
        assert scraped.value("http_responses_total", status="200") == before + 1
        statuses = {dict(labels).get("status") for _, labels in scraped.samples}
        assert "101" not in statuses
        assert server.app.open_doors.transports == 1
