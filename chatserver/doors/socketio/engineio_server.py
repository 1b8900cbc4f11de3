"""Adapts python-engineio's server: our `Socket`, and parts of its aiohttp driver that have no options.

The underscored methods are python-engineio 4.15.1's: ``AsyncServer._handle_connect``, ``_ok``, ``_bad_request``,
``_cors_allowed_origins``, ``_cors_headers`` and ``_log_error_once``; and the table ``AsyncServer._async``, through
which the driver is looked up for every request.
"""

import base64
from collections.abc import Callable
from typing import Any

import engineio
import orjson
from aiohttp import web
from engineio.async_drivers import aiohttp as aiohttp_driver
from engineio.packet import OPEN, Packet

from chatserver.core.ids import random_bytes
from chatserver.core.logging import get_logger
from chatserver.core.tally import Traffic
from chatserver.doors.connection import Flusher, Line, SendQueue, SessionDeadlines, Turnstile
from chatserver.doors.http import client_address, is_own_origin
from chatserver.doors.protocols import WebSocket
from chatserver.doors.socketio.packets import framed
from chatserver.doors.socketio.sockets import POLLED_BY, STATUS, Socket

_log = get_logger(__name__)

# So many open a transport, or CONNECT, in one turn of the loop: about a millisecond's work.
_AT_ONCE = 3


async def _make_response(
    status: str, headers: list[tuple[str, str]], payload: bytes, environ: dict[str, Any]
) -> web.Response:
    """Make a response as the driver does, but write a poll's response here, to know that it was written."""
    if STATUS in environ:
        return web.Response(status=environ[STATUS], headers=headers)
    response: web.Response = aiohttp_driver.make_response(status, headers, payload, environ)
    if POLLED_BY in environ:
        await environ[POLLED_BY].respond(environ["aiohttp.request"], response)
    return response


class EngineServer(engineio.AsyncServer):  # type: ignore[misc]  # engineio has no types
    """The Engine.IO server of one process.

    Args:
        send_queue_bytes: how much may wait for one client.
        connect_timeout: seconds in which a client must have a Socket.IO session accepted.
        proxy_hops: see `client_address`.
    """

    def __init__(
        self,
        *,
        compress: bool,
        send_queue_bytes: int,
        connect_timeout: float,
        proxy_hops: int,
        **options: Any,
    ) -> None:
        # Upstream's monitor looks at every session every 20 s, with a task and a timer for each look (500 of
        # them a second at 10,000 connections); our sockets have timers of their own.
        super().__init__(monitor_clients=False, **options)
        if self.cors_allowed_origins == []:
            raise ValueError("upstream takes an empty list of origins for no check at all")
        self.send_queue_bytes = send_queue_bytes
        self.connect_timeout = connect_timeout
        self.deadlines = SessionDeadlines(
            ping=self.ping_interval, pong=self.ping_timeout, connect=connect_timeout
        )
        self.proxy_hops = proxy_hops
        self._compress = compress
        # Asked about an event that comes by a WebSocket; False if it is to be a "message" like any other.
        self.on_event: Callable[[Socket, str], bool] = lambda _socket, _data: False
        # Told of a session that has ended, by its id.
        self.on_leave: Callable[[str], None] = lambda _sid: None
        # Told what has arrived at whose device, as a pong by a WebSocket proves.
        self.on_arrival: Callable[[str, dict[str, int]], None] = lambda _user_id, _arrived: None
        # The sockets in `sockets`, and those whose session is over while their last request is still being served.
        self.open: set[Line] = set()
        # What sockets that are gone have carried, and what came from all sockets.
        self.traffic = Traffic()
        self.flusher = Flusher()
        self.turnstile = Turnstile(_AT_ONCE)
        self._async: dict[str, Any] = {**self._async, "make_response": _make_response}

    def websocket(self, request: web.Request) -> WebSocket:
        """Make the WebSocket that a request asks for; the driver's always agrees to per-message deflate.

        Deflate costs each connection 100 KB, and halves what a room can be sent (measured).
        """
        return WebSocket(request, max_size=self.max_http_buffer_size, compress=self._compress)

    def is_over(self, line: Line) -> None:
        """See `LineHost`."""
        if line in self.open:
            self.open.discard(line)
            self.traffic.sent += line.queue.total

    def generate_id(self) -> str:
        """Return the id of a session: as upstream's, 20 letters, but without a system call for each."""
        return base64.urlsafe_b64encode(random_bytes(15)).decode()

    def create_queue(self, *_args: object, **_options: object) -> SendQueue:
        """Return the queue of a new socket."""
        return SendQueue(self.send_queue_bytes)

    async def handle_request(self, request: web.Request) -> Any:
        """Handle a request as upstream does, but the usual one, for a WebSocket, at once.

        Upstream's look at it makes a dozen objects that last as long as the connection.

        Raises:
            web.HTTPBadRequest: it names no transport; or it asks for JSONP, which lets any page run what we
                answer as a script.
        """
        if "j" in request.query:
            raise web.HTTPBadRequest(reason="JSONP is off")
        if self._opens_websocket(request):
            environ = {"aiohttp.request": request, "HTTP_UPGRADE": "websocket"}
            return await self._handle_connect(environ, "websocket")
        if request.method == "HEAD":
            raise web.HTTPBadRequest(reason="Bad request method")
        if request.query.get("transport") not in self.transports and request.method != "OPTIONS":
            # Upstream takes a request without a transport for one that polls.
            raise web.HTTPBadRequest(reason="Transport unknown")
        return await super().handle_request(request)

    def _ok(self, packets: Any = None, headers: Any = None, jsonp_index: Any = None) -> Any:
        """Answer as upstream does, in the letters of the protocol's own tests."""
        if packets is None:
            return {**super()._ok(), "response": b"ok"}
        return super()._ok(packets, headers, jsonp_index)

    def attach(self, app: web.Application, engineio_path: str = "engine.io") -> None:
        """Add the route as upstream does; other methods are bad requests, as the protocol has it."""

        async def refuse(_request: web.Request) -> web.Response:
            raise web.HTTPBadRequest(reason="Bad request method")

        super().attach(app, engineio_path)
        # A resource of its own: these methods are not for a preflight to name.
        path = f"/{engineio_path.strip('/')}/"
        app.router.add_resource(path, name="engineio.refused").add_route("*", refuse)

    def _opens_websocket(self, request: web.Request) -> bool:
        """Return whether upstream would certainly let a request open a WebSocket."""
        query, headers = request.query, request.headers
        origin = headers.get("Origin")
        return (
            len(query) == 2
            and query.get("EIO") == "4"
            and query.get("transport") == "websocket"
            and request.method == "GET"
            and headers.get("Upgrade", "").lower() == "websocket"
            and (not origin or self._is_allowed(origin, request))
        )

    def _is_allowed(self, origin: str, request: web.Request) -> bool:
        allowed = self.cors_allowed_origins
        return (
            allowed == "*"
            or (isinstance(allowed, list) and origin in allowed)
            or is_own_origin(origin, request, self.proxy_hops)
        )

    def _cors_allowed_origins(self, environ: dict[str, Any]) -> list[str] | None:
        """Return upstream's origins, and the server's own address."""
        allowed: list[str] | None = super()._cors_allowed_origins(environ)
        origin = environ.get("HTTP_ORIGIN", "")
        if allowed is not None and is_own_origin(
            origin, environ["aiohttp.request"], self.proxy_hops
        ):
            return [*allowed, origin]
        return allowed

    async def _handle_connect(
        self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None
    ) -> Any:
        """Connect as upstream does, whose socket class is a name in it (``async_server.py``, line 478)."""
        await self.turnstile.enter()
        sid = self.generate_id()
        socket = Socket(self, sid, client_address(environ["aiohttp.request"], self.proxy_hops))
        self.sockets[sid] = socket
        self.open.add(socket)
        opening = {
            "sid": sid,
            "upgrades": self._upgrades(sid, transport),
            "pingTimeout": int(self.ping_timeout * 1000),
            "pingInterval": int(self.ping_interval * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        packet = Packet(OPEN, opening)
        # Upstream's own encoding takes ten times as long.
        packet.encode_cache = f"{OPEN}{orjson.dumps(opening).decode()}"
        socket.push(framed(packet))
        socket.schedule_ping()
        socket.await_connect()
        if transport == "polling":
            socket.connected = True
            return self._ok(await socket.answer_poll(environ), jsonp_index=jsonp_index)
        try:
            return await socket.handle_get_request(environ)
        finally:
            if not socket.upgraded:
                # The handshake failed; upstream leaves a session without a transport behind.
                socket.leave(drop=True)

    def _bad_request(self, message: str | None = None) -> Any:
        """Refuse a request without the session id that a client sent, which upstream repeats."""
        known = message is None or not message.startswith("Invalid session")
        return super()._bad_request(message if known else "Session ID unknown")

    def _cors_headers(self, _environ: dict[str, Any]) -> list[tuple[str, str]]:
        """Return none: all answers have theirs from `chatserver.doors.http.middleware.Headers`."""
        return []

    def _log_error_once(self, message: str, message_key: str) -> None:
        """Log nothing: what clients do wrong is no error of ours, and `message` may quote them."""
        _log.debug("a request was refused", reason=message_key)
