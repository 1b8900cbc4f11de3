"""Several processes on one port, started and stopped together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chatserver.core.logging import get_logger
from chatserver.ops import listening, parent
from chatserver.ops.listening import ListenAddress

_log = get_logger(__name__)

_WORKER = "CHATSERVER_WORKER"
_SOCKET = "CHATSERVER_SOCKET"


def number() -> int:
    """Return which of several processes that share their port this is, from 1; 0 where it is alone."""
    found = os.environ.get(_WORKER, "")
    return int(found) if found.isdecimal() else 0


def follow_parent() -> None:
    """In a worker, end when the process that runs the workers has ended."""
    if number():
        parent.follow()


def sockets(address: ListenAddress, mode: int) -> list[socket.socket]:
    """Return what this process serves on: its own bound sockets, or a worker's share of a Unix socket.

    Args:
        mode: of a Unix socket's file.

    Raises:
        ConfigError: the address cannot be used.
    """
    inherited = os.environ.get(_SOCKET, "")
    if inherited.isdecimal():
        return [socket.socket(fileno=int(inherited))]
    return listening.bind(address, mode=mode, shared=number() > 0)


def reserve(address: ListenAddress, mode: int) -> list[socket.socket]:
    """Bind sockets for workers to share, as long as this process lives; the port is theirs and nobody else's.

    Raises:
        ConfigError: the address cannot be used, for example since another server's workers have it.
    """
    alone = listening.bind(address, mode=mode)
    if address.path is not None:
        return alone
    port = listening.port_of(alone)
    for bound in alone:
        bound.close()
    return listening.bind(replace(address, port=port), shared=True)


def run(
    count: int,
    dsn: str,
    host: str,
    held: Sequence[socket.socket],
    options: Sequence[str] = (),
) -> None:
    """Run `count` workers until SIGTERM or SIGINT, or until one of them ends: then stop the others.

    A process manager restarts the whole; a worker that keeps dying should not go unnoticed. Sharing
    the port spreads connections, not requests: clients need the transport websocket here. Where this
    process is killed, they end by themselves.

    Args:
        held: what `reserve` gave.
        options: of `serve`, beyond the address, for each of them.
    """
    port = listening.port_of(held)
    passed = [bound.fileno() for bound in held if bound.family == socket.AF_UNIX]
    # -P: what lies in the working directory is the application's, and no module of ours or Python's.
    program = [sys.executable, "-P", "-m", "chatserver"]
    command = [*program, "serve", "--host", host, "--port", str(port), *options]
    environment = {**os.environ, "DATABASE_URL": dsn, "PYTHONPATH": _python_path()}
    if passed:
        environment[_SOCKET] = str(passed[0])
    with parent.lifeline() as stdin:
        # In sessions of their own, so that Ctrl-C reaches them through us, once.
        processes = [
            subprocess.Popen(
                command,
                env=environment | {_WORKER: str(worker)},
                stdin=stdin,
                start_new_session=True,
                pass_fds=passed,
            )
            for worker in range(1, count + 1)
        ]
        codes = _wait(processes)
    if any(codes):
        sys.exit(1)


def _python_path() -> str:
    """Return PYTHONPATH with the place of this package, which need not be installed."""
    given = os.environ.get("PYTHONPATH")
    return os.pathsep.join([*([given] if given else []), str(Path(__file__).parents[2])])


def _wait(processes: list[subprocess.Popen[bytes]]) -> list[int]:
    """Wait until all have ended, which they do together; return their exit codes."""

    told = False

    def stop(*_: object) -> None:
        nonlocal told
        told = True
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while all(process.poll() is None for process in processes):
        time.sleep(0.1)
    if not told:
        _say_which(processes)
        # Told twice, they would hurry.
        stop()
    return [process.wait() for process in processes]


def _say_which(processes: list[subprocess.Popen[bytes]]) -> None:
    for worker, process in enumerate(processes, start=1):
        code = process.poll()
        if code is not None:
            how = {"signal": _signal(-code)} if code < 0 else {"exit_code": code}
            _log.error(
                "a worker has ended, so all are stopped: start them again", worker=worker, **how
            )


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of the real-time signals
        return str(number)
