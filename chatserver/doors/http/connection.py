"""One HTTP connection: aiohttp's, with deadlines, a place among the limits, and answers in our own form.

Overridden of aiohttp 3.14.5's ``RequestHandler``, which waits for ever for a head or a body, answers what its
parser refuses in plain text, and logs it with the bytes that came:

- ``connection_made``, ``connection_lost``: it is counted (`OpenConnections`), or refused;
- ``data_received``: what came last decides which deadline runs;
- ``start``: ends where a WebSocket goes on without its request (`HttpConnection.hand_over`);
- ``finish_response``: a client has a time to take an answer; failures outside the middlewares become ours;
- ``_make_error_handler``, ``handle_error``, ``log_exception``: what is answered and logged.

Its attributes ``_messages``, ``_waiter``, ``_request_count``, ``_payload_parser`` and ``_upgraded`` are read,
``_keepalive_handle`` is cancelled where a head begins, and ``_force_close``, ``_task_handler``, ``_parser`` and
``_messages`` are set where a WebSocket goes on.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from chatserver.core.logging import get_logger
from chatserver.doors.connection import Due, Dues
from chatserver.doors.http.address import peer_network
from chatserver.doors.http.bad_requests import HEAD_END, MAX_HEAD, origin_of, reason_of, status_of
from chatserver.doors.http.expectations import BodyTimeout
from chatserver.doors.http.middleware import Headers, failure_of
from chatserver.doors.http.open_connections import OpenConnections

_log = get_logger(__name__)

# A client that still sends may see a reset instead of the answer, so what it sends is read, and dropped, for so
# long (s).
LINGER = 1.0

# Of those that take no more requests.
_NO_MESSAGES: deque[Any] = deque(maxlen=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the connections of a process share: headers of answers, the count of connections, and deadlines.

    ``head``: for a request's head; ``body``: for its body; ``answer``: for the client to take one.
    """

    headers: Headers
    counts: OpenConnections
    head: Dues
    body: Dues
    answer: Dues


class HttpConnection(RequestHandler):
    """One HTTP connection. Made by `Connections`."""

    __slots__ = (
        "_awaited",
        "_body",
        "_body_due",
        "_counted",
        "_head",
        "_head_due",
        "_network",
        "_refused",
        "_shared",
    )

    def __init__(self, shared: Shared, server: web.Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._shared = shared
        self._network: str | None = None
        self._counted = False
        # The part of an incomplete head that came, and the body that is not complete.
        self._head = b""
        self._body: StreamReader | None = None
        self._head_due: Due | None = None
        self._body_due: Due | None = None
        # What comes from now on is not read.
        self._refused = False
        self._awaited: asyncio.Future[None] | None = None

    # -- beginning and end ------------------------------------------------------------------------

    def enter(self, network: str | None) -> bool:
        """Count the connection by the `network_of` its address. Returns False where it is one too many."""
        self._network = network
        self._counted = self._shared.counts.enter(network)
        return self._counted

    def leave(self) -> None:
        """Count the connection no longer."""
        if self._counted:
            self._counted = False
            self._shared.counts.leave(self._network)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Await the first request; count the connection, unless a TLS handshake has counted it."""
        if self._counted or self.enter(peer_network(transport)):
            self._head_due = self._shared.head.set(self._miss_head)
            super().connection_made(transport)
        else:
            self._refused = True
            # uvloop's is no subclass of asyncio's.
            cast("asyncio.Transport", transport).abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Clean up after a connection that was closed, by either side."""
        self._settle_head()
        self._settle_body()
        self.leave()
        self._wake()
        super().connection_lost(exc)

    # -- receiving --------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take bytes of a head, of a body, or of a WebSocket."""
        if self._payload_parser is not None:
            # A WebSocket's, which takes nothing after what is no frame.
            self._payload_parser.feed_data(data)
            return
        if self._refused:
            self._skim(data)
            return
        known, body = self._request_count, self._body
        super().data_received(data)
        if body is not None and body.is_eof():
            self._settle_body()
        if self._request_count > known:
            self._take(data)
        elif body is None and data and not self._upgraded:
            self._gather(data)

    def _skim(self, data: bytes) -> None:
        """Take more of a request that was refused: of its head only the sender is wanted."""
        if self._awaited is not None and len(self._head) <= MAX_HEAD:
            self._head += data
            if HEAD_END in self._head:
                self._wake()

    def _gather(self, data: bytes) -> None:
        """Take more of a head that is not complete."""
        if not self._head and not data.strip(b"\r\n"):
            return  # blank lines before a request are nothing (RFC 9112, section 2.2)
        self._head += data
        if self._head_due is None:
            self._head_due = self._shared.head.set(self._miss_head)
            if self._keepalive_handle is not None:
                # The connection is not idle any more.
                self._keepalive_handle.cancel()
                self._keepalive_handle = None
        if len(self._head) > MAX_HEAD:
            self._refuse(ValueError("Too many headers"))

    def _take(self, data: bytes) -> None:
        """Take requests whose heads are complete, or that were refused."""
        self._settle_head()
        message = self._messages[-1][0]
        if not isinstance(message, _ErrInfo):
            self._head = b""
            self._await_body()
            return
        self._head += data
        if self._body is not None and not self._body.is_eof():
            # In the middle of a body, whose reader would wait for the rest.
            self._messages.pop()
            self._end_body(web.RequestPayloadError())
        self._refused = True

    def _await_body(self) -> None:
        """Give the last request its time to bring its body."""
        if not self._messages:
            return
        payload = self._messages[-1][1]
        if payload is not self._body and not payload.is_eof():
            self._settle_body()
            self._body = payload
            self._body_due = self._shared.body.set(self._miss_body)

    def hand_over(self) -> None:
        """Let go of a request that was upgraded: whoever took the connection over closes it.

        What was there for requests goes with it.
        """
        # Where `start` is told so it awaits no other request, and leaves the transport alone.
        self._force_close = True
        self._task_handler = self._parser = None
        self._messages = _NO_MESSAGES

    # -- deadlines --------------------------------------------------------------------------------

    def _settle_head(self) -> None:
        if self._head_due is not None:
            self._head_due.settle()
            self._head_due = None

    def _settle_body(self) -> None:
        self.hold_body()
        self._body = None

    def hold_body(self) -> None:
        """Let no time pass for a body, since it is us who are not at it; until it is renewed."""
        if self._body_due is not None:
            self._body_due.settle()
            self._body_due = None

    def renew_body(self) -> None:
        """Give a body that still comes its time anew, where a route takes large ones as they come."""
        self.hold_body()
        if self._body is not None:
            self._body_due = self._shared.body.set(self._miss_body)

    @property
    def answer_due(self) -> Dues:
        """How long the client may take to take a part of an answer."""
        return self._shared.answer

    def abort(self) -> None:
        """Cut off a client that does not take its answer."""
        if self.transport is not None:
            self.transport.abort()

    def _miss_head(self) -> None:
        self._head_due = None
        if self._head:
            self._refuse(TimeoutError())
        elif not self._messages and self._waiter is not None:
            self.force_close()

    def _miss_body(self) -> None:
        if self._body is not None and not self._body.is_eof():
            self._end_body(BodyTimeout())

    def _end_body(self, error: Exception) -> None:
        """Tell those who read the body that it ends, and let no other request follow."""
        body, self._refused = self._body, True
        self._settle_body()
        if body is not None:
            body.set_exception(error)
        self._close = True

    def _refuse(self, error: Exception) -> None:
        """Answer what is no HTTP request, and close the connection."""
        self._refused = True
        self._messages.append(
            (_ErrInfo(status=400, exc=error, message=""), EMPTY_PAYLOAD),
        )
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- answering --------------------------------------------------------------------------------

    def _make_error_handler(
        self, err_info: _ErrInfo
    ) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def handler(request: web.BaseRequest) -> web.StreamResponse:
            status = status_of(err_info.exc, self._head, self.max_line_size)
            if status != 408 and HEAD_END not in self._head:
                # The rest may have the Origin header.
                await self._await_client()
            _log.debug("no request was understood", status=status)
            response = self._failure(status, origin_of(self._head))
            await response.prepare(request)
            await response.write_eof()
            if self.transport is not None and self.transport.can_write_eof():
                self.transport.write_eof()
            # If it were closed while the client still sends, the answer would be lost.
            self._head = b""
            await self._await_client()
            return response

        return handler

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer, within its time."""
        if isinstance(resp, web.HTTPException):
            # Refused before any middleware: an expectation that is none.
            resp = self._failure(resp.status, request.headers.get("Origin"))
        due = self._shared.answer.set(self.abort)
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            due.settle()
            # Further requests may follow an upgrade that was declined.
            self._await_body()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a crash outside the middlewares.

        Raises:
            ConnectionError: the client is gone, or part of an answer is sent already.
        """
        if isinstance(exc, ConnectionError):
            raise exc  # a client's hanging up, which aiohttp takes as such
        _log.error("a request crashed", error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer is sent already")
        return self._failure(500, request.headers.get("Origin"))

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log why aiohttp gave a connection up: by a client's doing, or by a crash of its own."""
        error = kw.get("exc_info")
        ours = not isinstance(
            error, (web.RequestPayloadError, web.PayloadAccessError, OSError, TimeoutError)
        )
        (_log.error if ours else _log.debug)("a connection ended", error=type(error).__name__)

    def _failure(self, status: int, origin: str | None) -> web.Response:
        response = failure_of(status, reason_of(status))
        response.force_close()
        self._shared.headers.complete(origin, response)
        return response

    async def _await_client(self) -> None:
        """Wait a moment until the client has ended its head, or is gone."""
        if self.transport is not None:
            self._awaited = self._loop.create_future()
            await asyncio.wait((self._awaited,), timeout=LINGER)
            self._awaited = None

    def _wake(self) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)
