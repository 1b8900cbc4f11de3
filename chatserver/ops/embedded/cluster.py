"""The files of an embedded PostgreSQL: its data, password, log and socket directory, and how they are made."""

import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from chatserver.core.state_directory import make_directory
from chatserver.ops.embedded.account import Account, run

_NAME = "chatserver"  # of the superuser and of the database
PORT = 5432  # only part of the socket's name
_TEMPORARY = Path("/tmp")  # noqa: S108 - mkdtemp's; $TMPDIR can be too long for a socket, or private
# Nothing is inherited: no PG* variable that changes what happens, no secret of the server's.
ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}
_CREATE_DATABASE = """
SELECT 'CREATE DATABASE chatserver'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'chatserver') \\gexec
"""


@dataclass(frozen=True)
class Cluster:
    """The files of one PostgreSQL cluster, the account that runs it, and PostgreSQL's programs."""

    home: Path
    account: Account
    programs: Path

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "data"

    @property
    def password(self) -> Path:
        """The file with the superuser's password."""
        return self.home / "password"

    @property
    def log(self) -> Path:
        """What PostgreSQL writes."""
        return self.home / "postgres.log"

    @property
    def socket(self) -> Path:
        """The link to the directory with the Unix socket, while it runs."""
        return self.home / "socket"


def dsn_of(password: str, sockets: Path) -> str:
    """Return the DSN of the database, whose Unix socket is in the directory `sockets`."""
    return f"postgresql://{_NAME}:{password}@/{_NAME}?host={quote(str(sockets))}&port={PORT}"


def initialise(cluster: Cluster, *, durable: bool) -> None:
    """Make the data directory with `initdb`. It gets its name last, so one that exists is complete."""
    unfinished = cluster.home / "data.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    make_directory(unfinished, 0o700)
    os.chown(unfinished, cluster.account.uid, cluster.account.gid)
    _write_password(cluster)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    run(
        [
            cluster.programs / "initdb",
            f"--pgdata={unfinished}",
            f"--username={_NAME}",
            f"--pwfile={cluster.password}",
            "--auth=scram-sha-256",
            "--data-checksums",
            *locale,
            "--builtin-locale=C.UTF-8",  # lower() and ILIKE know all letters; sorts as C does
            *([] if durable else ["--no-sync"]),
        ],
        cluster.account,
        ENVIRONMENT,
    )
    unfinished.rename(cluster.data)


def _write_password(cluster: Cluster) -> None:
    cluster.password.unlink(missing_ok=True)
    descriptor = os.open(cluster.password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(descriptor)  # lost after a power cut, it would lock everybody out of the data
        os.fchown(descriptor, cluster.account.uid, cluster.account.gid)  # initdb reads it


def make_socket_directory(cluster: Cluster) -> Path:
    """Make a private directory whose path is short enough for a socket, however long the project's is."""
    remove_socket_directory(cluster)  # of a server that was killed
    parent = _TEMPORARY if os.access(_TEMPORARY, os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="chatserver-", dir=parent))
    os.chown(path, cluster.account.uid, cluster.account.gid)
    cluster.socket.symlink_to(path)
    return path


def remove_socket_directory(cluster: Cluster) -> None:
    """Remove the directory with the Unix socket, and the link to it, where they are ours."""
    if not cluster.socket.is_symlink():
        return
    path = cluster.socket.readlink()
    with suppress(OSError):  # already gone, or since then somebody else's
        if path.lstat().st_uid == cluster.account.uid:
            for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
                (path / name).unlink(missing_ok=True)
            path.rmdir()
    cluster.socket.unlink()


def create_database(cluster: Cluster, sockets: Path, password: str) -> None:
    """Create the database in a running PostgreSQL, unless it exists."""
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--host={sockets}"]
    login = [f"--port={PORT}", f"--username={_NAME}", "--dbname=postgres"]
    environment = ENVIRONMENT | {"PGPASSWORD": password}
    run(
        [cluster.programs / "psql", *options, *login],
        cluster.account,
        environment,
        _CREATE_DATABASE,
    )
