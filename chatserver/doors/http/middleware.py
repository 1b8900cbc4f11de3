"""Gives all HTTP answers what they share: headers, CORS, and errors in our own form."""

import uuid

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from chatserver.core.errors import ChatError, ErrorCode, invalid
from chatserver.core.logging import get_logger
from chatserver.doors.http.address import client_address, network_of
from chatserver.doors.http.answers import failure
from chatserver.doors.http.cors import Cors, is_preflight
from chatserver.doors.http.expectations import BodyTimeout
from chatserver.doors.http.lasting import Lasting
from chatserver.limits import Limiter

_log = get_logger(__name__)

# Those who watch the server ask often, and all from one place.
_PROBES = frozenset(
    f"{under}{path}"
    for under in ("", "/messaging")
    for path in ("/health", "/ready", "/live", "/metrics")
)

_STATUSES = {
    404: ChatError(code=ErrorCode.UNKNOWN_COMMAND, message="No such route"),
    405: ChatError(code=ErrorCode.UNKNOWN_COMMAND, message="No such method on this route"),
    413: ChatError(code=ErrorCode.PAYLOAD_TOO_LARGE),
    415: ChatError(
        code=ErrorCode.VALIDATION_ERROR,
        message="Unsupported Content-Encoding",
        details="Bodies may be sent as they are, or as gzip or deflate.",
    ),
    500: ChatError(code=ErrorCode.INTERNAL_ERROR),
    501: ChatError(code=ErrorCode.UNKNOWN_COMMAND, message="No such method"),
}


# A route that has a page of its own sets its own.
_SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# It does not say which software of which version answers.
_SERVER = "chatserver"

# The encodings that aiohttp decodes without further libraries.
_ENCODINGS = frozenset(("", "identity", "gzip", "deflate"))


class Headers:
    """Adds to every answer who may read it, and what a browser may do with it."""

    def __init__(self, cors: Cors) -> None:
        self._cors = cors

    async def prepare(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Complete an answer, whoever made it; an ``on_response_prepare`` signal of aiohttp."""
        self.complete(request.headers.get("Origin"), response)

    def complete(self, origin: str | None, response: web.StreamResponse) -> None:
        """Complete the answer to a request of a page of `origin`, if it was a page's."""
        headers = response.headers
        headers["Server"] = _SERVER
        if isinstance(response, web.WebSocketResponse):
            return  # no page reads its head
        for name, value in _SECURITY.items():
            headers.setdefault(name, value)
        headers.setdefault("Vary", "Origin")
        headers.update(self._cors.headers(origin))


def preflights(cors: Cors) -> Middleware:
    """Return the middleware that answers preflights; none is refused for being one too many."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        return cors.preflight(request) if is_preflight(request) else await handler(request)

    return middleware


def limited(limiter: Limiter, hops: int, lasting: Lasting) -> Middleware:
    """Return the middleware that counts the requests of each address, and the connections that it opens.

    Where nobody says how many proxies there are, the proxy's address is everybody's: that is logged, once.

    An attempt to connect that is too much is answered by the status alone, before anything is opened: the stock
    clients come back by themselves, a little later each time.
    """

    warned = hops > 0

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal warned
        if not warned and "X-Forwarded-For" in request.headers:
            warned = True
            _log.warning(
                "requests come through a proxy: without TRUSTED_PROXY_HOPS its clients share one "
                "address' limits (IP_RATE_LIMIT, MAX_CONNECTIONS_PER_IP)"
            )
        if request.path not in _PROBES and not lasting.counts(request):
            network = network_of(client_address(request, hops))
            if network is not None:
                try:
                    limiter.request(network)
                except ChatError as error:
                    return failure(error)
        return await handler(request)

    return middleware


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into an error object, those of the HTTP server too; none shows a stack trace."""
    response: web.StreamResponse
    try:
        if request.version.major != 1:
            raise web.HTTPVersionNotSupported
        if request.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
            raise web.HTTPUnsupportedMediaType
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _failure(error)
    except ChatError as error:
        response = failure(error)
    except BodyTimeout:
        response = failure_of(408, "The request's body did not come in time")
    except (web.RequestPayloadError, web.PayloadAccessError):
        response = failure(invalid("body", "Cannot be decoded as its headers say."))
    except Exception as error:
        transport = request.transport
        if isinstance(error, ConnectionError) and (transport is None or transport.is_closing()):
            # The client left in the middle of its request or of the answer, which is nobody's mistake.
            _log.debug("a client hung up", route=_route(request))
            return web.Response(status=400)
        error_id = str(uuid.uuid4())
        _log.exception("a request crashed", route=_route(request), error_id=error_id)
        response = failure(ChatError(code=ErrorCode.INTERNAL_ERROR, error_id=error_id))
    return response


def _route(request: web.Request) -> str | None:
    """Return the name of a request's route: its path has ids, and whatever else a client writes."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else None


def _failure(error: web.HTTPException) -> web.Response:
    response = failure_of(error.status, error.reason)
    if error.status == 405:
        response.headers["Allow"] = error.headers["Allow"]
    if error.status == 426:
        # To what (RFC 9110, section 15.5.22).
        response.headers.update({"Upgrade": "websocket", "Connection": "upgrade"})
    return response


def failure_of(status: int, reason: str) -> web.Response:
    """Return a response for a failure that HTTP has a status for and we have no code (RFC 9110, section 15.5)."""
    response = failure(
        _STATUSES.get(status) or ChatError(code=ErrorCode.VALIDATION_ERROR, message=reason)
    )
    response.set_status(status)
    if status == 415:
        response.headers["Accept-Encoding"] = "gzip, deflate"
    return response
