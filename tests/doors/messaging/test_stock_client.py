"""The stock ``ws``, speaking as the document says."""

import json

from tests.conftest import User
from tests.support.node import node_modules, run_node
from tests.support.servers import Server


async def test_the_stock_client(server: Server, alice: User, bob: User) -> None:
    """All that the file's tests say of the stock client holds."""
    await node_modules()
    people = [{"id": user.id, "token": user.token} for user in (alice, bob)]
    await run_node(
        "messaging/stock.mjs",
        CHAT_WS=f"{server.url.replace('http', 'ws', 1)}/messaging/ws",
        CHAT_PEOPLE=json.dumps(people),
    )
