"""Accepts connections that begin with a TLS handshake.

asyncio's own server tells of a connection after its handshake; here it has its address, its deadline and its place
from when it is accepted.
"""

import asyncio
import socket
import ssl

from chatserver.core.logging import get_logger
from chatserver.doors.http.address import network_of_peer
from chatserver.doors.http.connection import HttpConnection
from chatserver.doors.http.connections import Connections

_log = get_logger(__name__)

BACKLOG = 1024
# So many are accepted before whatever else is ready has its turn.
_AT_ONCE = 32
# After how long accepting is tried again where no more files can be opened (s).
_PAUSE = 1.0
# How often at most that is logged (s).
_SAY_EVERY = 60.0
# How long a client has to say goodbye (s).
_FAREWELL = 1.0


class TlsServer:
    """Listens on a bound socket.

    Raises:
        OSError: another process listens there.
    """

    def __init__(
        self, bound: socket.socket, connections: Connections, context: ssl.SSLContext
    ) -> None:
        self._socket = bound
        self._connections = connections
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._said_at = float("-inf")
        bound.setblocking(False)
        bound.listen(BACKLOG)
        self._go_on()

    def close(self) -> None:
        """Accept nobody any more; handshakes under way are given up."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for task in self._handshakes:
            task.cancel()

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, peer = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Every turn of the loop would find the same.
                if self._loop.time() - self._said_at >= _SAY_EVERY:
                    self._said_at = self._loop.time()
                    _log.warning("no connection can be accepted", error=error)
                self._loop.remove_reader(self._socket)
                self._pause = self._loop.call_later(_PAUSE, self._go_on)
                return
            accepted.setblocking(False)
            connection = self._connections.make()
            if not connection.enter(network_of_peer(peer)):
                accepted.close()
                continue
            task = self._loop.create_task(self._shake_hands(accepted, connection))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, accepted: socket.socket, connection: HttpConnection) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._connections.times.head,
                ssl_shutdown_timeout=_FAREWELL,
            )
        except BaseException as error:
            connection.leave()
            accepted.close()
            if not isinstance(error, OSError):  # what TLS refuses, and time-outs, are some
                raise
            _log.debug("a TLS handshake failed", error=type(error).__name__)
