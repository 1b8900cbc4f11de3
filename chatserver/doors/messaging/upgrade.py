"""Opens WebSockets for clients of the messaging system."""

import re
import uuid
from collections.abc import Sequence

from aiohttp import WSCloseCode, web

from chatserver.core.errors import ChatError
from chatserver.core.networks import network_of
from chatserver.doors.connection import Reception, Turnstile
from chatserver.doors.http import LastingPath, client_address, is_own_origin, upgrades
from chatserver.doors.messaging.door import MessagingDoor
from chatserver.doors.messaging.line import MessagingLine
from chatserver.doors.protocols import WebSocket
from chatserver.limits import Limiter

PATH = "/messaging/ws"
# Those who ask too often are told so by a close code, hence here.
MESSAGING_PATH = LastingPath(re.compile(rf"/|{PATH}"), wants=upgrades, opened=lambda _request: True)
# So many open one in one turn of the event loop.
_AT_ONCE = 3


class Upgrades:
    """Answers requests for a WebSocket, at ``/messaging/ws`` and at ``/``, as these clients ask for it.

    Args:
        origins: of the pages that may open one; ``"*"`` among them is any. Native clients send none, or our own.
        hops: how many proxies are trusted.
        max_size: of a message, in bytes.
        compress: whether messages may be deflated.
    """

    def __init__(
        self,
        door: MessagingDoor,
        reception: Reception,
        limiter: Limiter,
        *,
        origins: Sequence[str],
        hops: int,
        max_size: int,
        compress: bool,
    ) -> None:
        self._door = door
        self._reception = reception
        self._limiter = limiter
        self._origins = frozenset(origins)
        self._hops = hops
        self._max_size = max_size
        self._compress = compress
        self._turnstile = Turnstile(_AT_ONCE)

    def routes(self) -> list[web.RouteDef]:
        """Return the route of its own; at ``/`` the app's page hands on to `answer` those who want a WebSocket."""
        return [web.get(PATH, self.answer, allow_head=False)]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Serve a WebSocket.

        Raises:
            web.HTTPUpgradeRequired: the request asks for none.
            web.HTTPForbidden: a page asks that may not.
            web.HTTPBadRequest: it is no proper handshake.
        """
        if not upgrades(request):
            raise web.HTTPUpgradeRequired
        await self._turnstile.enter()
        address = client_address(request, self._hops)
        refusal = self._count(address)
        origin = request.headers.get("Origin")
        if origin and not self._is_allowed(origin, request):
            raise web.HTTPForbidden(reason="Origin not allowed")
        socket = WebSocket(request, max_size=self._max_size, compress=self._compress)
        await socket.accept()
        lines = self._door.lines
        line = MessagingLine(lines, self._door, str(uuid.uuid4()), lines.queue(), address)
        refusal = refusal or self._take_place(line)
        if refusal is not None:
            await socket.close(*refusal)
            return socket.response
        lines.open.add(line)
        line.welcome()
        return await socket.serve(line)

    def _is_allowed(self, origin: str, request: web.Request) -> bool:
        return (
            "*" in self._origins
            or origin in self._origins
            or is_own_origin(origin, request, self._hops)
        )

    def _count(self, address: str) -> tuple[int, bytes] | None:
        """Count a client that comes. Returns what to close it with, where it asks too often."""
        network = network_of(address)
        try:
            if network is not None:
                self._limiter.request(network)
        except ChatError:
            return WSCloseCode.POLICY_VIOLATION, b"Rate limit exceeded"
        return None

    def _take_place(self, line: MessagingLine) -> tuple[int, bytes] | None:
        """Take one of the places of the address, from now on, though nobody knows yet who it is."""
        if self._reception.asking.draining:
            return WSCloseCode.GOING_AWAY, b"The server restarts"
        try:
            self._reception.arrive(line)
        except ChatError:
            return WSCloseCode.POLICY_VIOLATION, b"Connection limit exceeded"
        return None
