"""Connections, handed from one query to the next.

asyncpg's own pool makes a task, two timers and a proxy for each query: 20 µs, more than the query itself. Here the
query that is done hands the connection to the one that has waited longest, or lays it down for the next, with no
pause in which anything else could happen. Nothing is reset in between: no session state is ever set.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg

from chatserver.core.signal import Signal
from chatserver.store.connection import DatabaseConnection

Record = asyncpg.Record


class PooledConnection(DatabaseConnection):
    """A connection that knows which generation of the pool's connections it belongs to."""

    __slots__ = ("generation", "idle_since")

    generation: int
    idle_since: float


class Pool:
    """Up to `most` connections; those beyond `fewest` are closed after `idle_timeout` s without use.

    An `idle_timeout` of 0 keeps them for good.

    Give each connection that you took (`idle` or `take`) back once, by `give` or by `retire`.

    Args:
        connect: makes a connection, or raises why not.
        farewell: how many seconds a connection has to close; then it is cut.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[PooledConnection]],
        *,
        fewest: int,
        most: int,
        idle_timeout: float,
        farewell: float,
    ) -> None:
        self._connect = connect
        self._fewest = fewest
        self._most = most
        self._idle_timeout = idle_timeout
        self._farewell = farewell
        self._generation = 0
        self._closing = False
        self._loop = asyncio.get_running_loop()
        # Those that are open; and how many places are taken, by connections that are being made or closed too.
        self._open: set[PooledConnection] = set()
        self._places = 0
        # Connections that nobody uses; the one used last is at the right.
        self._idle: deque[PooledConnection] = deque()
        self._waiting: deque[asyncio.Future[PooledConnection]] = deque()
        self._emptied = Signal()
        # The event loop keeps no task alive by itself.
        self._making: set[asyncio.Task[None]] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Make the `fewest` connections, one of them at least.

        Raises:
            Whatever `connect` raises.
        """
        self._places = max(self._fewest, 1)
        made = await asyncio.gather(
            *[self._connected() for _ in range(self._places)], return_exceptions=True
        )
        for found in made:
            if isinstance(found, BaseException):
                self._closing = True
                self.terminate()
                raise found
            self.give(found)
        if self._idle_timeout:
            self._look_for_idle()

    @property
    def size(self) -> int:
        """How many connections are open."""
        return len(self._open)

    @property
    def idle_size(self) -> int:
        """How many of them nobody uses."""
        return len(self._idle)

    def idle(self) -> PooledConnection | None:
        """Take a connection that nobody uses; None where there is none."""
        while self._idle:
            connection = self._idle.pop()
            if self._is_good(connection):
                return connection
            self._drop(connection)
        return None

    async def take(self) -> PooledConnection:
        """Wait for a connection, in the order of asking.

        Raises:
            InterfaceError: the pool is being closed.
            Whatever `connect` raises.
        """
        if self._closing:
            raise asyncpg.InterfaceError("the pool is closed")
        if connection := self.idle():
            return connection
        if self._places < self._most:
            self._make()
        # It gets the new one, or one that is given back, whichever comes first.
        waiter: asyncio.Future[PooledConnection] = self._loop.create_future()
        self._waiting.append(waiter)
        try:
            found = await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                with suppress(ValueError):  # it was passed over meanwhile
                    self._waiting.remove(
                        waiter
                    )  # quickly found: those who asked first give up first
            elif waiter.exception() is None:
                # It was given one at the very moment when it gave up.
                self.give(waiter.result())
            raise
        if self._is_good(found):
            return found
        self._drop(found)
        return await self.take()

    def _make(self) -> None:
        """Start making a connection, for the query that waits longest when it is made."""
        self._places += 1
        task = self._loop.create_task(self._make_one())
        self._making.add(task)
        task.add_done_callback(self._is_made)

    async def _make_one(self) -> None:
        try:
            connection = await self._connected()
        except Exception as error:
            self._leave_place()
            if waiter := self._next_waiting():
                waiter.set_exception(error)
        else:
            self.give(connection)

    def _is_made(self, task: asyncio.Task[None]) -> None:
        self._making.discard(task)
        if task.cancelled():
            self._leave_place()
        self._make_for_others()

    async def _connected(self) -> PooledConnection:
        connection = await self._connect()
        connection.generation = self._generation
        self._open.add(connection)
        return connection

    def _next_waiting(self) -> "asyncio.Future[PooledConnection] | None":
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _make_for_others(self) -> None:
        """Make a connection, where there is a place for one and somebody waits."""
        wanted = sum(not waiter.done() for waiter in self._waiting)
        if wanted > len(self._making) and self._places < self._most:
            self._make()

    def give(self, connection: PooledConnection) -> None:
        """Give back a connection whose last statement was answered."""
        if not self._is_good(connection):
            # It is cut without a farewell: the other end may be gone.
            self._drop(connection)
            return
        if self._closing:
            self.retire(connection)
            return
        if waiter := self._next_waiting():
            waiter.set_result(connection)
            return
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    def retire(self, connection: PooledConnection) -> None:
        """Give back a connection that may still be busy: it is closed and not used again.

        Its place is free when it is: asyncpg cancels a statement that nobody waits for, and where that is not
        heard of in time the connection is cut.
        """
        task = self._loop.create_task(self._close(connection))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    def suspect(self, connection: PooledConnection) -> None:
        """Note that this connection is lost: others of its time may be, too, and are made anew on demand.

        A server that went away without a word (a failover, a cut network) answers none of them, and each
        would cost a request its whole time. Connections made since then are above suspicion.
        """
        if connection.generation == self._generation:
            self._generation += 1

    async def close(self) -> None:
        """Close every connection, those in use as soon as they are given back; nobody waits for one any more."""
        self._closing = True
        if self._timer:
            self._timer.cancel()
        while waiter := self._next_waiting():
            waiter.set_exception(asyncpg.InterfaceError("the pool is closed"))
        for task in self._making:
            task.cancel()
        while self._idle:
            self.retire(self._idle.pop())
        while self._places:
            await self._emptied.wait()

    def terminate(self) -> None:
        """Cut every connection."""
        for connection in [*self._open]:
            connection.terminate()

    def _is_good(self, connection: PooledConnection) -> bool:
        return connection.generation == self._generation and not connection.is_closed()

    async def _close(self, connection: PooledConnection) -> None:
        try:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                await connection.close(timeout=self._farewell)
        finally:
            self._drop(connection)

    def _drop(self, connection: PooledConnection) -> None:
        connection.terminate()
        self._open.discard(connection)
        self._leave_place()
        self._make_for_others()

    def _leave_place(self) -> None:
        self._places -= 1
        if not self._places:
            self._emptied.fire()

    def _look_for_idle(self) -> None:
        long_ago = time.monotonic() - self._idle_timeout
        spare = self._places - len(self._retiring) - self._fewest
        # The connection laid down first has been idle longest.
        while self._idle and spare > 0 and self._idle[0].idle_since <= long_ago:
            self.retire(self._idle.popleft())
            spare -= 1
        self._timer = self._loop.call_later(self._idle_timeout / 2, self._look_for_idle)
