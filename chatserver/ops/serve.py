"""Runs a server until it is told to stop."""

import asyncio
import resource
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus

import uvloop
from aiohttp import web

from chatserver.app import App, build
from chatserver.config import Settings
from chatserver.core.logging import get_logger
from chatserver.doors.http import OpenConnections, Times
from chatserver.doors.http import server as http_server
from chatserver.ops import listening
from chatserver.ops.garbage import settle_garbage
from chatserver.ops.uncaught import catch_all, loop_exception
from chatserver.schemas.sessions import MAX_TOKEN

_log = get_logger(__name__)

# Heroku and Kubernetes give 30 s after SIGTERM; we are gone at most 20 (the pool takes 5 at most) after the delay.
_FINISH = 5.0
_SPREAD = 10.0
_CLOSE = 5.5
_HANDLERS = 2.0
# Those who come to METRICS_ADDRESS are few, and within RESERVED_FILES.
_MOST_WATCHERS = 8
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class NewHistoryError(Exception):
    """The database is no longer the one that was started on."""


class _Stopping:
    """Whether the process is to stop, and whether at once."""

    def __init__(self) -> None:
        self.has_new_history = False
        self._asked = asyncio.Event()
        self._hurried = asyncio.Event()

    def ask(self) -> None:
        """Ask the process to stop; a second time, without delay."""
        if self._asked.is_set():
            self._hurried.set()
        self._asked.set()

    def end_history(self) -> None:
        """Stop without a delay, since the database is another one now."""
        self.has_new_history = True
        self.hurry()

    def hurry(self) -> None:
        """Stop without a delay."""
        self._asked.set()
        self._hurried.set()

    async def asked(self) -> None:
        """Wait until the process is to stop."""
        await self._asked.wait()

    async def delay(self, seconds: float) -> None:
        """Wait so many seconds, or until somebody is in a hurry."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()


def run(
    settings: Settings,
    dsn: str,
    sockets: Sequence[socket.socket],
    *,
    worker: int,
    ready: Callable[[int], None],
    demo_users: Sequence[str] = (),
) -> None:
    """Serve on `sockets`, which are bound, until SIGTERM or SIGINT.

    Args:
        worker: which of several processes that listen on one port this is, from 1; 0 where it is alone.
        ready: called with the port once it listens (0 is a Unix socket's).
        demo_users: see `build`.

    Raises:
        OSError: the database cannot be reached.
        NewHistoryError: it was restored, or failed over, meanwhile.
        ConfigError: a TLS file cannot be used, or METRICS_ADDRESS.
    """
    tls = settings.tls.context() if settings.tls else None
    raise_file_limit()
    private = _private_sockets(settings, worker)
    with listening.removed_after(private):
        uvloop.run(_serve(settings, dsn, sockets, private, worker, tls, ready, demo_users))


def _private_sockets(settings: Settings, worker: int) -> Sequence[socket.socket]:
    """Bind the sockets of METRICS_ADDRESS; each worker has its own, since each counts for itself."""
    if settings.metrics_address is None:
        return []
    host, port = settings.metrics_address
    if worker > 1:
        host, port = (f"{host}.{worker}", 0) if port == 0 else (host, port + worker - 1)
    name = "METRICS_ADDRESS"
    address = listening.ListenAddress(host=host, port=port, host_name=name, port_name=name)
    return listening.bind(address, mode=settings.unix_socket_mode)


@asynccontextmanager
async def listen(
    app: App,
    settings: Settings,
    sockets: Sequence[socket.socket],
    private: Sequence[socket.socket] = (),
    *,
    tls: ssl.SSLContext | None = None,
    shutdown_timeout: float,
) -> AsyncIterator[None]:
    """Run the HTTP server of `app`; with `private` sockets for those who may see its metrics.

    Raises:
        ConfigError: another process was faster, and listens there now.
    """

    async def leave_none_behind(_request: web.BaseRequest, response: web.StreamResponse) -> None:
        # What a proxy keeps open for its next request would be closed under that.
        if app.probes.draining and response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            response.headers["Connection"] = "close"
            response.force_close()

    app.web.on_response_prepare.append(leave_none_behind)
    times = Times(
        head=settings.request_head_timeout,
        body=settings.request_body_timeout,
        answer=settings.response_timeout,
        idle=settings.http_idle_timeout,
    )
    # Headers have room for the longest token that is looked at.
    serving = partial(
        http_server.serving,
        headers=app.headers,
        times=times,
        max_field_size=2 * MAX_TOKEN,
        shutdown_timeout=shutdown_timeout,
    )
    watchers = OpenConnections(most=_MOST_WATCHERS, most_per_address=0)
    try:
        async with (
            serving(app.private_web, counts=watchers, sockets=private),
            serving(app.web, counts=app.open_connections, sockets=sockets, tls=tls),
        ):
            yield
    except http_server.ListenError as error:
        address = listening.ListenAddress(host=settings.host, port=settings.port)
        raise listening.refusal(address, error) from error


def raise_file_limit() -> None:
    """Raise the limit of open files as far as allowed, since every connection is one and shells begin with few."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS calls "unlimited" what it refuses
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(
    settings: Settings,
    dsn: str,
    sockets: Sequence[socket.socket],
    private: Sequence[socket.socket],
    worker: int,
    tls: ssl.SSLContext | None,
    ready: Callable[[int], None],
    demo_users: Sequence[str],
) -> None:
    stopping = _Stopping()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(loop_exception)
    catch_all()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stopping.ask)
    async with (
        build(settings, dsn, stopping.end_history, worker=worker, demo_users=demo_users) as app,
        listen(app, settings, sockets, private, tls=tls, shutdown_timeout=_HANDLERS),
    ):
        port = listening.port_of(sockets)
        settle_garbage()
        _log.info("listening", host=settings.host, port=port)
        ready(port)
        await stopping.asked()
        _log.info("draining", connections=app.reception.connections)
        app.probes.draining = True
        await stopping.delay(settings.drain_delay)
        await _drain(app)
    if stopping.has_new_history:
        raise NewHistoryError(
            "the database was restored, replaced or emptied, or has failed over: the server ends here, since what "
            "it knows of the log may never have happened; started again it begins anew, and clients reload"
        )
    _log.info("stopped")
    for number in _SIGNALS:
        # One that comes now must not turn an orderly end into a death by signal.
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


async def _drain(app: App) -> None:
    """Finish and answer what is under way, and tell clients to reconnect.

    The socket still listens meanwhile, so that probes and new clients are told, and polls come to hear it.
    """
    await asyncio.gather(app.reception.finish(_FINISH), app.gate.finish(_FINISH))
    await app.open_doors.drain(_SPREAD)
    await app.open_doors.closed(_CLOSE)
