"""Where a request of the marketplace system has its token."""

from aiohttp import web

from chatserver.doors.http import Cors, bearer_token, is_own_origin

_COOKIE = "token"


class Credentials:
    """Finds the token of a request.

    Args:
        cors: which pages' cookies count.
        hops: how many proxies are trusted.
    """

    def __init__(self, cors: Cors, hops: int) -> None:
        self._cors = cors
        self._hops = hops

    def token(self, request: web.Request) -> str | None:
        """Return the bearer token, else the cookie ``token`` where it counts; None where there is neither."""
        return bearer_token(request) or self.cookie(request)

    def cookie(self, request: web.Request) -> str | None:
        """Return the cookie ``token``, if a page that may use it has sent the request.

        Any page can make a browser send a cookie. The browser says which page it was, and no page can change that.
        """
        if _COOKIE not in request.cookies or not self._may_use_cookies(request):
            return None
        return request.cookies[_COOKIE]

    def trusts(self, origin: str) -> bool:
        """Return whether pages of an origin may use cookies, and read what is answered to them."""
        return self._cors.trusts(origin)

    def lets_in(self, request: web.Request) -> bool:
        """Return whether the page that sent a request may open a connection; clients that are no pages may."""
        origin = request.headers.get("Origin")
        if origin is None:
            # For a picture, say, browsers name no origin, whichever page shows it. It would take a place.
            return request.headers.get("Sec-Fetch-Site") not in ("cross-site", "same-site")
        return bool(self._cors.headers(origin)) or is_own_origin(origin, request, self._hops)

    def _may_use_cookies(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        if origin is None:
            # Browsers leave it out where a page asks its own server (Fetch Metadata says so instead).
            return request.headers.get("Sec-Fetch-Site") == "same-origin"
        return self._cors.trusts(origin) or is_own_origin(origin, request, self._hops)
