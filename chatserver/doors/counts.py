"""Counts what the doors of a process have carried, let in and refused."""

from collections import Counter
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from chatserver.core.tally import Traffic
from chatserver.doors.connection import OpenDoors, Reception
from chatserver.doors.http import Lasting


class HttpTally:
    """Counts HTTP requests; those of lasting connections are counted by what carries these."""

    def __init__(self, lasting: Lasting) -> None:
        self._lasting = lasting
        self.responses: Counter[str] = Counter()
        self.traffic = Traffic()

    @property
    def middleware(self) -> Middleware:
        """Return the outermost middleware: it sees what goes out."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await handler(request)
            if not self._lasting.has(request):
                self.responses[str(response.status)] += 1
                self.traffic.received += request.content_length or 0
                self.traffic.sent += response.content_length or 0
            return response

        return count


class DoorCounts:
    """The counts of all doors, as `chatserver.metrics.exposition` asks for them."""

    def __init__(self, doors: OpenDoors, reception: Reception, http: HttpTally) -> None:
        self._doors = doors
        self._reception = reception
        self._http = http

    @property
    def traffic(self) -> Traffic:
        """What all transports have carried."""
        both, http = self._doors.traffic, self._http.traffic
        both.sent += http.sent
        both.received += http.received
        return both

    @property
    def transports(self) -> int:
        """How many transports are open, with a session or without."""
        return self._doors.transports

    @property
    def refused(self) -> Mapping[str, int]:
        """How many clients were refused, by error code."""
        return self._reception.refused

    @property
    def responses(self) -> Mapping[str, int]:
        """How many HTTP requests were answered, by status."""
        return self._http.responses
