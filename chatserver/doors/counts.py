"""What the doors of a process have carried, let in and refused."""

from collections import Counter
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from chatserver.doors.engine import Engine
from chatserver.doors.socketio import SocketIODoor
from chatserver.tally import Traffic


class HttpTally:
    """Counts HTTP requests; Engine.IO's are sockets, which count for themselves."""

    def __init__(self) -> None:
        self.responses: Counter[str] = Counter()
        self.traffic = Traffic()

    @property
    def middleware(self) -> Middleware:
        """The outermost one: what it sees is what goes out."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await handler(request)
            if not request.path.startswith("/socket.io/"):
                self.responses[str(response.status)] += 1
                self.traffic.received += request.content_length or 0
                self.traffic.sent += response.content_length or 0
            return response

        return count


class DoorCounts:
    """The doors, as `chatserver.metrics` asks about them."""

    def __init__(self, engine: Engine, socketio_door: SocketIODoor, http: HttpTally) -> None:
        self._engine = engine
        self._socketio = socketio_door
        self._http = http

    @property
    def traffic(self) -> Traffic:
        """What all transports have carried."""
        sockets, http, both = self._engine.traffic, self._http.traffic, Traffic()
        both.sent = sockets.sent + http.sent
        both.received = sockets.received + http.received
        both.aborted = sockets.aborted
        return both

    @property
    def transports(self) -> int:
        """How many transports are open, with a session or without."""
        return self._engine.transports

    @property
    def refused(self) -> Mapping[str, int]:
        """How many clients were refused, by error code."""
        return self._socketio.refused

    @property
    def responses(self) -> Mapping[str, int]:
        """How many HTTP requests were answered, by status."""
        return self._http.responses
