"""One Engine.IO session, whatever its transport: what waits for its client, its deadlines, and its end.

See `chatserver.doors.sockets` for what is overridden of python-engineio's ``AsyncSocket``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aiohttp import WSCloseCode, web
from engineio import async_socket
from engineio.packet import CLOSE, PING, Packet

from chatserver.doors import frames
from chatserver.doors.due import Due
from chatserver.doors.send_queue import SendQueue
from chatserver.logs import get_logger

_log = get_logger(__name__)

_PING = Packet(PING)
_CLOSE = Packet(CLOSE)


class Link(async_socket.AsyncSocket):  # type: ignore[misc]  # engineio has no types
    """``address`` is the client's; ``attachments`` are the binary frames still to come, to be thrown away.

    ``connects`` counts the CONNECTs that came.
    """

    # Upstream's.
    queue: SendQueue
    closing: bool
    connected: bool
    upgraded: bool

    def __init__(self, server: Any, sid: str, address: str) -> None:
        super().__init__(server, sid)
        self.address = address
        # Who is connected over it, once it is: the listener's own.
        self.client: Any = None
        self.attachments = 0
        self.connects = 0
        self.close_code: int = WSCloseCode.OK
        # Those that are being served: a request cannot be hashed.
        self._requests: dict[int, web.BaseRequest] = {}
        self._pinged = False
        # One at a time: the next ping, or the wait for its pong, or the end of the patience with a closed client.
        self._due: Due | None = None
        self._connect_due: Due | None = None
        # Where a WebSocket's frames are written; None while polling.
        self.transport: asyncio.Transport | None = None
        self._drain: Callable[[], Awaitable[None]]
        self._to_flush = False

    # -- sending ----------------------------------------------------------------------------------

    def push(self, packet: Packet) -> None:
        """Queue a packet; a client that has too much waiting is cut off. Never waits and never raises."""
        queue = self.queue
        if queue.ended:
            return
        if queue.bytes >= queue.bound and self.queued_bytes >= queue.bound:
            _log.info("a client does not read", address=self.address, queued=queue.bytes)
            self.server.traffic.aborted += 1
            self.abort()
            return
        queue.put(packet)
        if not self._to_flush:
            self._put_out()

    def _put_out(self) -> None:
        """Something is queued where nothing was."""
        if self.transport is None:
            self.queue.changed.fire()
        else:
            self._to_flush = True
            self.server.flusher.add(self)

    def hurry(self) -> None:
        """The client waits for what was pushed last: it is written before what others were pushed."""
        if self._to_flush:
            self.server.flusher.hurry(self)

    async def send(self, pkt: Packet) -> None:
        """Upstream's name for `push`."""
        self.push(pkt)

    def flush(self) -> None:
        """Write what is queued, all of it in one write. Called by the server's `Flusher`."""
        self._to_flush = False
        transport, queue = self.transport, self.queue
        if transport is None or transport.is_closing():
            return  # the reader sees that, too, and ends the session
        if not queue.empty:
            transport.write(queue.take_frames())
            queue.handed(transport.get_write_buffer_size())
        if queue.ended:
            self._over()

    @property
    def queued_bytes(self) -> int:
        """How much is on its way to the client, and not with the operating system yet."""
        if self.transport is not None:
            # What the transport kept when it was last given something may be gone by now.
            self.queue.kept(self.transport.get_write_buffer_size())
        return self.queue.bytes

    @property
    def is_half_full(self) -> bool:
        """Whether half of what may wait for the client does."""
        return self.queue.bytes >= self.queue.bound // 2

    async def drained(self, below: int) -> None:
        """Wait until less than `below` bytes are queued, or the session has ended."""
        if self.transport is None:
            await self.queue.drained(below)
        elif self.queued_bytes >= below:
            self.flush()
            # Until the transport keeps less than its own limit, which is far below the bound.
            with suppress(OSError):
                await self._drain()

    # -- the end ----------------------------------------------------------------------------------

    async def close(
        self, wait: bool = True, abort: bool = False, reason: str | None = None
    ) -> None:
        """Upstream's name for `leave`. Does not wait, as upstream, until the client has read."""
        self.leave(drop=abort)

    def leave(self, *, drop: bool) -> None:
        """End the session: with `drop` at once, else as soon as what is queued has gone out."""
        if not self.closing:
            self.closing = True
            self._settle_dues()
            if not drop:
                self.queue.put(_CLOSE)
                if not self._to_flush:
                    self._put_out()
            # Not now: it may be the hundredth of thousands to whom something is just being pushed.
            asyncio.get_running_loop().call_soon(self.server.on_leave, self.sid)
            self._due = self.server.deadlines.farewell.set(self.abort)
        self.queue.end(drop=drop)
        if self.queue.empty:
            self._over()
        if drop:
            self._forget()

    def _over(self) -> None:
        """Nothing is written any more: the queue has ended and was emptied."""

    def abort(self) -> None:
        """End the session and its transport without a word: a client that does not read never sees one."""
        self.leave(drop=True)
        for request in self._requests.values():
            if request.transport is not None:
                request.transport.abort()

    def _forget(self) -> None:
        self.closed = True
        self.server.sockets.pop(self.sid, None)
        self._settle()

    @contextmanager
    def _serving(self, request: web.BaseRequest) -> Iterator[None]:
        self._requests[id(request)] = request
        try:
            yield
        finally:
            self._served(request)

    def _served(self, request: web.BaseRequest) -> None:
        self._requests.pop(id(request), None)
        self._settle()

    def _settle(self) -> None:
        """Once the session has ended and its requests are served, nothing is left of it."""
        if self.closed and not self._requests:
            self._settle_dues()
            if self in self.server.open:
                self.server.open.discard(self)
                self.server.traffic.sent += self.queue.total

    # -- deadlines --------------------------------------------------------------------------------

    def _settle_dues(self) -> None:
        for due in (self._due, self._connect_due):
            if due is not None:
                due.settle()
        self._due = self._connect_due = None

    def schedule_ping(self) -> None:
        """Ping the client after a while."""
        self._due = self.server.deadlines.ping.set(self._ping)

    def _ping(self) -> None:
        self._pinged = True
        self._due = self.server.deadlines.pong.set(self._miss_pong)
        self.push(_PING)
        if self.upgraded:
            # Queued behind all that was sent before: its pong proves that it arrived.
            self.server.on_ping(self.sid)

    def _miss_pong(self) -> None:
        self.leave(drop=False)

    def _pong(self) -> None:
        if self._pinged and not self.closing:
            self._pinged = False
            if self._due is not None:
                self._due.settle()
            if self.upgraded:
                self.server.on_pong(self.sid)
            self.schedule_ping()

    def await_connect(self) -> None:
        """From now on the client has the CONNECT deadline's time to have a Socket.IO session accepted."""
        self.connect_accepted()
        if not self.closing:
            self._connect_due = self.server.deadlines.connect.set(self._miss_connect)

    def _miss_connect(self) -> None:
        self.leave(drop=False)

    def connect_accepted(self) -> None:
        """The deadline is met."""
        if self._connect_due is not None:
            self._connect_due.settle()
            self._connect_due = None

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
            self._pong()
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
