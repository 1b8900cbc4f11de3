"""Answers ``/health``, ``/ready``, ``/live`` and ``/metrics``, for those who start and watch the process.

Their JSON is that of ``messaging-api.md``, "HTTP Endpoints". Probes are open to everybody: they tell that the
process is well, and how busy. Metrics tell more, so they want the bearer token METRICS_TOKEN; where none is set
they are open in development, and in production nowhere but at METRICS_ADDRESS: whether this very machine asks
cannot be told, since a proxy on it asks for the whole world.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from chatserver.core.errors import ChatError, ErrorCode
from chatserver.core.times import iso_now
from chatserver.doors.http.answers import answer, bearer_token, failure
from chatserver.metrics import Metrics

_JSON = ("application/json", "application/*", "*/*")
_OPENMETRICS = "application/openmetrics-text"
_TEXT = ("text/plain", "text/*", _OPENMETRICS)


class Probes:
    """Answers probes. ``draining`` makes the process not ready, so that no new clients are sent to it.

    Args:
        standing: the names of the parts of the server that stand still.
        token: what metrics ask for; None where they ask for nothing.
        open_to_all: whether metrics without a token are for everybody, or at METRICS_ADDRESS alone.
    """

    def __init__(
        self,
        check_database: Callable[[], Awaitable[bool]],
        metrics: Metrics,
        standing: Callable[[], Sequence[str]] = tuple,
        *,
        token: str | None,
        open_to_all: bool,
    ) -> None:
        self._check_database = check_database
        self._metrics = metrics
        self._standing = standing
        self._token = token
        self._open_to_all = open_to_all
        self._looking: asyncio.Task[bool] | None = None
        self.draining = False

    def routes(self, under: str = "") -> list[web.RouteDef]:
        """Return the probes' routes, at the root or under the path of a door whose clients ask there."""
        return self._routes(under, self.metrics)

    def private_routes(self) -> list[web.RouteDef]:
        """Return the routes for METRICS_ADDRESS: those who get in there may see everything without a token."""
        return self._routes("", self._private_metrics)

    def _routes(self, under: str, metrics: Handler) -> list[web.RouteDef]:
        return [
            web.get(f"{under}/health", self.health),
            web.get(f"{under}/ready", self.ready),
            web.get(f"{under}/live", self.live),
            web.get(f"{under}/metrics", metrics),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        """Answer how the process is: 200, also where it does without its Redis; 503 without its database."""
        database = await self._database_is_well()
        return answer(self._metrics.health(database=database), 200 if database else 503)

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer whether clients should be sent here: 200, or 503."""
        database = await self._database_is_well()
        standing = self._standing()
        ready = database and not standing and not self.draining
        components = {
            "database": "healthy" if database else "unhealthy",
            "websocket": "draining" if self.draining else "unhealthy" if standing else "healthy",
        }
        body = {"ready": ready, "components": components, "timestamp": iso_now()}
        return answer(body, 200 if ready else 503)

    async def _database_is_well(self) -> bool:
        """Return whether the database is well: one look serves all who ask meanwhile."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> bool:
        return await self._check_database()

    async def live(self, _request: web.Request) -> web.Response:
        """Answer that the process runs; uptime in ms."""
        body = {"alive": True, "uptime": self._metrics.uptime, "timestamp": iso_now()}
        return answer(body)

    async def metrics(self, request: web.Request) -> web.Response:
        """Answer the documented JSON; to a client that prefers it, Prometheus' text."""
        if self._token is None and not self._open_to_all:
            closed = ChatError(
                code=ErrorCode.PERMISSION_DENIED,
                details="Metrics are closed: set METRICS_TOKEN, and send it as the bearer token, or set "
                "METRICS_ADDRESS, and ask there.",
            )
            return failure(closed)
        return await self._private_metrics(request)

    async def _private_metrics(self, request: web.Request) -> web.Response:
        try:
            self._check_token(request)
        except ChatError as error:
            return failure(error)
        wanted = _preferred(request.headers.getall(hdrs.ACCEPT, ()))
        headers: dict[str, str] = {hdrs.VARY: "Origin, Accept"}
        if wanted == "application/json":
            return answer(self._metrics.summary(), headers=headers)
        if wanted == _OPENMETRICS:
            text = openmetrics.generate_latest(self._metrics)  # type: ignore[no-untyped-call]  # theirs
            headers[hdrs.CONTENT_TYPE] = openmetrics.CONTENT_TYPE_LATEST
        else:
            text = generate_latest(self._metrics)
            headers[hdrs.CONTENT_TYPE] = CONTENT_TYPE_PLAIN_0_0_4
        return web.Response(body=text, headers=headers)

    def _check_token(self, request: web.Request) -> None:
        """Check the bearer token. Raises ChatError: AUTH_REQUIRED, AUTH_FAILED"""
        if self._token is None:
            return
        given = bearer_token(request)
        if given is None:
            raise ChatError(code=ErrorCode.AUTH_REQUIRED, details="The metrics' bearer token.")
        if not hmac.compare_digest(given.encode(errors="replace"), self._token.encode()):
            raise ChatError(code=ErrorCode.AUTH_FAILED, details="Not the metrics' bearer token.")


def _preferred(accept: "tuple[str, ...] | list[str]") -> str:
    """Return the best of our three media types for these Accept headers (RFC 9110, section 12.5.1); else JSON."""
    best, best_quality = "application/json", 0.0
    for item in ",".join(accept).split(","):
        media, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((_quality(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        if quality > best_quality and media in (*_JSON, *_TEXT):
            best_quality = quality
            best = "application/json" if media in _JSON else media
    return best


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
