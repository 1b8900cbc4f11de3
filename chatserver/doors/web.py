"""What all HTTP answers share: origins, headers, and errors in our own form."""

from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from chatserver.doors.address import client_address, network_of
from chatserver.doors.rest import failure
from chatserver.errors import ChatError, ErrorCode
from chatserver.limits import Limiter
from chatserver.logs import get_logger

_log = get_logger(__name__)

# Those who watch the server ask often, and all from one place.
_PROBES = frozenset(("/health", "/ready", "/live", "/metrics"))

_STATUSES = {
    404: ChatError(code=ErrorCode.UNKNOWN_COMMAND, message="No such route"),
    405: ChatError(code=ErrorCode.UNKNOWN_COMMAND, message="No such method on this route"),
    413: ChatError(code=ErrorCode.PAYLOAD_TOO_LARGE),
}


# What a page may read, and send, beyond what the Fetch standard allows by itself.
_EXPOSED = "ETag, Idempotency-Replayed, Retry-After"
_ACCEPTED = "Authorization, Content-Type, Idempotency-Key, If-None-Match"

# A route that has a page of its own sets its own.
_SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Not which versions of what answer here.
    "Server": "chatserver",
    "X-Content-Type-Options": "nosniff",
}


def cors(origins: Sequence[str]) -> Middleware:
    """Lets pages of the configured origins read our answers (the Fetch standard's CORS protocol).

    Tokens travel in a header, never in a cookie, so no credentials are allowed.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/socket.io/"):
            # Engine.IO has a check and headers of its own.
            return await handler(request)
        origin = request.headers.get("Origin")
        allowed = origin is not None and ("*" in origins or origin in origins)
        preflight = (
            request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        )
        response = web.Response(status=204) if preflight else await handler(request)
        response.headers.setdefault("Vary", "Origin")
        if allowed and origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            if preflight:
                response.headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, DELETE"
                response.headers["Access-Control-Allow-Headers"] = _ACCEPTED
                response.headers["Access-Control-Max-Age"] = "600"
        return response

    return middleware


def limited(limiter: Limiter, hops: int) -> Middleware:
    """Counts the requests of each address, and the connections that it opens: not what comes over these.

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
        polled = request.path.startswith("/socket.io/") and "sid" in request.query
        if request.path not in _PROBES and not polled:
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
    """Every failure is an error object, also those of the HTTP server, and none shows a stack trace."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _failure(error)
    except Exception:
        _log.exception("a request crashed", path=request.path)
        response = failure(ChatError(code=ErrorCode.INTERNAL_ERROR))
    if not request.path.startswith("/socket.io/"):
        for name, value in _SECURITY.items():
            response.headers.setdefault(name, value)
    return response


def _failure(error: web.HTTPException) -> web.Response:
    response = failure(
        _STATUSES.get(error.status)
        or ChatError(code=ErrorCode.VALIDATION_ERROR, message=error.reason)
    )
    if error.status == 405:
        # The code has 404 of its own, for routes; of methods HTTP says more (RFC 9110, section 15.5.6).
        response.set_status(405)
        response.headers["Allow"] = error.headers["Allow"]
    return response
