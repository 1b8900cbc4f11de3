"""The line to a client that does not say what it received: WebSocket's own pings find it out."""

from chatserver.doors.connection.due import Due
from chatserver.doors.connection.line import LineHost
from chatserver.doors.connection.send_queue import SendQueue
from chatserver.doors.connection.websocket_line import WebSocketLine


class PingingLine(WebSocketLine):
    """Pings by frames of WebSocket's own, also in the very write that brings a durable push.

    A client that awaits a push and is gone has answered the ping by then: a stock ``ws`` has, where the ping came
    in the same write, and has not where it came 20 ms later (measured), nor where it terminates within the very
    handler of the message. One ping is outstanding at a time, and the next comes no earlier than
    `SessionDeadlines.proof`.
    """

    def __init__(self, server: LineHost, sid: str, queue: SendQueue, address: str) -> None:
        super().__init__(server, sid, queue, address)
        self._pings = 0
        # What the pong to the latest ping carries.
        self._expected = b""
        # Until when no ping follows the latest one for the sake of a push.
        self._rest: Due | None = None

    def flush(self) -> None:
        """See `Line`."""
        # Once for each client that is written to: most were pinged a moment ago.
        if not (self._pinged or self._rest):
            self._prove()
        WebSocketLine.flush(self)

    def _emptied(self) -> None:
        """See `WebSocketLine`."""
        self._prove()

    def _prove(self) -> None:
        """Ping at once where something durable was pushed since the latest ping, if that is over."""
        device = self.device
        if (
            device is not None
            and device.has_unproven
            and not (self._pinged or self._rest or self.closing)
        ):
            if self._due is not None:
                self._due.settle()
            self._ping()

    def _ping(self) -> None:
        """See `Line`. Each ping has a number: a client may send pongs that answer none, or an older one."""
        if self.socket is None:
            return
        self._pings += 1
        self._expected = (self._pings & 0xFFFF).to_bytes(2, "big")
        self.ping_packet = self.socket.ping_packet(self._expected)
        self._settle_rest()
        self._rest = self.server.deadlines.proof.set(self._rested)
        super()._ping()

    def _rested(self) -> None:
        self._rest = None
        self._prove()

    def ponged(self, payload: bytes) -> None:
        """Take a pong: what was pushed before its ping has arrived."""
        super().ponged(payload)
        if payload == self._expected:
            self.pong()
            self._prove()

    def _settle_rest(self) -> None:
        if self._rest is not None:
            self._rest.settle()
            self._rest = None

    def _settle_dues(self) -> None:
        super()._settle_dues()
        self._settle_rest()
