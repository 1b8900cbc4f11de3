"""The lines over WebSockets, and what runs like them, of one door."""

from collections.abc import Callable
from typing import Generic, TypeVar

from chatserver.core.tally import Traffic
from chatserver.doors.connection.due import SessionDeadlines
from chatserver.doors.connection.flusher import Flusher
from chatserver.doors.connection.line import Line
from chatserver.doors.connection.send_queue import SendQueue
from chatserver.doors.connection.websocket_line import GOING_AWAY, WebSocketLine

L = TypeVar("L", bound=WebSocketLine)


def _nobody(_user_id: str, _arrived: dict[str, int]) -> None:
    """Nobody is told what has arrived."""


class Lines(Generic[L]):
    """Shares among lines what a `LineHost` has, and is what carries a door's connections: see `Carrier`.

    Args:
        queue_bytes: how much may wait for one client.
        on_leave: told of a line that has ended, by its id.
        on_arrival: told how far the streams have arrived at somebody's device.
    """

    def __init__(
        self,
        deadlines: SessionDeadlines,
        *,
        queue_bytes: int,
        on_leave: Callable[[str], None],
        on_arrival: Callable[[str, dict[str, int]], None] = _nobody,
    ) -> None:
        self.deadlines = deadlines
        self.flusher = Flusher()
        # What those that are no more have carried, and what came from all.
        self.traffic = Traffic()
        self.on_leave = on_leave
        self.on_arrival = on_arrival
        self.open: set[L] = set()
        self._queue_bytes = queue_bytes

    def queue(self) -> SendQueue:
        """Make the queue of a new line."""
        return SendQueue(self._queue_bytes)

    def is_over(self, line: Line) -> None:
        """See `LineHost`."""
        if line in self.open:
            self.open.discard(line)
            self.traffic.sent += line.queue.total

    @property
    def transports(self) -> int:
        """How many are open."""
        return len(self.open)

    @property
    def carried(self) -> Traffic:
        """What all of them have carried so far."""
        ended, found = self.traffic, Traffic()
        found.received, found.aborted = ended.received, ended.aborted
        found.sent = ended.sent + sum(line.queue.total for line in self.open)
        return found

    def close_all(self) -> None:
        """Begin to close each line: it ends once what is queued for it has gone out. Does not wait for that."""
        for line in list(self.open):
            line.close_with(GOING_AWAY, b"The server restarts")

    def abort_all(self) -> None:
        """Abort the connections of those clients that are still there."""
        for line in list(self.open):
            line.abort()
