"""The line to one client: what waits to be written to it, its deadlines, and its end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import ClassVar, Protocol

from chatserver.core.errors import ErrorCode
from chatserver.core.logging import get_logger
from chatserver.core.tally import Traffic
from chatserver.doors.connection.dialect import Dialect
from chatserver.doors.connection.due import Due, SessionDeadlines
from chatserver.doors.connection.flusher import Flusher
from chatserver.doors.connection.lane import Lane
from chatserver.doors.connection.send_queue import Outgoing, SendQueue

_log = get_logger(__name__)


class LineHost(Protocol):
    """What the lines of a door share.

    ``on_leave`` is told of a line that has ended, by its id; ``on_arrival`` how far the streams have arrived
    at somebody's device.
    """

    deadlines: SessionDeadlines
    flusher: Flusher
    traffic: Traffic
    on_leave: Callable[[str], None]
    on_arrival: Callable[[str, dict[str, int]], None]

    def is_over(self, line: "Line") -> None:
        """Forget a line of which nothing is left."""


class Connected(Protocol):
    """The client who is connected over a line: a `Device`."""

    user_id: str
    lane: Lane

    @property
    def has_unproven(self) -> bool:
        """Whether something was sent since the latest ping whose arrival a pong would prove."""

    def ping(self) -> None:
        """Note that a ping is queued, behind all that was sent so far."""

    def pong(self) -> dict[str, int]:
        """Note that the ping was answered. Returns what has arrived."""


class Line:
    """Queues what goes out, in bounds, and ends once.

    A door derives from it: it says what a ping and a farewell are, and writes what is queued, where `transport`
    is None, as soon as ``queue.changed`` fires. ``address`` is the client's; ``connects`` counts how often it
    asked to connect over this line.
    """

    dialect: ClassVar[Dialect]
    # What asks the client whether it is there, and what says that nothing more comes.
    ping_packet: Outgoing
    close_packet: Outgoing

    def __init__(self, server: LineHost, sid: str, queue: SendQueue, address: str) -> None:
        self.server = server
        self.sid = sid
        self.queue = queue
        self.address = address
        # The client that is connected over the line, once one is.
        self.device: Connected | None = None
        self.connects = 0
        # Whether it is no longer in use, and whether nothing is left to write.
        self.closing = self.closed = False
        # What goes out before the farewell, behind the last answer.
        self.last_word: Outgoing | None = None
        self._answering: asyncio.Task[None] | None = None
        self._pinged = False
        # One at a time: the next ping, or the wait for its pong, or the end of the patience with a closed client.
        self._due: Due | None = None
        self._connect_due: Due | None = None
        # Where frames are written; None where they are fetched one by one.
        self.transport: asyncio.Transport | None = None
        self._drain: Callable[[], Awaitable[None]]
        self._to_flush = False

    # -- sending ----------------------------------------------------------------------------------

    def push(self, packet: Outgoing) -> None:
        """Queue a packet; a client that has too much waiting is cut off. Never waits and never raises."""
        queue = self.queue
        if queue.ended:
            return
        if queue.bytes >= queue.bound and self.queued_bytes >= queue.bound + queue.spare:
            _log.info("a client does not read", address=self.address, queued=queue.bytes)
            self.server.traffic.aborted += 1
            self.abort()
            return
        queue.put(packet)
        if not self._to_flush:
            self._put_out()

    def _put_out(self) -> None:
        """Have what was queued written, where nothing was queued before."""
        if self.transport is None:
            self.queue.changed.fire()
        else:
            self._to_flush = True
            self.server.flusher.add(self)

    def hurry(self) -> None:
        """Write what was pushed last before what others were pushed, since the client waits for it."""
        if self._to_flush:
            self.server.flusher.hurry(self)

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
        """Whether half of what may wait for the client does; nothing waits for what has ended."""
        return self.queue.bytes >= self.queue.bound // 2 and not self.queue.ended

    async def drained(self, below: int) -> None:
        """Wait until less than `below` bytes are queued, or the session has ended."""
        if self.transport is None:
            await self.queue.drained(below)
        elif self.queued_bytes >= below:
            self.flush()
            # Until the transport keeps less than its own limit, which is far below the bound.
            with suppress(OSError):
                await self._drain()

    async def room(self) -> None:
        """Wait until less than half of what may wait for the client does, or nothing is queued any more."""
        while self.is_half_full and not (
            self.transport is not None and self.transport.is_closing()
        ):
            await self.drained(self.queue.bound // 2)
            # Others have waited for the same room.
            await asyncio.sleep(0)

    # -- the end ----------------------------------------------------------------------------------

    def hang_up(self, *, come_back: ErrorCode | None = None, for_good: bool = False) -> None:
        """Close the connection, once what is queued has gone out. Does not wait for that.

        Args:
            come_back: why the client, with which nothing is wrong, is to try again.
            for_good: it is to stay away.
        """
        raise NotImplementedError

    def leave(self, *, drop: bool) -> None:
        """End the session: with `drop` at once, else as soon as what is queued has gone out.

        What the client has asked so far is still answered, as long as the farewell may last.
        """
        if not self.closing:
            self.closing = True
            self._settle_dues()
            # Not now: it may be the hundredth of thousands to whom something is just being pushed.
            asyncio.get_running_loop().call_soon(self.server.on_leave, self.sid)
            self._due = self.server.deadlines.farewell.set(self.abort)
            if not drop:
                self._take_leave()
        if drop:
            self.queue.end(drop=True)
            self._over()
            self._forget()

    def _take_leave(self) -> None:
        lane = self.device.lane if self.device is not None else None
        if lane is None or lane.is_idle:
            self._say_close()
        else:
            self._answering = asyncio.get_running_loop().create_task(self._answer_first(lane))

    async def _answer_first(self, lane: Lane) -> None:
        await lane.settled()
        if not self.queue.ended:
            self._say_close()

    def _say_close(self) -> None:
        if self.last_word is not None:
            self.queue.put(self.last_word)
        self.queue.put(self.close_packet)
        if not self._to_flush:
            self._put_out()
        self.queue.end(drop=False)

    def _over(self) -> None:
        """Note that nothing is written any more: the queue has ended and was emptied."""

    def abort(self) -> None:
        """End the session and its transport without a word: a client that does not read never sees one."""
        self.leave(drop=True)

    def _forget(self) -> None:
        self.closed = True
        self._settle()

    def _settle(self) -> None:
        """Forget the line, since the session has ended and nothing is left of it."""
        self._settle_dues()
        self.server.is_over(self)

    # -- deadlines --------------------------------------------------------------------------------

    def _settle_dues(self) -> None:
        for due in (self._due, self._connect_due):
            if due is not None:
                due.settle()
        self._due = self._connect_due = None

    def schedule_ping(self) -> None:
        """Ping the client after a while."""
        self._due = self.server.deadlines.ping.set(self._ping)

    def _proves_arrival(self) -> bool:
        """Return whether a pong proves that what was queued before its ping has arrived."""
        return True

    def _ping(self) -> None:
        self._pinged = True
        self._due = self.server.deadlines.pong.set(self._miss_pong)
        self.push(self.ping_packet)
        if self.device is not None and self._proves_arrival():
            self.device.ping()

    def _miss_pong(self) -> None:
        if self._is_held_up():
            self._due = self.server.deadlines.pong.set(self._miss_pong)
        else:
            self._give_up()

    def _is_held_up(self) -> bool:
        """Return whether we are still at what the client sent, so that a pong may stand behind it."""
        return False

    def _give_up(self) -> None:
        """End the session of a client that is gone, as far as can be told."""
        self.leave(drop=False)

    def pong(self) -> None:
        """Note that the client has answered a ping."""
        if self._pinged and not self.closing:
            self._pinged = False
            if self._due is not None:
                self._due.settle()
            device = self.device
            if device is not None and self._proves_arrival() and (arrived := device.pong()):
                self.server.on_arrival(device.user_id, arrived)
            self.schedule_ping()

    def await_connect(self) -> None:
        """Give the client the CONNECT deadline's time to have a session accepted, from now on."""
        self.connect_accepted()
        if not self.closing:
            self._connect_due = self.server.deadlines.connect.set(self._miss_connect)

    def _miss_connect(self) -> None:
        if self.queue.empty:
            self._give_up()
        else:
            # It may still fetch why it was refused.
            self.leave(drop=False)

    def connect_accepted(self) -> None:
        """Note that the CONNECT deadline is met."""
        if self._connect_due is not None:
            self._connect_due.settle()
            self._connect_due = None
