"""Makes the HTTP connections of a process, and what they share."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from chatserver.doors.connection import Dues
from chatserver.doors.http.connection import LINGER, HttpConnection, Shared
from chatserver.doors.http.middleware import Headers
from chatserver.doors.http.open_connections import OpenConnections


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long a client may take (s).

    ``head``: for a request's head, or a TLS handshake; ``answer``: to take one; ``idle``: between requests.
    """

    head: float
    body: float
    answer: float
    idle: float


class Connections:
    """Makes the connections of a process.

    Args:
        server: aiohttp's, which knows the application.
        max_field_size: of one header, in bytes.
    """

    def __init__(
        self,
        server: web.Server,
        headers: Headers,
        counts: OpenConnections,
        times: Times,
        *,
        max_field_size: int,
    ) -> None:
        self._server = server
        self._max_field_size = max_field_size
        self._loop = asyncio.get_running_loop()
        self.times = times
        self._shared = Shared(
            headers=headers,
            counts=counts,
            head=Dues(times.head),
            body=Dues(times.body),
            answer=Dues(times.answer),
        )

    def make(self) -> HttpConnection:
        """Make the connection for a transport that is accepted."""
        return HttpConnection(
            self._shared,
            self._server,
            loop=self._loop,
            access_log=None,
            keepalive_timeout=self.times.idle,
            max_field_size=self._max_field_size,
            lingering_time=LINGER,
            # What is accepted has that from what listens.
            tcp_keepalive=False,
        )
