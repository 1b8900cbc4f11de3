"""Which pages may read SockJS' answers, and the headers that say so and that keep caches away."""

import re
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler

_UNCACHED = "no-store, no-cache, must-revalidate, max-age=0"
_YEAR = 31_536_000
# Names of headers with commas between them (RFC 9110, section 5.1).
_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1000}")
# What a load balancer may have set.
_COOKIE = re.compile(r"[A-Za-z0-9._!-]{1,256}")
_COOKIE_NAME = "JSESSIONID"


class Access:
    """Headers of answers.

    Args:
        allows: whether pages of an origin may read them.
        cookie_needed: whether sessions are given the cookie by which a load balancer knows them.
    """

    def __init__(self, allows: Callable[[str], bool], *, cookie_needed: bool) -> None:
        self._allows = allows
        self._cookie_needed = cookie_needed

    def headers(self, request: web.Request) -> dict[str, str]:
        """Return the headers of an answer that nobody else completes."""
        return {**self._cors(request), "Cache-Control": _UNCACHED}

    def session_headers(self, request: web.Request) -> dict[str, str]:
        """Return the headers of a session's answers."""
        headers = self.headers(request)
        if self._cookie_needed:
            had = request.cookies.get(_COOKIE_NAME, "")
            value = had if _COOKIE.fullmatch(had) else "dummy"
            headers["Set-Cookie"] = f"{_COOKIE_NAME}={value}; Path=/"
        return headers

    def preflight(self, methods: str) -> Handler:
        """Answer those who ask which methods may be used."""

        async def answer(request: web.Request) -> web.StreamResponse:
            headers = self._cors(request) | {"Cache-Control": f"public, max-age={_YEAR}"}
            if "Access-Control-Allow-Origin" in headers:
                headers["Access-Control-Allow-Methods"] = methods
                headers["Access-Control-Max-Age"] = str(_YEAR)
            return web.Response(status=204, headers=headers)

        return answer

    def _cors(self, request: web.Request) -> dict[str, str]:
        headers = {"Vary": "Origin"}
        origin = request.headers.get("Origin")
        if origin is None or not self._allows(origin):
            return headers
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
        asked = request.headers.get("Access-Control-Request-Headers", "")
        if _NAMES.fullmatch(asked):
            headers["Access-Control-Allow-Headers"] = asked
        return headers
