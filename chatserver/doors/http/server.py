"""Runs the HTTP server of an application on bound sockets, within bounds."""

import asyncio
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from chatserver.doors.http.connections import Connections, Times
from chatserver.doors.http.middleware import Headers
from chatserver.doors.http.open_connections import OpenConnections
from chatserver.doors.http.tls_server import BACKLOG, TlsServer


class ListenError(OSError):
    """A bound socket cannot be listened on."""


def most_connections(wanted: int, reserved: int) -> int:
    """Return how many connections there may be: as many as wanted, or as open files allow less those reserved.

    So the last one is never a client's: the database and Redis can always be reached again.
    """
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - reserved))


@asynccontextmanager
async def serving(
    application: web.Application,
    headers: Headers,
    counts: OpenConnections,
    times: Times,
    sockets: Sequence[socket.socket],
    *,
    max_field_size: int,
    shutdown_timeout: float,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[None]:
    """Serve on `sockets`, which are closed in the end; requests under way then have `shutdown_timeout` seconds.

    Args:
        max_field_size: of one header, in bytes.

    Raises:
        ListenError: another process listens there since they were bound.
    """
    loop = asyncio.get_running_loop()
    runner = web.AppRunner(
        application, access_log=None, handle_signals=False, shutdown_timeout=shutdown_timeout
    )
    await runner.setup()
    assert runner.server is not None  # it has just been set up
    connections = Connections(runner.server, headers, counts, times, max_field_size=max_field_size)
    servers: list[asyncio.Server | TlsServer] = []
    try:
        for bound in sockets:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            try:
                servers.append(
                    TlsServer(bound, connections, tls)
                    if tls
                    else await loop.create_server(connections.make, sock=bound, backlog=BACKLOG)
                )
            except OSError as error:
                raise ListenError(error.errno, "") from error
        yield
    finally:
        for server in servers:
            server.close()
        await runner.cleanup()
