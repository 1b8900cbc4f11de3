"""Several processes on one port, started and stopped together."""

import os
import signal
import subprocess
import sys
import time

_WORKER = "CHATSERVER_WORKER"


def number() -> int:
    """Which of several processes that share their port this is, from 1; 0 where it is alone."""
    found = os.environ.get(_WORKER, "")
    return int(found) if found.isdecimal() else 0


def run(count: int, dsn: str, host: str, port: int) -> None:
    """Run `count` workers until SIGTERM or SIGINT, or until one of them ends: then stop the others.

    A process manager restarts the whole; a worker that keeps dying should not go unnoticed. Sharing
    the port spreads connections, not requests: clients need the transport websocket here.
    """
    command = [sys.executable, "-m", "chatserver", "serve", "--host", host, "--port", str(port)]
    environment = {**os.environ, "DATABASE_URL": dsn}
    # In sessions of their own, so that Ctrl-C reaches them through us, once.
    processes = [
        subprocess.Popen(command, env=environment | {_WORKER: str(worker)}, start_new_session=True)
        for worker in range(1, count + 1)
    ]

    def stop(*_: object) -> None:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while all(process.poll() is None for process in processes):
        time.sleep(0.1)
    stop()
    codes = [process.wait() for process in processes]
    if any(codes):
        sys.exit(1)
