"""``/health``, ``/ready``, ``/live`` and ``/metrics``, for whoever starts and watches the process.

Their JSON is that of ``messaging-api.md``, "HTTP Endpoints". Probes are open to everybody: they tell that the
process is well, and how busy. Metrics tell more, so they want the bearer token METRICS_TOKEN; where none is set
they are open in development, and in production to this machine alone.
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from chatserver.doors.rest import answer, bearer_token, failure
from chatserver.errors import ChatError, ErrorCode
from chatserver.metrics import Metrics
from chatserver.times import iso_now

# What a proxy adds: a request that has one of these is not this machine's own, wherever it comes from.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
_JSON = ("application/json", "application/*", "*/*")
_OPENMETRICS = "application/openmetrics-text"
_TEXT = ("text/plain", "text/*", _OPENMETRICS)


class Probes:
    """Answers probes. ``draining`` makes the process not ready, so that no new clients are sent to it.

    Args:
        token: what metrics ask for; None where they ask for nothing.
        open_to_all: whether metrics without a token are for everybody, or for this machine alone.
    """

    def __init__(
        self,
        check_database: Callable[[], Awaitable[bool]],
        metrics: Metrics,
        *,
        token: str | None,
        open_to_all: bool,
    ) -> None:
        self._check_database = check_database
        self._metrics = metrics
        self._token = token
        self._open_to_all = open_to_all
        self.draining = False

    def routes(self, under: str = "") -> list[web.RouteDef]:
        """At the root, or under the path of a door whose clients ask there."""
        return [
            web.get(f"{under}/health", self.health),
            web.get(f"{under}/ready", self.ready),
            web.get(f"{under}/live", self.live),
            web.get(f"{under}/metrics", self.metrics),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        """How the process is: 200, also where it does without its Redis; 503 without its database."""
        database = await self._check_database()
        return answer(self._metrics.health(database=database), 200 if database else 503)

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
        body = {"alive": True, "uptime": self._metrics.uptime, "timestamp": iso_now()}
        return answer(body)

    async def metrics(self, request: web.Request) -> web.Response:
        """The documented JSON; to a client that prefers it, Prometheus' text."""
        try:
            self._check_access(request)
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

    def _check_access(self, request: web.Request) -> None:
        """Raises ChatError: AUTH_REQUIRED, AUTH_FAILED, PERMISSION_DENIED"""
        if self._token is None:
            if not self._open_to_all and not _is_local(request):
                raise ChatError(
                    code=ErrorCode.PERMISSION_DENIED,
                    details="Without METRICS_TOKEN, metrics are for the machine that the server runs on.",
                )
            return
        given = bearer_token(request)
        if given is None:
            raise ChatError(code=ErrorCode.AUTH_REQUIRED, details="The metrics' bearer token.")
        if not hmac.compare_digest(given.encode(errors="replace"), self._token.encode()):
            raise ChatError(code=ErrorCode.AUTH_FAILED, details="Not the metrics' bearer token.")


def _is_local(request: web.Request) -> bool:
    """Whether this very machine asks, not a proxy on it for somebody else."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _preferred(accept: "tuple[str, ...] | list[str]") -> str:
    """The best of our three media types for these Accept headers (RFC 9110, section 12.5.1); else JSON."""
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
