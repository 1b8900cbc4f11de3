"""SockJS (sockjs-protocol 0.3.3), the server's end of it, for whatever is spoken over it.

Off are JSONP, htmlfile and the iframe page: they have other pages run what we answer. A session belongs to the
address that made it. Pages of listed origins may read our answers, with credentials, since the stock client always
sends cookies across origins; others may not, and none is ``*``.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import orjson
from aiohttp import web

from chatserver.core.deadlines import Dues
from chatserver.doors.protocols import sockjs_frames
from chatserver.doors.protocols.pulses import Pulses
from chatserver.doors.protocols.sockjs_channel import Channel
from chatserver.doors.protocols.sockjs_cors import Access
from chatserver.doors.protocols.sockjs_receivers import EventSource, Polling, Streaming
from chatserver.doors.protocols.sockjs_session import Heartbeats, HttpSession, Receiver, SockJSTimes
from chatserver.doors.protocols.sockjs_websocket import WebSocketSession
from chatserver.doors.protocols.websocket import WebSocket

_PLAIN = "text/plain; charset=UTF-8"
# Of a session's id; the stock client's has 8 characters.
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class SockJSOptions:
    """What may be chosen.

    ``max_size``: of a message or a request's body (bytes). ``compress`` and ``subprotocols``: see `WebSocket`.
    ``base_url``: where clients are sent for their transports, such as the process that answers. ``cookie_needed``:
    whether a load balancer keeps clients with one process by the cookie JSESSIONID. ``stream_limit``: bytes after
    which an answer ends. ``max_sessions``: of those that fetch by HTTP.
    """

    max_size: int
    compress: bool = False
    subprotocols: Sequence[str] = ()
    websocket: bool = True
    base_url: str | None = None
    cookie_needed: bool = False
    stream_limit: int = 128 * 1024
    max_sessions: int = 10_000
    times: SockJSTimes = field(default_factory=SockJSTimes)


@dataclass(frozen=True, slots=True)
class SockJSOpening:
    """A client that opens a session. ``transport`` says how its messages go out.

    ``raw``: `websocket_frames.text`; ``websocket``: `sockjs_frames.websocket_message`; ``http``:
    `sockjs_frames.queued_message`.
    """

    request: web.Request
    address: str
    transport: Literal["raw", "websocket", "http"]
    heartbeats: Heartbeats


class SockJS:
    """Serves SockJS under one path.

    Args:
        connect: makes the channel of a client. Called before anything is answered, so it may refuse by a
            web.HTTPException, and does not wait: the stock client gives a transport 0.8 s.
        address_of: the address of a client.
        allows: whether pages of an origin may read what is answered.
    """

    def __init__(
        self,
        connect: Callable[[SockJSOpening], Channel],
        *,
        address_of: Callable[[web.Request], str],
        allows: Callable[[str], bool],
        options: SockJSOptions,
    ) -> None:
        self._connect = connect
        self._address_of = address_of
        self._access = Access(allows, cookie_needed=options.cookie_needed)
        self._options = options
        self._sessions: dict[str, HttpSession] = {}
        self._delays = Dues(options.times.delay)
        self._pulses = Pulses(every=options.times.heartbeat, patience=0.0)

    @property
    def sessions(self) -> int:
        """How many sessions fetch by HTTP, or are over and still remembered."""
        return len(self._sessions)

    def routes(self, path: str) -> list[web.RouteDef]:
        """Return all routes; `path` has no slash at its end."""
        session = path + r"/{server:[^/.]+}/{session:[^/.]+}"
        routes = [
            web.get(path, self.greet),
            web.get(f"{path}/", self.greet),
            web.get(f"{path}/info", self.info),
            web.options(f"{path}/info", self._access.preflight("OPTIONS, GET")),
            web.post(f"{session}/xhr", self._poll),
            web.post(f"{session}/xhr_streaming", self._stream),
            web.post(f"{session}/xhr_send", self._send),
            web.get(f"{session}/eventsource", self._source, allow_head=False),
        ]
        posts = self._access.preflight("OPTIONS, POST")
        routes += [
            web.options(f"{session}/{name}", posts) for name in ("xhr", "xhr_streaming", "xhr_send")
        ]
        if self._options.websocket:
            routes.append(web.get(f"{path}/websocket", self.raw, allow_head=False))
            routes.append(web.get(f"{session}/websocket", self._websocket, allow_head=False))
        return routes

    async def greet(self, request: web.Request) -> web.StreamResponse:
        """Say that SockJS is spoken here; a client that asks for an upgrade is one of `raw`."""
        if self._options.websocket and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.raw(request)
        return web.Response(body=b"Welcome to SockJS!\n", headers={"Content-Type": _PLAIN})

    async def info(self, request: web.Request) -> web.Response:
        """Answer what a client asks first, also to measure how far away we are."""
        about: dict[str, object] = {
            "websocket": self._options.websocket,
            # Said for the sake of the protocol; no client looks at it.
            "origins": ["*:*"],
            "cookie_needed": self._options.cookie_needed,
            "entropy": secrets.randbits(32),
        }
        if self._options.base_url is not None:
            about["base_url"] = self._options.base_url
        headers = {
            **self._access.headers(request),
            "Content-Type": "application/json; charset=UTF-8",
        }
        return web.Response(body=orjson.dumps(about), headers=headers)

    # -- WebSocket --------------------------------------------------------------------------------

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """Serve a WebSocket without SockJS' frames."""
        channel = self._connect(self._opening(request, "raw"))
        socket = await self._accepted(request, channel)
        return await socket.serve(channel)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        opening = self._opening(request, "websocket")
        channel = self._connect(opening)
        socket = await self._accepted(request, channel)
        return await socket.serve(WebSocketSession(channel, opening.heartbeats, self._pulses))

    async def _accepted(self, request: web.Request, channel: Channel) -> WebSocket:
        options = self._options
        try:
            socket = WebSocket(
                request,
                max_size=options.max_size,
                compress=options.compress,
                protocols=options.subprotocols,
            )
            await socket.accept()
        except BaseException:
            channel.leave(drop=True)
            raise
        return socket

    def _opening(
        self, request: web.Request, transport: Literal["raw", "websocket", "http"]
    ) -> SockJSOpening:
        return SockJSOpening(request, self._address_of(request), transport, Heartbeats())

    # -- HTTP -------------------------------------------------------------------------------------

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        return await self._receive(request, Polling)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await self._receive(request, Streaming)

    async def _source(self, request: web.Request) -> web.StreamResponse:
        return await self._receive(request, EventSource)

    async def _receive(
        self, request: web.Request, kind: type[Polling | Streaming]
    ) -> web.StreamResponse:
        session = self._session(request) or self._open(request)
        receiver: Receiver = kind(
            request, self._options.stream_limit, self._access.session_headers(request)
        )
        return await session.serve(receiver)

    def _session(self, request: web.Request) -> HttpSession | None:
        """Return the session that a request names.

        Raises:
            web.HTTPNotFound: it is another client's.
        """
        session = self._sessions.get(request.match_info["session"])
        if session is not None and session.address != self._address_of(request):
            raise web.HTTPNotFound
        return session

    def _open(self, request: web.Request) -> HttpSession:
        name = request.match_info["session"]
        if len(name) > _LONGEST_ID:
            raise web.HTTPNotFound
        if len(self._sessions) >= self._options.max_sessions:
            raise web.HTTPServiceUnavailable
        opening = self._opening(request, "http")
        session = HttpSession(
            self._connect(opening),
            opening.address,
            opening.heartbeats,
            self._options.times,
            self._delays,
            partial(self._forget, name),
        )
        self._sessions[name] = session
        session.open()
        return session

    def _forget(self, name: str, session: HttpSession) -> None:
        # Its last receiver may end when another session has its id.
        if self._sessions.get(name) is session:
            del self._sessions[name]

    async def _send(self, request: web.Request) -> web.StreamResponse:
        headers = {**self._access.session_headers(request), "Content-Type": _PLAIN}
        session = self._session(request)
        if session is None or session.over is not None:
            return web.Response(status=404, headers=headers)
        session.channel.heard()
        body = await request.read()
        if len(body) > self._options.max_size:
            raise web.HTTPRequestEntityTooLarge(self._options.max_size, len(body))
        try:
            messages = sockjs_frames.parse(body)
        except sockjs_frames.BadMessages as error:
            return web.Response(status=500, body=error.reason.encode(), headers=headers)
        taken = await session.take(messages)
        return web.Response(status=204 if taken else 503, headers=headers)
