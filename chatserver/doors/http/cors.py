"""Lets pages of other origins read our answers and send requests (the Fetch standard's CORS protocol)."""

import re
from collections.abc import Mapping, Sequence

from aiohttp import web

# What a page may read, and send, beyond what the Fetch standard allows by itself.
_EXPOSED = (
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Idempotency-Replayed, Link, "
    "Retry-After"
)
_ACCEPTED = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "If-Range",
    "Range",
)
# For an unknown route: the methods that some route has.
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
# How long a browser may remember the answer (s).
_MAX_AGE = "600"

# A header's name (RFC 9110, section 5.1); tracing and sessions' scripts add some to every request of a page.
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_MOST_NAMES = 50


def is_preflight(request: web.BaseRequest) -> bool:
    """Return whether a browser asks if a page may send a request."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


class Cors:
    """Lets pages of the configured origins read our answers.

    Args:
        origins: as browsers send them; ``"*"`` among them is any, whose cookies are then not for us.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origins)

    def trusts(self, origin: str) -> bool:
        """Return whether an origin is one of those configured by name, whose pages' cookies count."""
        return not self._any and origin in self._origins

    def headers(self, origin: str | None) -> Mapping[str, str]:
        """Return the headers that let a page of `origin` read an answer; none where it may not.

        Tokens travel in a header. Credentials are for the cookies of a load balancer: it keeps a polling client
        with one process by them.
        """
        if origin is None or not (self._any or origin in self._origins):
            return {}
        found = {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _EXPOSED,
        }
        if not self._any:
            found["Access-Control-Allow-Credentials"] = "true"
        return found

    def preflight(self, request: web.Request) -> web.Response:
        """Answer a preflight: which methods and headers a page may use. `headers` adds the rest."""
        varies = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        response = web.Response(status=204, headers={"Vary": varies})
        if self.headers(request.headers.get("Origin")):
            response.headers["Access-Control-Allow-Methods"] = ", ".join(_methods(request))
            response.headers["Access-Control-Allow-Headers"] = ", ".join(_accepted(request))
            response.headers["Access-Control-Max-Age"] = _MAX_AGE
        return response


def _methods(request: web.Request) -> Sequence[str]:
    """Return the methods of the route that is asked about."""
    match = request.match_info
    if isinstance(match.http_exception, web.HTTPMethodNotAllowed):
        return sorted(match.http_exception.allowed_methods)
    if (resource := match.route.resource) is not None:
        return sorted({route.method for route in resource} - {"OPTIONS"})
    return _METHODS


def _accepted(request: web.Request) -> Sequence[str]:
    """Return our headers, and those that are asked for, as far as they are names of headers."""
    known = {name.lower() for name in _ACCEPTED}
    asked = ",".join(request.headers.getall("Access-Control-Request-Headers", ()))
    names = [name.strip() for name in asked.split(",", _MOST_NAMES)[:_MOST_NAMES]]
    more = {name.lower(): name for name in names if _NAME.fullmatch(name)}
    return (*_ACCEPTED, *(name for low, name in more.items() if low not in known))
