"""Runs a server until it is told to stop."""

import asyncio
import gc
import resource
import signal
import ssl
from collections.abc import Callable
from contextlib import suppress

import uvloop
from aiohttp import web

from chatserver.app import App, build
from chatserver.config import Settings
from chatserver.logs import get_logger
from schemas.session import MAX_TOKEN

_log = get_logger(__name__)

# Heroku and Kubernetes give 30 s after SIGTERM; we are gone after at most 20 (the pool takes 5 at most).
_FINISH = 5.0
_SPREAD = 10.0
_CLOSE = 5.5
_HANDLERS = 2.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(settings: Settings, dsn: str, *, worker: int, ready: Callable[[int], None]) -> None:
    """Serve on the settings' host and port until SIGTERM or SIGINT.

    Args:
        worker: which of several processes that listen on one port (SO_REUSEPORT), from 1; 0 where it is alone.
        ready: called with the port once it listens.

    Raises:
        OSError: the port is taken, or the database cannot be reached.
        ConfigError: a TLS file cannot be used.
    """
    tls = settings.tls.context() if settings.tls else None
    raise_file_limit()
    uvloop.run(_serve(settings, dsn, worker, tls, ready))


def runner_of(app: App, *, shutdown_timeout: float) -> web.AppRunner:
    """The HTTP server of `app`, whose headers have room for the longest token that is looked at."""
    return web.AppRunner(
        app.web,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=shutdown_timeout,
        max_field_size=2 * MAX_TOKEN,
    )


def raise_file_limit() -> None:
    """Every connection is an open file: as many as we may have, not the low number that shells begin with."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS calls "unlimited" what it refuses
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(
    settings: Settings,
    dsn: str,
    worker: int,
    tls: ssl.SSLContext | None,
    ready: Callable[[int], None],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    async with build(settings, dsn, stop.set, worker=worker) as app:
        runner = runner_of(app, shutdown_timeout=_HANDLERS)
        await runner.setup()
        try:
            site = web.TCPSite(
                runner,
                settings.host,
                settings.port,
                backlog=1024,
                reuse_port=worker > 0 or None,
                ssl_context=tls,
            )
            await site.start()
            port = runner.addresses[0][1]
            _settle_garbage()
            _log.info("listening", host=settings.host, port=port)
            ready(port)
            await stop.wait()
            await _drain(app)
        finally:
            await runner.cleanup()
    _log.info("stopped")
    for number in _SIGNALS:
        # One that comes now must not turn an orderly end into a death by signal.
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


def _settle_garbage() -> None:
    """What was made at the start stays: the collector need not look at it again, nor so often at the rest.

    By default it looks at the youngest objects after every 700 that are made, and a command makes a hundred; what
    it finds there is next to nothing, since what is made for a command goes by itself, and what a connection
    leaves too. That keeps some 130 objects, and looking at 100,000 in one go holds up everybody for 50 ms; so
    little is looked at in one go, and the oldest still now and then, for what the libraries may leave elsewhere.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 1, 10)


async def _drain(app: App) -> None:
    """Not ready any more; what is under way is finished and answered; clients are sent elsewhere.

    The socket still listens meanwhile, so that probes and new clients are told.
    """
    _log.info("draining", connections=app.socketio.connections)
    app.probes.draining = True
    await asyncio.gather(app.socketio.finish(_FINISH), app.gate.finish(_FINISH))
    await app.socketio.drain(_SPREAD)
    await app.socketio.closed(_CLOSE)
