"""The process of the embedded PostgreSQL: how it is recognised and ended, also where its owner was killed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chatserver.ops.embedded.account import EmbeddedPostgresError

STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02

# Reads a line, and ends; at the end of the pipe without one, its other end was killed: ask PostgreSQL to stop
# (INT: clients are disconnected, all is written), and where it does not, stop it at once (QUIT).
_SENTRY = """\
pid=$1 file=$2
runs() { read -r found < "$file" && [ "$found" = "$pid" ]; } 2> /dev/null
read -r word && exit
for request in INT QUIT; do
    runs && kill -"$request" "$pid"
    for second in 1 2 3 4 5 6 7 8 9 10; do
        runs || exit
        sleep 1
    done
done
"""


class Sentry:
    """A small process that ends PostgreSQL where this process is killed, and so cannot.

    It waits at a pipe whose other end this process alone holds: when that closes without a word, this
    process is no more, whatever ended it, on every system.
    """

    def __init__(self, pid: int, data: Path) -> None:
        reading, self._writing = os.pipe()  # neither is inherited by other processes
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SENTRY, "chatserver-sentry", str(pid), data / "postmaster.pid"],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": "/usr/bin:/bin"},
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the server
            )
        except BaseException:
            os.close(self._writing)
            raise
        finally:
            os.close(reading)

    def dismiss(self) -> None:
        """Let it go: PostgreSQL has ended."""
        with suppress(BrokenPipeError):  # somebody killed it
            os.write(self._writing, b"dismissed\n")
        os.close(self._writing)
        self._process.wait()


def pid_file(data: Path) -> list[str]:
    """Return the lines of PostgreSQL's ``postmaster.pid``; none where it does not run."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def recorded_pid(data: Path) -> int | None:
    """Return the process that is recorded as the server of *data*."""
    lines = pid_file(data)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def is_ready(data: Path, pid: int) -> bool:
    """Say whether *pid* is recorded as the server of *data*, and takes connections."""
    lines = pid_file(data)
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def is_postmaster(pid: int, data: Path) -> bool:
    """Say whether process *pid* is the server of *data*, and not one that reuses its number."""
    process = Path("/proc", str(pid))
    if process.parent.is_dir():
        try:
            name = (process / "comm").read_text().strip()
            return name == "postgres" and (process / "cwd").samefile(data)
        except OSError:  # it ended, or it is another user's
            return False
    command = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]  # macOS
    listing = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"postgres -D {data} " in listing.stdout


def shut_down(pid: int, is_gone: Callable[[], bool]) -> None:
    """Disconnect the clients and stop; after STOP_SECONDS, stop at once and recover next time.

    Raises:
        EmbeddedPostgresError: it does not stop.
    """
    for request in (signal.SIGINT, signal.SIGQUIT):
        with suppress(ProcessLookupError):
            os.kill(pid, request)
        if until(is_gone, STOP_SECONDS):
            return
    raise EmbeddedPostgresError(f"PostgreSQL, process {pid}, does not stop")


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until *condition* holds, for *seconds* at most; return whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
