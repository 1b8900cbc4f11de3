"""``/ready`` and ``/live``, for whoever starts and watches the process (``messaging-api.md``)."""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from chatserver.doors.rest import answer
from chatserver.times import iso_now


class Probes:
    """Answers probes. ``draining`` makes the process not ready, so that no new clients are sent to it."""

    def __init__(self, check_database: Callable[[], Awaitable[bool]]) -> None:
        self._check_database = check_database
        self._started = time.monotonic()
        self.draining = False

    def routes(self) -> list[web.RouteDef]:
        """At the root."""
        return [web.get("/ready", self.ready), web.get("/live", self.live)]

    async def ready(self, _request: web.Request) -> web.Response:
        """Whether clients should be sent here: 200, or 503."""
        database = await self._check_database()
        ready = database and not self.draining
        components = {
            "database": "healthy" if database else "unhealthy",
            "websocket": "draining" if self.draining else "healthy",
        }
        body = {"ready": ready, "components": components, "timestamp": iso_now()}
        return answer(body, 200 if ready else 503)

    async def live(self, _request: web.Request) -> web.Response:
        """Whether the process runs; uptime in ms."""
        uptime = int((time.monotonic() - self._started) * 1000)
        return answer({"alive": True, "uptime": uptime, "timestamp": iso_now()})
