"""python-engineio's server with our `Socket`, and the parts of its aiohttp driver that have no options.

The underscored methods are python-engineio 4.15.1's: ``AsyncServer._handle_connect`` and ``_log_error_once``;
the table ``AsyncServer._async``, through which the driver is looked up for every request; and the driver's
``WebSocket``.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import engineio
import orjson
from aiohttp import web
from engineio.async_drivers import aiohttp as aiohttp_driver
from engineio.packet import OPEN, Packet

from chatserver.doors.address import client_address
from chatserver.doors.due import SessionDeadlines
from chatserver.doors.flusher import Flusher
from chatserver.doors.inbox import Response
from chatserver.doors.send_queue import SendQueue
from chatserver.doors.sockets import POLLED_BY, STATUS, Socket
from chatserver.doors.turnstile import Turnstile
from chatserver.logs import get_logger
from chatserver.tally import Traffic

_log = get_logger(__name__)

# So many open a transport, or CONNECT, in one turn of the loop: about a millisecond's work.
_AT_ONCE = 3


class _WebSocket(aiohttp_driver.WebSocket):  # type: ignore[misc]  # engineio has no types
    """Upstream's WebSocket of the aiohttp driver, whose per-message deflate cannot be switched off.

    Deflate costs each connection 100 KB, and halves what a room can be sent (measured).
    """

    compress = False

    def __init__(self, server: "EngineServer", request: web.Request) -> None:
        self._request = request
        self.response = Response(
            # aiohttp's is the first size that is too large.
            max_msg_size=server.max_http_buffer_size + 1,
            compress=self.compress,
        )
        # The next message; one of another type than TEXT or BINARY is the end.
        self.receive = self.response.receive

    async def accept(self) -> None:
        """Shake hands.

        Raises:
            web.HTTPBadRequest: the request is none for a WebSocket.
            OSError: the client is gone.
        """
        await self.response.prepare(self._request)

    def offer(self, take: Callable[[str], bool]) -> None:
        """From now on `take` is asked about each text message that comes, before it waits for `receive`."""
        self.response.inbox.take = take

    async def send(self, packet: Packet) -> None:
        """Write a packet; waits while the client's transport is full.

        Raises:
            OSError: the transport is gone.
        """
        if packet.binary:
            await self.response.send_bytes(packet.data)
        else:
            await self.response.send_str(packet.encode())

    def outlet(self, high: int) -> tuple[asyncio.Transport, Callable[[], Awaitable[None]]]:
        """Where whole frames may be written past the library, and what waits while that keeps over `high` bytes.

        The library writes whole frames too (pongs, the close), so none stands in the middle of another.
        """
        request = self._request
        assert request.transport is not None  # it has just been prepared
        request.transport.set_write_buffer_limits(high)
        return request.transport, request.writer.drain

    async def close(self, code: int) -> None:
        """Say goodbye, unless the client has gone without."""
        await self.response.close(code=code)
        if error := self.response.exception():
            # Its tracebacks hold the response, which holds it: only the garbage collector would find them, and
            # with them all that is left of the connection.
            error.__traceback__ = error.__context__ = None


class _CompressingWebSocket(_WebSocket):
    compress = True


async def _make_response(
    status: str, headers: list[tuple[str, str]], payload: bytes, environ: dict[str, Any]
) -> web.Response:
    """The driver's ``make_response``; a poll's response is written here, to know that it was."""
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
        # Asked about an event that comes by a WebSocket; False if it is to be a "message" like any other.
        self.on_event: Callable[[Socket, str], bool] = lambda _socket, _data: False
        # Told of a session that has ended, by its id.
        self.on_leave: Callable[[str], None] = lambda _sid: None
        # Told of a WebSocket's heartbeats, by its id: a ping is queued; its pong is here.
        self.on_ping: Callable[[str], None] = lambda _sid: None
        self.on_pong: Callable[[str], None] = lambda _sid: None
        # Those of `sockets`, and those whose session is over and whose last request is still being served.
        self.open: set[Socket] = set()
        # What those that are no more have carried, and what came from all.
        self.traffic = Traffic()
        self.flusher = Flusher()
        self.turnstile = Turnstile(_AT_ONCE)
        self._async: dict[str, Any] = {
            **self._async,
            "websocket": _CompressingWebSocket if compress else _WebSocket,
            "make_response": _make_response,
        }

    def create_queue(self, *_args: object, **_options: object) -> SendQueue:
        """The queue of a new socket."""
        return SendQueue(self.send_queue_bytes)

    async def handle_request(self, request: web.Request) -> Any:
        """Upstream's, but for the usual request: for a WebSocket at once.

        Upstream's look at it makes a dozen objects that last as long as the connection.
        """
        if self._opens_websocket(request):
            environ = {"aiohttp.request": request, "HTTP_UPGRADE": "websocket"}
            return await self._handle_connect(environ, "websocket")
        return await super().handle_request(request)

    def _opens_websocket(self, request: web.Request) -> bool:
        """Whether a request is one that upstream would certainly let open a WebSocket."""
        query, headers, allowed = request.query, request.headers, self.cors_allowed_origins
        origin = headers.get("Origin")
        return (
            len(query) == 2
            and query.get("EIO") == "4"
            and query.get("transport") == "websocket"
            and request.method == "GET"
            and headers.get("Upgrade", "").lower() == "websocket"
            and (not origin or allowed == "*" or (isinstance(allowed, list) and origin in allowed))
        )

    async def _handle_connect(
        self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None
    ) -> Any:
        """Upstream's, whose socket class is a name in it (``async_server.py``, line 478)."""
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
        socket.push(packet)
        socket.schedule_ping()
        socket.await_connect()
        if transport == "polling":
            socket.connected = True
            return self._ok(await socket.answer_poll(environ), jsonp_index=jsonp_index)
        try:
            return await socket.handle_get_request(environ)
        finally:
            # Also where the handshake fails; upstream leaves a session without a transport behind.
            socket.leave(drop=True)

    def _log_error_once(self, message: str, message_key: str) -> None:
        """What clients do wrong is no error of ours."""
        _log.debug("a request was refused", reason=message)
