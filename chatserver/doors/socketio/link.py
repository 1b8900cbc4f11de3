"""One Engine.IO session over any transport: a `Line` that python-engineio takes for its ``AsyncSocket``.

See `chatserver.doors.socketio.sockets` for what is overridden of that.
"""

from typing import Any

from aiohttp import web
from engineio import async_socket
from engineio.packet import CLOSE, PING, Packet

from chatserver.core.errors import ErrorCode
from chatserver.core.logging import get_logger
from chatserver.doors.connection import Device, SendQueue, WebSocketLine
from chatserver.doors.socketio import frames
from chatserver.doors.socketio.packets import DIALECT, DISCONNECT, TextPacket, framed

_log = get_logger(__name__)

CLOSE_PACKET = framed(Packet(CLOSE))


class Link(WebSocketLine, async_socket.AsyncSocket):  # type: ignore[misc]  # engineio has no types
    """``attachments`` are the binary frames still to come, to be thrown away."""

    dialect = DIALECT
    ping_packet = framed(Packet(PING))
    close_packet = CLOSE_PACKET

    device: Device | None
    # Upstream's.
    server: Any
    queue: SendQueue
    connected: bool
    upgraded: bool

    def __init__(self, server: Any, sid: str, address: str) -> None:
        async_socket.AsyncSocket.__init__(self, server, sid)
        WebSocketLine.__init__(self, server, sid, self.queue, address)
        self.attachments = 0
        # What brought the requests that are being served, and the WebSocket.
        self._carriers: list[web.RequestHandler] = []

    async def send(self, pkt: Packet) -> None:
        """Do as `push`, by upstream's name."""
        self.push(framed(pkt))

    # -- the end ----------------------------------------------------------------------------------

    async def close(
        self, wait: bool = True, abort: bool = False, reason: str | None = None
    ) -> None:
        """Do as `leave`, by upstream's name; unlike upstream's, it does not wait until the client has read."""
        self.leave(drop=abort)

    def hang_up(self, *, come_back: ErrorCode | None = None, for_good: bool = False) -> None:
        """See `Line`. From a closed transport a stock client comes back by itself, to another process perhaps.

        After a CONNECT_ERROR it would stay away for good, as it does after a DISCONNECT.
        """
        if for_good and not self.closing:
            self.last_word = TextPacket(DISCONNECT.encode())
        super().hang_up(come_back=come_back)

    def abort(self) -> None:
        """See `Line`."""
        self.leave(drop=True)
        for carrier in self._carriers:
            if carrier.transport is not None:
                carrier.transport.abort()

    def _forget(self) -> None:
        self.server.sockets.pop(self.sid, None)
        super()._forget()

    def _served(self, carrier: web.RequestHandler) -> None:
        if carrier in self._carriers:
            self._carriers.remove(carrier)
        self._settle()

    def _settle(self) -> None:
        """Forget the session once it has ended and its requests are served."""
        if self.closed and not self._carriers:
            super()._settle()

    def _proves_arrival(self) -> bool:
        """See `Line`: what a poll brings may be lost."""
        return bool(self.upgraded)

    # -- receiving --------------------------------------------------------------------------------

    async def _receive(self, frame: str) -> None:
        """Take a text frame.

        Raises:
            BadFrame: no packet, or one that a client does not send here.
        """
        kind = frame[:1]
        if kind == frames.MESSAGE:
            await self._message(frame[1:])
        elif kind == frames.PONG:
            self.pong()
        elif kind == frames.CLOSE:
            self.leave(drop=True)
        elif kind == frames.BASE64:
            # Whatever is in it is thrown away.
            await self._message(b"")
        else:
            raise frames.BadFrame

    async def _message(self, data: str | bytes) -> None:
        self.server.traffic.received += len(data)
        # Upstream's _trigger_event makes a closure per message, and goes on after a crash.
        try:
            await self.server.handlers["message"](self.sid, data)
        except frames.BadFrame:
            raise
        except Exception as error:
            _log.exception("a frame crashed")
            raise frames.BadFrame from error
