"""Which requests open or carry a lasting connection, whatever it speaks."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web


def upgrades(request: web.BaseRequest) -> bool:
    """Return whether a request asks for a WebSocket (RFC 6455, section 4.1)."""
    asked = request.headers.get("Upgrade", "").strip().lower()
    return request.method == "GET" and asked == "websocket"


@dataclass(frozen=True, slots=True)
class LastingPath:
    """Where lasting connections are opened and carried.

    Attributes:
        path: of the request, whole.
        wants: what else a request there has, where others come to the same path.
        opened: whether a request there is left out of `IP_RATE_LIMIT`: one over a connection that is open already,
            or any request where the door itself counts those that open a connection.
    """

    path: re.Pattern[str]
    wants: Callable[[web.BaseRequest], bool] = lambda _request: True
    opened: Callable[[web.BaseRequest], bool] = lambda _request: False


# A poll of a session names it.
SOCKETIO_PATH = LastingPath(
    re.compile(r"/socket\.io/.*"), opened=lambda request: "sid" in request.query
)


class Lasting:
    """Tells the requests of lasting connections from all others."""

    def __init__(self, *paths: LastingPath) -> None:
        self._paths = paths

    def _found(self, request: web.BaseRequest) -> LastingPath | None:
        path = request.path
        for lasting in self._paths:
            if lasting.path.fullmatch(path) and lasting.wants(request):
                return lasting
        return None

    def has(self, request: web.BaseRequest) -> bool:
        """Return whether a request opens or carries a lasting connection: what that carries is counted there."""
        return self._found(request) is not None

    def counts(self, request: web.BaseRequest) -> bool:
        """Return whether a request is left out of `IP_RATE_LIMIT`: see `LastingPath.opened`."""
        found = self._found(request)
        return found is not None and found.opened(request)
