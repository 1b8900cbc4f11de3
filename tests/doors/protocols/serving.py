"""An aiohttp server in the process of the tests, and what protocols need of the rest of us."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from chatserver.core.tally import Traffic
from chatserver.doors.connection import Flusher, Line, SessionDeadlines

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an application; gives its URL."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


class Host:
    """What the lines of a test share (see `LineHost`). ``over`` are those of which nothing is left."""

    def __init__(self, *, ping: float = 25.0, pong: float = 20.0) -> None:
        self.deadlines = SessionDeadlines(ping=ping, pong=pong, connect=10.0)
        self.flusher = Flusher()
        self.traffic = Traffic()
        self.arrived: list[tuple[str, dict[str, int]]] = []
        self.left: list[str] = []
        self.over: list[Line] = []

    def on_leave(self, sid: str) -> None:
        """A line has ended."""
        self.left.append(sid)

    def on_arrival(self, user_id: str, arrived: dict[str, int]) -> None:
        """Something has arrived."""
        self.arrived.append((user_id, arrived))

    def is_over(self, line: Line) -> None:
        """Nothing is left of a line."""
        if line not in self.over:
            self.over.append(line)
