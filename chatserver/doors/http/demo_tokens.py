"""Gives the app's page a token for a person of the demo, by one click: ``POST /demo/token``.

The people are known to everybody, and there is no password. So the route is there with ``--demo`` alone, which is
for development alone, and answers the server's own page alone.
"""

import ipaddress
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from aiohttp import web
from marshmallow import fields

from chatserver.core.errors import invalid
from chatserver.doors.http import expectations, payload
from chatserver.doors.http.answers import answer
from chatserver.doors.http.origin import is_own_origin

_FIELDS: payload.Fields = {"user": fields.String()}
_MAX_SIZE = 1024
# Names that the network outside answers nothing for, so no page can have them point at this machine.
_LOCAL = (".localhost", ".local", ".internal", ".test")


class DemoTokens:
    """Answers with tokens.

    Args:
        users: the people of the demo.
        issue: makes a token for one of them.
        hops: how many proxies are trusted.
        origins: of pages that are trusted by name.
    """

    def __init__(
        self, users: Sequence[str], issue: Callable[[str], str], hops: int, origins: Sequence[str]
    ) -> None:
        self._users = tuple(users)
        self._issue = issue
        self._hops = hops
        self._origins = frozenset(origins)

    def routes(self) -> list[web.RouteDef]:
        """Return the route; none where there is no demo."""
        if not self._users:
            return []
        return [web.post("/demo/token", self._token, expect_handler=expectations.check)]

    async def _token(self, request: web.Request) -> web.Response:
        """Answer with ``{token}`` for ``{user}``.

        Raises:
            web.HTTPNotFound: another page than the server's own asks, or no page.
            ChatError: VALIDATION_ERROR, where the user is none of the demo's; PAYLOAD_TOO_LARGE.
        """
        origin = request.headers.get("Origin", "")
        if not (is_own_origin(origin, request, self._hops) and self._is_ours(origin)):
            raise web.HTTPNotFound
        asked = await payload.read(request, _FIELDS, _MAX_SIZE, lambda _size: None)
        user = asked.get("user")
        if user not in self._users:
            raise invalid("user", f"Must be one of {', '.join(self._users)}.")
        return answer({"token": self._issue(user)})

    def _is_ours(self, origin: str) -> bool:
        """Return whether the address of a page is one that only we can have.

        A stranger's page becomes one of our own address by having its name point here, once it is loaded ("DNS
        rebinding"). Addresses in figures, local names, and origins that are configured by name are no such names.
        """
        host = urlsplit(origin).hostname or ""
        return origin in self._origins or "." not in host or host.endswith(_LOCAL) or _is_ip(host)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
