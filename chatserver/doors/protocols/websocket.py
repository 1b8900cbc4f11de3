"""One WebSocket (RFC 6455), the server's end of it: aiohttp's, heard by a listener.

aiohttp shakes hands, parses frames, puts fragments together, inflates, and closes: invalid UTF-8 with 1007, what
is larger than the bound with 1009, what is no frame with 1002. What goes out is the listener's affair: it writes
whole frames to the transport, as many as it likes in one write, and keeps what waits there in bounds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from aiohttp.hdrs import SEC_WEBSOCKET_PROTOCOL

from chatserver.core.logging import get_logger
from chatserver.doors.protocols.inbox import Response
from chatserver.doors.protocols.websocket_frames import (
    MAX_REASON,
    FramedPacket,
    ping,
    pong,
    unframed,
)

_log = get_logger(__name__)

# After so many messages others have their turn.
_MESSAGES = 64


class Framed(Protocol):
    """Something for a client, as `websocket_frames.frame` wrote it."""

    @property
    def framed(self) -> bytes:
        """The frame."""


class WebSocketListener(Protocol):
    """What hears one WebSocket, and writes to it."""

    def opened(self, socket: "WebSocket") -> None:
        """Begin, since the handshake is done."""

    def take(self, text: str) -> bool:
        """Take a text message at once, if nothing of it has to wait; False has it given to `text`.

        Called only while no message before it is still being taken.
        """

    async def text(self, text: str) -> None:
        """Take a text message. The next one is read when this returns; one that crashes it closes with 1011."""

    async def binary(self, data: bytes) -> None:
        """Take a binary message, as `text`."""

    def pinged(self, payload: bytes) -> None:
        """Answer a ping that the client sent; what came before it may still be waiting."""

    def ponged(self, payload: bytes) -> None:
        """Note that the client sent a pong, perhaps one that nobody asked for."""

    async def ended(self) -> tuple[int, bytes]:
        """Return the code and reason (at most 123 bytes) of our own close frame, since nothing is read any more.

        The frame is sent unless the client's came first. Nothing may be written after this.
        """


class WebSocket:
    """Serves one request that asks for an upgrade.

    Args:
        max_size: of a message, inflated and of all its fragments (bytes).
        compress: whether to agree to permessage-deflate (RFC 7692).
        protocols: the subprotocols that are spoken here. The first of the client's that is one of them is agreed
            on; without any, the client's first one is, since a browser gives up where none is.
    """

    __slots__ = (
        "_cancelled",
        "_code",
        "_connection",
        "_listener",
        "_on_end",
        "_reader",
        "_request",
        "_stopped",
        "_writer",
        "at_rest",
        "receive",
        "response",
    )

    def __init__(
        self,
        request: web.BaseRequest,
        *,
        max_size: int,
        compress: bool = False,
        protocols: Sequence[str] = (),
    ) -> None:
        # Until hands are shaken; it is some ten objects, and the connection may last for days.
        self._request: web.BaseRequest | None = request
        self._connection = request.protocol
        self._writer = request.writer
        self._on_end: Callable[[], None] | None = None
        self._listener: WebSocketListener | None = None
        # The task that reads; whether it was told to stop, and was woken for that.
        self._reader: asyncio.Task[object] | None = None
        self._stopped = self._cancelled = False
        # Why we close where that is not the listener's doing.
        self._code: int | None = None
        # Whether all that came was taken, and the reader waits for more.
        self.at_rest = False
        self.response = Response(
            # aiohttp's is the first size that is too large.
            max_msg_size=max_size + 1,
            compress=compress,
            protocols=_agreed(request, protocols),
        )
        # The next message, for what comes before `run`; one of another type than TEXT or BINARY is the end.
        self.receive: Callable[[], Awaitable[WSMessage]] = self.response.receive

    async def accept(self) -> None:
        """Shake hands.

        Raises:
            web.HTTPBadRequest: the request is none for a WebSocket.
            OSError: the client is gone.
        """
        request, self._request = self._request, None
        assert request is not None  # once
        await self.response.prepare(request)

    @property
    def protocol(self) -> str:
        """The subprotocol that was agreed on; empty where there is none."""
        return self.response.ws_protocol or ""

    @property
    def compresses(self) -> bool:
        """Whether messages are deflated: then only `send` may write them."""
        return bool(self.response.compress)

    # -- reading ----------------------------------------------------------------------------------

    async def serve(
        self, listener: WebSocketListener, on_end: Callable[[], None] | None = None
    ) -> web.StreamResponse:
        """Have a listener hear the client. Returns what answers the request.

        Where the server can let go of the request, that is at once, and a task of its own hears the client: else
        the request, its task and the dozen coroutines between the web server and here would last as long as the
        connection, which is a third of what that takes.

        Args:
            on_end: called when the connection is closed.
        """
        self._on_end = on_end
        # See `HttpConnection`; another server's connection has no such thing.
        self.response.hand_over = getattr(self._connection, "hand_over", None)
        if self.response.hand_over is not None:
            # The event loop keeps no task alive by itself.
            self._reader = asyncio.get_running_loop().create_task(self.run(listener))
        else:
            await self.run(listener)
        return self.response

    async def run(self, listener: WebSocketListener) -> None:
        """Have a listener hear the client until either has enough, and say goodbye."""
        self._listener = listener
        self._reader = reader = asyncio.current_task()
        assert reader is not None  # aiohttp runs it in one
        try:
            listener.opened(self)
            inbox = self.response.inbox
            inbox.take, inbox.ping, inbox.pong = self._take, listener.pinged, listener.ponged
            await self._read(listener)
        except asyncio.CancelledError:
            if not self._cancelled or reader.uncancel():
                raise  # by somebody else
        except OSError:
            pass  # the client is gone
        except Exception:
            self._crash()
        finally:
            self._reader = None
            self.at_rest = False
            try:
                code, reason = await listener.ended()
                await (self.close(code, reason) if self._code is None else self.close(self._code))
            finally:
                self._end()

    def _end(self) -> None:
        # They hold each other.
        inbox = self.response.inbox
        inbox.take = inbox.ping = inbox.pong = self._listener = None
        on_end, self._on_end = self._on_end, None
        if self._connection.transport is not None:
            self._connection.transport.close()
        if on_end is not None:
            on_end()

    def _crash(self) -> None:
        _log.exception("a message crashed")
        self._code = WSCloseCode.INTERNAL_ERROR

    async def _read(self, listener: WebSocketListener) -> None:
        receive = self.response.receive
        number = 0
        while not self._stopped:
            self.at_rest = True
            message = await receive()
            self.at_rest = False
            number += 1
            if number % _MESSAGES == 0:
                # What is there already is received without a pause.
                await asyncio.sleep(0)
            if message.type is WSMsgType.TEXT:
                await listener.text(message.data)
            elif message.type is WSMsgType.BINARY:
                await listener.binary(message.data)
            else:
                return

    def _take(self, text: str) -> bool:
        """Have a message taken at once, if nothing that came before it is still to be taken; never raises."""
        if not self.at_rest or self._listener is None:
            return False
        try:
            return self._listener.take(text)
        except Exception:
            self._crash()
            self.stop()
            return True

    def stop(self) -> None:
        """Read no more: `run` says goodbye."""
        if self._reader is not None and not self._stopped:
            self._stopped = True
            if asyncio.current_task() is not self._reader:
                self._cancelled = True
                self._reader.cancel()

    # -- writing ----------------------------------------------------------------------------------

    def outlet(self, high: int) -> tuple[asyncio.Transport, Callable[[], Awaitable[None]]]:
        """Return where whole frames may be written, and what waits while that keeps over `high` bytes.

        aiohttp writes whole frames too (the close), so none stands in the middle of another.

        Raises:
            OSError: the client is gone.
        """
        transport = self._connection.transport
        if transport is None:
            raise ConnectionResetError
        transport.set_write_buffer_limits(high)
        return transport, self._writer.drain

    async def send(self, packet: Framed) -> None:
        """Write a packet, each message in it deflated where that was agreed on; waits while the transport is full.

        Raises:
            OSError: the transport is gone.
        """
        for opcode, payload in unframed(packet.framed):
            await self.response.send_frame(payload, WSMsgType(opcode))

    def ping_packet(self, payload: bytes) -> FramedPacket:
        """Make a ping of up to 125 bytes."""
        return ping(payload)

    def pong_packet(self, payload: bytes) -> FramedPacket:
        """Make the answer to a ping."""
        return pong(payload)

    def abort(self) -> None:
        """Cut the connection off."""
        if self._connection.transport is not None:
            self._connection.transport.abort()

    async def close(self, code: int, reason: bytes = b"") -> None:
        """Say goodbye, unless the client has gone without."""
        await self.response.close(code=code, message=reason[:MAX_REASON])
        if error := self.response.exception():
            # Its tracebacks hold the response, which holds it: only the garbage collector would find them, and
            # with them all that is left of the connection.
            error.__traceback__ = error.__context__ = None


def _agreed(request: web.BaseRequest, spoken: Sequence[str]) -> tuple[str, ...]:
    """Return the subprotocol that is answered, as the only one that aiohttp is told of: it logs all others.

    Raises:
        web.HTTPBadRequest: some are offered, and none of them is spoken here.
    """
    offered = [name.strip() for name in request.headers.get(SEC_WEBSOCKET_PROTOCOL, "").split(",")]
    known = [name for name in offered if name and (not spoken or name in spoken)]
    if not known and spoken and any(offered):
        raise web.HTTPBadRequest(
            reason=f"Sec-WebSocket-Protocol: none is known here but {', '.join(spoken)}"
        )
    return (known[0],) if known else ("",)
