"""The STOMP door of the marketplace system, over WebSockets and SockJS under ``/marketplace/ws``."""

import re
import uuid
from collections.abc import Sequence

from aiohttp import web

from chatserver.core.caller import Session
from chatserver.core.errors import ChatError
from chatserver.core.networks import network_of
from chatserver.doors.connection import Device, Door, Line, Lines, Reception, SessionDeadlines
from chatserver.doors.http import LastingPath, client_address
from chatserver.doors.marketplace.choices import Choices
from chatserver.doors.marketplace.client import StompClient
from chatserver.doors.marketplace.credentials import Credentials
from chatserver.doors.marketplace.device import StompDevice
from chatserver.doors.marketplace.line import StompLine
from chatserver.doors.protocols import Pulses
from chatserver.doors.protocols.sockjs import SockJS, SockJSOpening, SockJSOptions
from chatserver.doors.protocols.stomp_session import SUBPROTOCOLS
from chatserver.limits import Limiter
from chatserver.resources import Abouts
from chatserver.schemas.sessions import SessionReady

PATH = "/marketplace/ws"
# Requests of a session that SockJS has begun; the door counts those that begin one.
_OF_SESSION = re.compile(
    rf"{PATH}/[^/.]+/[^/.]+/(xhr|xhr_send|xhr_streaming|eventsource|websocket)"
)
MARKETPLACE_PATH = LastingPath(
    re.compile(rf"{PATH}(/.*)?"),
    opened=lambda request: _OF_SESSION.fullmatch(request.path) is not None,
)

# A connection is dead after 90 s of silence: a WebSocket is asked after 30, and beats are due every 30.
_PING, _PONG = 30.0, 60.0
_PATIENCE = 90.0
# A little less than was agreed on, since a beat takes its time.
_BEAT = 9.5


class MarketplaceDoor(Door):
    """Brings clients that speak STOMP to the reception. See `Door` and `Host`.

    Args:
        queue_bytes: how much may wait for one client.
        connect_timeout: seconds until a client that has not connected is closed.
    """

    replays = False
    tells_read_states = False

    def __init__(
        self,
        reception: Reception,
        credentials: Credentials,
        abouts: Abouts,
        limiter: Limiter,
        *,
        hops: int,
        max_size: int,
        compress: bool,
        queue_bytes: int,
        connect_timeout: float,
    ) -> None:
        self.asking = reception.asking
        self.abouts = abouts
        self.choices = Choices()
        self.max_body = max_size
        self.pulses = Pulses(every=_BEAT, patience=_PATIENCE)
        # What has arrived is not counted: not everything is sent to these clients.
        self.lines: Lines[StompLine] = Lines(
            SessionDeadlines(ping=_PING, pong=_PONG, connect=connect_timeout),
            queue_bytes=queue_bytes,
            on_leave=reception.disconnect,
        )
        self._reception = reception
        self._credentials = credentials
        self._limiter = limiter
        self._sockjs = SockJS(
            self._connect,
            address_of=lambda request: client_address(request, hops),
            allows=credentials.trusts,
            options=SockJSOptions(max_size=max_size, compress=compress, subprotocols=SUBPROTOCOLS),
        )

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return self._sockjs.routes(PATH)

    # -- connecting -------------------------------------------------------------------------------

    def _connect(self, opening: SockJSOpening) -> StompLine:
        """Make the line to a client that opens a connection.

        Raises:
            web.HTTPForbidden: a page of an origin that is not listed opens it.
            ChatError: RATE_LIMIT_EXCEEDED, MAX_CONNECTIONS_EXCEEDED
        """
        request = opening.request
        if not self._credentials.lets_in(request):
            raise web.HTTPForbidden
        network = network_of(opening.address)
        if network is not None and MARKETPLACE_PATH.opened(request):
            self._limiter.request(network)
        cookie = self._credentials.cookie(request)
        line = StompLine(self.lines, self, str(uuid.uuid4()), self.lines.queue(), opening, cookie)
        # From now on, though nobody knows yet who it is.
        self._reception.arrive(line)
        self.lines.open.add(line)
        line.await_connect()
        return line

    def count(self, session: Session) -> None:
        """See `Host`."""
        self._limiter.command(session, "command")

    async def let_in(self, client: StompClient, token: str | None) -> None:
        """See `Host`."""
        await self._reception.connect(self, client.line, client.line.sid, {"token": token})

    def device(self, session: Session, line: Line) -> Device:
        """See `Door`."""
        assert isinstance(line, StompLine)  # it has no others
        return line.device_of(session)

    async def accept(self, line: Line, session: Session, pid: str | None) -> None:
        """See `Door`: CONNECTED comes when the session is on."""

    def refuse(self, line: Line, connection_id: str, error: ChatError) -> None:
        """See `Door`."""
        assert isinstance(line, StompLine)  # it has no others
        line.client.turn_away(error)

    def greet(
        self, device: Device, ready: SessionReady, queued: Sequence[bytes], offset: str
    ) -> None:
        """See `Door`."""
        assert isinstance(device, StompDevice)  # it has no others
        device.client.let_in(device)
