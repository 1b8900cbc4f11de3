"""A SockJS session over HTTP: one request after the other fetches what waits, or one brings it as it comes."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from chatserver.core.deadlines import Due, Dues
from chatserver.core.logging import get_logger
from chatserver.doors.protocols import sockjs_frames
from chatserver.doors.protocols.sockjs_channel import Channel
from chatserver.doors.protocols.websocket import Framed

_log = get_logger(__name__)

# The protocol's own codes.
_INTERRUPTED = sockjs_frames.close(1002, "Connection interrupted")
_CRASHED = sockjs_frames.close(1011, "Internal error")
_SECOND = sockjs_frames.close(2010, "Another connection still open")

# After so many messages of one request others have their turn.
_MESSAGES = 64
# Requests of one client that bring messages, and wait until those before them are taken. Stock clients send the
# next one when the one before is answered.
_MOST_SENDING = 4
# No close frame's reason is longer.
_MAX_REASON = 123


@dataclass(frozen=True, slots=True)
class SockJSTimes:
    """How long things take (s).

    ``delay``: a session without a receiver ends after it; one that is over is remembered for it. ``heartbeat``: so
    often a receiver that waits is sent something.
    """

    delay: float = 5.0
    heartbeat: float = 25.0


async def hand_on(channel: Channel, messages: Sequence[str]) -> None:
    """Have a channel take messages, one after the other, until it closes."""
    for number, message in enumerate(messages, start=1):
        if not channel.closing:
            await channel.text(message)
        if number % _MESSAGES == 0:
            await asyncio.sleep(0)


class Heartbeats:
    """Whether a session has SockJS' own: what is spoken over it may have others."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = True

    def stop(self) -> None:
        """Send no more of them."""
        self.on = False


class Receiver:
    """A request by which a client fetches frames. A kind of transport says how frames are written.

    Args:
        most: bytes after which it ends, so that browsers can forget what they have read. One frame may exceed it.
    """

    def __init__(self, request: web.Request, most: int) -> None:
        self._request = request
        self.most = most

    @property
    def is_gone(self) -> bool:
        """Whether the client has hung up."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    def abort(self) -> None:
        """Cut the client off."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def begin(self) -> None:
        """Write what comes before all frames."""

    async def write(self, frame: bytes) -> bool:
        """Write a frame; whether more may follow in this answer.

        Raises:
            OSError: the client is gone.
        """
        raise NotImplementedError

    async def end(self) -> web.StreamResponse:
        """Return the answer, since no more frames come."""
        raise NotImplementedError


class HttpSession:
    """One session. `over` is its last frame, once it is over.

    Args:
        address: of the client that made it; nobody else uses it.
        delays: deadlines of `SockJSTimes.delay`.
        forget: told of it when nothing is left of it.
    """

    def __init__(
        self,
        channel: Channel,
        address: str,
        heartbeats: Heartbeats,
        times: SockJSTimes,
        delays: Dues,
        forget: Callable[["HttpSession"], None],
    ) -> None:
        self.channel = channel
        self.address = address
        self.over: bytes | None = None
        self._forget = forget
        self._times = times
        self._delays = delays
        self._delay: Due | None = None
        self._receiver: Receiver | None = None
        self._turn = asyncio.Lock()
        self._sending = 0
        self._is_open = False
        self._heartbeats = heartbeats

    def open(self) -> None:
        """Begin; called by the request that makes it."""
        self.channel.attached(self)
        self._wait_for_receiver()

    # -- what the client sends --------------------------------------------------------------------

    async def take(self, messages: Sequence[str]) -> bool:
        """Hand on messages, in the order of their requests; False where too many requests wait already."""
        if self._sending >= _MOST_SENDING:
            return False
        self._sending += 1
        try:
            async with self._turn:
                await hand_on(self.channel, messages)
        except Exception:
            _log.exception("a message crashed")
            if self.over is None:
                self._end(_CRASHED)
        finally:
            self._sending -= 1
        return True

    # -- what the client fetches ------------------------------------------------------------------

    async def serve(self, receiver: Receiver) -> web.StreamResponse:
        """Answer a request by what waits, or comes meanwhile; one at a time."""
        try:
            await receiver.begin()
        except OSError:
            return await receiver.end()
        self.channel.heard()
        had = self._receiver
        if had is not None and had.is_gone:
            self._interrupt()
        elif had is not None:
            await _say(receiver, _SECOND)
            return await receiver.end()
        if self.over is not None:
            await _say(receiver, self.over)
            return await receiver.end()
        if self._delay is not None:
            self._delay.settle()
        self._receiver = receiver
        try:
            await self._fill(receiver)
        except OSError:
            # Whatever was on its way is lost.
            self._interrupt()
        finally:
            if self._receiver is receiver:
                self._receiver = None
                self._wait_for_receiver()
        return await receiver.end()

    async def _fill(self, receiver: Receiver) -> None:
        if not self._is_open:
            self._is_open = True
            if not await receiver.write(sockjs_frames.OPEN):
                return
        while self._receiver is receiver:
            frame, taken = self._next(receiver.most)
            if frame is None and (frame := await self._wait(receiver)) is None:
                continue
            more = await receiver.write(frame)
            for packet in taken:
                self.channel.queue.written(packet)
            if not more or frame is self.over:
                return

    def _next(self, most: int) -> tuple[bytes | None, list[Framed]]:
        """Return the next frame, and what it is made of; None where nothing waits."""
        queue = self.channel.queue
        taken: list[Framed] = []
        size = 0
        while size < most and not queue.empty:
            for packet in queue.take(1):
                if packet.framed:
                    taken.append(packet)
                    size += len(packet.framed)
        if taken:
            return sockjs_frames.messages([packet.framed for packet in taken]), taken
        if queue.ended:
            self._finish()
        return self.over, []

    async def _wait(self, receiver: Receiver) -> bytes | None:
        """Wait for more; a heart-beat where nothing came for long enough, else None.

        Raises:
            OSError: the client is gone.
        """
        left = self._times.heartbeat
        while left > 0:
            # aiohttp tells nobody that a client has hung up.
            step = min(left, self._times.delay)
            try:
                async with asyncio.timeout(step):
                    await self.channel.queue.changed.wait()
                return None
            except TimeoutError:
                left -= step
            if receiver.is_gone:
                raise ConnectionResetError
        return sockjs_frames.HEARTBEAT if self._heartbeats.on else None

    # -- the end ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """See `Carrier`: whoever receives sees it."""

    def abort(self) -> None:
        """See `Carrier`."""
        if self.over is None:
            self._end(_INTERRUPTED)
        if self._receiver is not None:
            self._receiver.abort()

    def _interrupt(self) -> None:
        """End the session of a client that hung up in the middle of an answer."""
        self._receiver = None
        if self.over is None:
            self._end(_INTERRUPTED)

    def _finish(self) -> None:
        """End the session, since everything that was queued is fetched and no more comes."""
        if self.over is None:
            reason = self.channel.close_reason[:_MAX_REASON].decode(errors="replace")
            self._end(sockjs_frames.close(self.channel.close_code, reason))

    def _end(self, last: bytes) -> None:
        """End the session; its last frame is repeated for a while."""
        self.over = last
        self.channel.leave(drop=True)
        self._wait_for_receiver()

    def _wait_for_receiver(self) -> None:
        if self._delay is not None:
            self._delay.settle()
        self._delay = self._delays.set(self._miss_receiver)

    def _miss_receiver(self) -> None:
        if self.over is None:
            self.channel.leave(drop=True)
        self._forget(self)


async def _say(receiver: Receiver, frame: bytes) -> None:
    with suppress(OSError):
        await receiver.write(frame)
