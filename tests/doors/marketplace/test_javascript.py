"""The stock JavaScript clients of STOMP and SockJS, by the tests in tests/js/marketplace."""

import json

import pytest

from tests.support.marketplace import Trade
from tests.support.node import JS, node_modules, run_node
from tests.support.servers import Server


@pytest.fixture(scope="session")
async def javascript() -> None:
    """The packages of tests/js are installed."""
    await node_modules()


@pytest.mark.parametrize(
    "file", sorted(path.name for path in (JS / "marketplace").glob("*.test.mjs"))
)
async def test_the_stock_clients(
    javascript: None, file: str, server: Server, traders: Trade
) -> None:
    """All that the file's tests say of @stomp/stompjs and sockjs-client holds."""
    world = {
        "jane": {"id": traders.jane.id, "token": traders.jane.token, "name": "Jane Smith"},
        "john": {"id": traders.john.id, "token": traders.john.token, "name": "John Doe"},
        "product": traders.product,
    }
    await run_node(
        f"marketplace/{file}", MARKET_URL=server.url, MARKET_WORLD=json.dumps(world), CHAT_URL="-"
    )
