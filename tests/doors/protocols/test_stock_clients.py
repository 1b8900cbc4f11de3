"""What stock JavaScript clients make of an echo."""

import asyncio
import os

import pytest
from aiohttp import web

from chatserver.core.caller import Session, User
from chatserver.delivery.pushes import Frame
from chatserver.doors.connection import Device, Dialect, PingingLine, SendQueue
from chatserver.doors.protocols import WebSocket, websocket_frames
from tests.doors.protocols.serving import Host, serving
from tests.doors.protocols.sockjs_services import services
from tests.support.inside import until
from tests.support.node import JS, node_modules, run_node
from tests.support.patience import PATIENCE


@pytest.fixture(scope="module", autouse=True)
async def javascript() -> None:
    """The packages of tests/js are installed."""
    await node_modules()


async def test_sockjs_client() -> None:
    """Each transport of sockjs-client, forced, carries any text both ways, and tells the end."""
    async with services() as found:
        await run_node("protocols/sockjs.mjs", SOCKJS_URL=found.url)


class _PushLine(PingingLine):
    """Pushes something durable to a client that is ready, and hears no more."""

    dialect = Dialect(
        event=lambda push: websocket_frames.text(push.name.encode()),
        event_with_offset=lambda push: websocket_frames.text(push.name.encode()),
        answer=lambda asked, _answer: websocket_frames.text(str(asked).encode()),
    )

    async def text(self, text: str) -> None:
        user = User(id="bob", username="bob", display_name="Bob")
        device = self.device = Device(Session(user=user, connection_id="c", expires_at=0), self)
        device.held = None
        device.send(Frame("push", {}, None, "conversation:a", 7))


async def test_a_client_that_reads_and_is_gone() -> None:
    """A stock ws that awaits a message and terminates has answered the ping that came with it."""
    host = Host()

    async def serve(request: web.Request) -> web.StreamResponse:
        socket = WebSocket(request, max_size=1_000)
        await socket.accept()
        await socket.run(_PushLine(host, "line", SendQueue(100_000), "192.0.2.1"))
        return socket.response

    app = web.Application()
    app.router.add_get("/", serve)
    async with serving(app) as url:
        process = await asyncio.create_subprocess_exec(
            "node",
            "protocols/terminate.mjs",
            cwd=JS,
            env={"PATH": os.environ["PATH"], "WEBSOCKET_URL": url.replace("http", "ws")},
        )
        try:
            assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        await until(lambda: host.over)
    assert host.arrived == [("bob", {"conversation:a": 7})]
