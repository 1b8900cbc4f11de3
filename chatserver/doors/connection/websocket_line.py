"""The line to a client over one WebSocket.

It is what hears the WebSocket, and meets it by structure alone: `doors/protocols` knows nothing of what a
connection is to us, and this room nothing of HTTP servers. mypy compares the two where a door joins them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from chatserver.core.errors import ErrorCode
from chatserver.doors.connection.line import Line, LineHost
from chatserver.doors.connection.send_queue import Outgoing, SendQueue

# Close codes (RFC 6455, section 7.4.1; 1013 is in IANA's registry).
OK, GOING_AWAY, PROTOCOL_ERROR, UNSUPPORTED_DATA = 1000, 1001, 1002, 1003
POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


class LineCarrier(Protocol):
    """What carries what is queued to the client."""

    def stop(self) -> None:
        """Say goodbye: everything queued is written, and nothing more will come."""

    def abort(self) -> None:
        """Cut the connection off."""


class OpenWebSocket(LineCarrier, Protocol):
    """What a `WebSocketLine` asks of a WebSocket; see `chatserver.doors.protocols.WebSocket`."""

    at_rest: bool

    @property
    def compresses(self) -> bool:
        """Whether only `send` may write messages."""

    def outlet(self, high: int) -> tuple[asyncio.Transport, Callable[[], Awaitable[None]]]:
        """Return where frames may be written, and what waits while that keeps over `high` bytes."""

    async def send(self, packet: Outgoing) -> None:
        """Write a packet. Raises OSError where the transport is gone."""

    def ping_packet(self, payload: bytes) -> Outgoing:
        """Make a ping."""

    def pong_packet(self, payload: bytes) -> Outgoing:
        """Make the answer to a ping."""


class _Nothing:
    """No packet: a WebSocket is asked and says goodbye by frames of its own."""

    framed = b""


class WebSocketLine(Line):
    """Writes to one WebSocket, in bounds, and hears it. A door says what a message is.

    ``close_code`` and ``close_reason`` are what it is closed with, once all that is queued has gone out.
    """

    ping_packet: Outgoing = _Nothing()
    close_packet: Outgoing = _Nothing()

    def __init__(self, server: LineHost, sid: str, queue: SendQueue, address: str) -> None:
        super().__init__(server, sid, queue, address)
        self._carrier: LineCarrier | None = None
        # The WebSocket, while it is open.
        self.socket: OpenWebSocket | None = None
        self.close_code = OK
        self.close_reason = b""
        # How much the client had read when its pong was missed.
        self._read_so_far = 0
        # The task that writes packet by packet, where there is one.
        self._writing: asyncio.Task[None] | None = None

    # -- what it hears ----------------------------------------------------------------------------

    def opened(self, socket: OpenWebSocket) -> None:
        """Begin to write, since the handshake is done."""
        self.socket = self._carrier = socket
        if socket.compresses:
            # Only the library compresses: packet by packet.
            self._writing = asyncio.get_running_loop().create_task(self._write_each(socket))
            self._writing.add_done_callback(lambda _writing: socket.stop())
        else:
            self.transport, self._drain = socket.outlet(self.queue.bound // 4)
            self.flush()

    def attached(self, carrier: LineCarrier) -> None:
        """Have `carrier` take packets from the queue as ``queue.changed`` fires: there is no WebSocket."""
        self._carrier = carrier

    def take(self, text: str) -> bool:
        """Take a message at once, if nothing of it has to wait."""
        return False

    async def text(self, text: str) -> None:
        """Take a message."""
        raise NotImplementedError

    async def binary(self, data: bytes) -> None:
        """Take a message of bytes. Nobody speaks so unless a door says otherwise."""
        self.close_with(UNSUPPORTED_DATA, b"Messages are text")

    def heard(self) -> None:
        """Note that the client shows that it is there, by something that is no message."""

    def pinged(self, payload: bytes) -> None:
        """Answer a client's ping, behind what is queued."""
        self.heard()
        if self.socket is not None:
            self.push(self.socket.pong_packet(payload))

    def ponged(self, payload: bytes) -> None:
        """Take a pong; where we send no pings of WebSocket's it answers none."""
        self.heard()

    def _is_held_up(self) -> bool:
        """See `Line`. A client that is sent a lot reads some of it meanwhile, or holds itself up."""
        waiting = self.queued_bytes
        read, self._read_so_far = self._read_so_far, self.queue.total - waiting
        return self._is_working() and (not self.is_half_full or self._read_so_far > read)

    def _is_working(self) -> bool:
        """Return whether something that the client sent is still being taken; while much is, no more is read."""
        return self.socket is not None and not self.socket.at_rest

    async def ended(self) -> tuple[int, bytes]:
        """Return what to close with, since nothing is read any more."""
        self.socket = self._carrier = None
        self.leave(drop=True)
        if self._writing is not None and not self._writing.done():
            self._writing.cancel()
            await asyncio.wait((self._writing,))
        return self.close_code, self.close_reason

    # -- writing ----------------------------------------------------------------------------------

    async def _write_each(self, socket: OpenWebSocket) -> None:
        """Write packet by packet, each as soon as the one before it is written, until the queue has ended."""
        queue = self.queue
        with suppress(OSError):  # the client is gone
            while True:
                for packet in queue.take(1):
                    await socket.send(packet)
                    queue.written(packet)
                if queue.empty:
                    self._emptied()
                if queue.empty:
                    if queue.ended:
                        return
                    await queue.changed.wait()

    def _emptied(self) -> None:
        """Everything queued is written; what is queued here is written, too."""

    # -- the end ----------------------------------------------------------------------------------

    def hang_up(self, *, come_back: ErrorCode | None = None, for_good: bool = False) -> None:
        """See `Line`: 1013 with the code, or 1008; else what it is to be closed with by then."""
        if come_back is not None:
            self.close_with(TRY_AGAIN_LATER, come_back.encode())
        elif for_good:
            self.close_with(POLICY_VIOLATION)
        else:
            self.leave(drop=False)

    def close_with(self, code: int, reason: bytes = b"") -> None:
        """Close with a code and a reason of at most 123 bytes, unless it is being closed already."""
        if not self.closing:
            self.close_code, self.close_reason = code, reason
            self.leave(drop=False)

    def _over(self) -> None:
        """See `Line`; no task waits for it beside the one that reads."""
        if self.transport is not None and self._carrier is not None:
            self._carrier.stop()

    def abort(self) -> None:
        """See `Line`."""
        carrier = self._carrier
        self.leave(drop=True)
        if carrier is not None:
            carrier.abort()

    def _forget(self) -> None:
        # The two hold each other, and would be left to the garbage collector.
        self._carrier = None
        super()._forget()
