"""A page in a real Chromium: stompjs over sockjs-client, from another origin than the server's."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.support.browser import chromium
from tests.support.marketplace import Trade, send
from tests.support.node import JS, node_modules, run_node
from tests.support.servers import local_server

_SCRIPTS = {
    "/sockjs.js": "sockjs-client/dist/sockjs.min.js",
    "/stomp.js": "@stomp/stompjs/bundles/stomp.umd.min.js",
}


@pytest.fixture
async def pages() -> AsyncIterator[list[str]]:
    """Two origins of one page."""
    modules = await node_modules()
    app = web.Application()

    def file(path: str, at: object) -> None:
        async def serve(_request: web.Request) -> web.FileResponse:
            return web.FileResponse(at)  # type: ignore[arg-type]

        app.router.add_get(path, serve)

    file("/", JS / "marketplace" / "page.html")
    for path, script in _SCRIPTS.items():
        file(path, modules / script)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    for _ in range(2):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield [f"http://{host}:{port}" for host, port in runner.addresses]
    await runner.cleanup()


# A browser may have to be installed first.
@pytest.mark.timeout(900)
async def test_a_page_in_a_browser(dsn: str, pages: list[str], traders: Trade) -> None:
    """All that tests/js/marketplace/page.browser.mjs says of a page in a browser holds."""
    listed, foreign = pages
    executable = await chromium()
    async with local_server(dsn, CORS_ALLOWED_ORIGINS=listed) as server:
        sent = await send(server, traders.jane, recipientId=traders.john.id, text="Hello")
        given = {
            "chromium": executable,
            "page": listed,
            "foreign": foreign,
            "url": server.url,
            "jane": {"id": traders.jane.id, "token": traders.jane.token},
            "conversationId": sent["conversationId"],
        }
        await run_node("marketplace/page.browser.mjs", MARKET_BROWSER=json.dumps(given))
