"""The line to one client of the marketplace system, over a WebSocket or SockJS."""

from chatserver.core.caller import Session
from chatserver.delivery import Frame
from chatserver.doors.connection import Dialect, LineHost, OpenWebSocket, SendQueue, WebSocketLine
from chatserver.doors.marketplace.client import Host, Sent, StompClient
from chatserver.doors.marketplace.device import StompDevice
from chatserver.doors.marketplace.told import Packing
from chatserver.doors.protocols import Framed, sockjs_frames, websocket_frames
from chatserver.doors.protocols.sockjs import SockJSOpening
from chatserver.doors.protocols.websocket_frames import FramedPacket
from chatserver.gate import Answer

_NOTHING = FramedPacket(b"")


def _answered(sent: Sent, answer: Answer) -> FramedPacket:
    sent.answered(answer)
    return _NOTHING


def _not_told(_frame: Frame) -> None:
    """Who has subscribed to nothing is told nothing."""


def _unchanged(data: bytes) -> bytes:
    return data


def _between_quotes(data: bytes) -> bytes:
    return sockjs_frames.quoted(data.decode())[1:-1]


def _websocket(quoted: bytes) -> Framed:
    return sockjs_frames.websocket_message(b'"%b"' % quoted)


def _http(quoted: bytes) -> Framed:
    return sockjs_frames.queued_message(b'"%b"' % quoted)


_PACKINGS = {
    "raw": Packing(_unchanged, websocket_frames.text),
    "websocket": Packing(_between_quotes, _websocket),
    "http": Packing(_between_quotes, _http, between=b","),
}


class StompLine(WebSocketLine):
    """Carries one STOMP session."""

    # What they are told is what they have subscribed to, which their devices know.
    dialect = Dialect(event=_not_told, event_with_offset=_not_told, answer=_answered)

    def __init__(
        self,
        lines: LineHost,
        host: Host,
        sid: str,
        queue: SendQueue,
        opening: SockJSOpening,
        cookie: str | None,
    ) -> None:
        super().__init__(lines, sid, queue, opening.address)
        packing = _PACKINGS[opening.transport]
        self.client = StompClient(host, self, cookie, packing, opening.heartbeats.stop)

    def device_of(self, session: Session) -> StompDevice:
        """Make the device of a session over it."""
        return StompDevice(session, self, self.client)

    # -- what it hears ----------------------------------------------------------------------------

    def opened(self, socket: OpenWebSocket) -> None:
        """See `WebSocketLine`. Its pings find out whether those who send no beats are there."""
        super().opened(socket)
        self.ping_packet = socket.ping_packet(b"")
        self.schedule_ping()

    async def text(self, text: str) -> None:
        """See `WebSocketLine`."""
        self.server.traffic.received += len(text)
        self._hear()
        await self.client.session.receive(text.encode())

    async def binary(self, data: bytes) -> None:
        """See `WebSocketLine`: clients may say that they speak so."""
        self.server.traffic.received += len(data)
        self._hear()
        await self.client.session.receive(data)

    def ponged(self, payload: bytes) -> None:
        """See `WebSocketLine`."""
        self._hear()

    def _hear(self) -> None:
        self.client.hear()
        # Whatever comes answers a ping.
        self.pong()

    def _proves_arrival(self) -> bool:
        """Return False: not everything is sent to these clients, so what arrives is not counted."""
        return False

    # -- the end ----------------------------------------------------------------------------------

    def leave(self, *, drop: bool) -> None:
        """See `Line`."""
        super().leave(drop=drop)
        self.client.gone()
