"""What tests start for themselves: PostgreSQL from the wheel, Redis, servers, users and their devices."""

import functools
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings
from redis.asyncio import Redis

from chatserver.config import load_settings
from chatserver.core import crypto
from chatserver.core.logging import configure_logging
from chatserver.ops.embedded.postgres import EmbeddedPostgres
from chatserver.redis.client import close_client, redis_client
from chatserver.sessions.tokens import issue_token
from chatserver.store.migrate import migrate
from tests.support.cli import WARM
from tests.support.device import Device
from tests.support.patience import PATIENCE
from tests.support.places import open_directory
from tests.support.project import project_directory
from tests.support.redis_server import OwnRedis, redis_server
from tests.support.resuming import Resuming
from tests.support.servers import Server, environment, local_server, process_pair

# Hypothesis' own: the same examples every time, and no deadline, which a busy machine would miss.
settings.load_profile("ci")

# Each server that is started derives the same keys of the same secret, which takes a tenth of a second.
crypto._scrypt = functools.cache(crypto._scrypt)

_numbers = itertools.count(1)

# They take long and would come last: with them first, no process works on one while the others are done.
_FIRST = (
    "push/test_push_faults.py",
    "property/test_stateful.py",
    "repository/test_examples.py",
    "search/test_against_history.py",
    "store/test_pooler.py",
    "store/test_unwritable.py",
)
assert all((Path(__file__).parent / file).exists() for file in _FIRST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests; where several processes run them, files are handed out in this order."""
    items.sort(
        key=lambda item: not item.nodeid.startswith(tuple(f"tests/{file}" for file in _FIRST))
    )


@pytest.fixture(scope="session", autouse=True)
def _logging() -> None:
    """As the server logs; what the stock clients say of ends that tests cause is no test's concern."""
    configure_logging(json=False, level="warning")
    for client in ("engineio.client", "socketio.client"):
        # (A level would be set anew by each test that configures the logs.)
        logging.getLogger(client).disabled = True


@pytest.fixture(scope="session", autouse=True)
async def _warm() -> AsyncIterator[None]:
    """What runs command lines ends with the tests."""
    yield
    await WARM.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL of the tests' own (without fsync, which no test needs); gives its DSN."""
    with (
        open_directory("chatserver-tests-") as directory,
        EmbeddedPostgres(directory, durable=False) as dsn,
    ):
        yield dsn


async def _administer(postgres: str, statement: str) -> None:
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _create_database(postgres: str, name: str, template: str = "template1") -> str:
    # Files are copied in half the time that the log of their pages takes, which would stay, too.
    await _administer(
        postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'
    )
    return postgres.replace("/chatserver?", f"/{name}?")


@asynccontextmanager
async def _own_database(
    postgres: str, kind: str, template: str = "template1"
) -> AsyncIterator[str]:
    """A database for one test; what is in memory does not stay there."""
    name = f"{kind}{next(_numbers)}"
    yield await _create_database(postgres, name, template)
    await _administer(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
async def template(postgres: str) -> str:
    """The name of a migrated database that nobody connects to."""
    dsn = await _create_database(postgres, "template_chat")
    await migrate(dsn)
    return "template_chat"


@pytest.fixture(scope="session")
async def dsn(postgres: str, template: str) -> str:
    """The database that most tests share: each makes users of its own, so none sees another's."""
    return await _create_database(postgres, "shared", template)


@pytest.fixture
async def fresh_dsn(postgres: str, template: str) -> AsyncIterator[str]:
    """A migrated database for one test."""
    async with _own_database(postgres, "fresh", template) as dsn:
        yield dsn


@pytest.fixture
async def empty_dsn(postgres: str) -> AsyncIterator[str]:
    """An empty database for one test."""
    async with _own_database(postgres, "empty") as dsn:
        yield dsn


@pytest.fixture
def project() -> Iterator[Path]:
    """A directory in which a developer runs the server."""
    with project_directory() as path:
        yield path


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of the tests' own."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def lone_redis_url(redis_url: str) -> str:
    """A database of that Redis that no server under test uses."""
    return redis_url.removesuffix("/0") + "/5"


@pytest.fixture
async def redis(lone_redis_url: str) -> AsyncIterator[Redis]:
    """A client of that database, which is empty at first."""
    client = redis_client(lone_redis_url, timeout=PATIENCE)
    await client.flushdb()
    yield client
    await close_client(client)


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    """A running Redis for one test, to maltreat."""
    redis = OwnRedis()
    yield redis
    redis.kill()


@pytest.fixture(scope="session")
async def server(dsn: str) -> AsyncIterator[Server]:
    """The server that most tests share."""
    async with local_server(dsn) as running:
        yield running


@pytest.fixture(scope="session")
async def two_processes(dsn: str, redis_url: str) -> AsyncIterator[tuple[Server, Server]]:
    """Two processes of `chatserver serve` on one database and one Redis."""
    async with process_pair(dsn, redis_url) as both:
        yield both


@pytest.fixture(scope="session")
async def db(dsn: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """Plain connections to the shared database, for looking at rows and for holding locks."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=5) as pool:
        yield pool


@dataclass(frozen=True, slots=True)
class User:
    """A user with a token."""

    id: str
    token: str

    @property
    def auth(self) -> dict[str, str]:
        """The REST header."""
        return {"Authorization": f"Bearer {self.token}"}


MakeUser = Callable[..., Awaitable[User]]
Connect = Callable[..., Awaitable[Device]]
Resume = Callable[..., Awaitable[Resuming]]


def token_for(user_id: str, lifetime: int = 3600, jti: str | None = None) -> str:
    """A token that the servers under test accept."""
    settings = load_settings(
        environment("postgresql://u@/d?host=/x"), state_directory=Path("/nonexistent")
    )
    return issue_token(settings.jwt_secret, user_id, lifetime=lifetime, jti=jti)


@pytest.fixture
def make_user(db: "asyncpg.Pool[asyncpg.Record]") -> MakeUser:
    """Makes a user whom no other test knows."""

    async def make(name: str = "user") -> User:
        user_id = f"{name}-{next(_numbers)}"
        await db.execute(
            "INSERT INTO chat_users (user_id, username, email, display_name) "
            "VALUES ($1, $1, $1 || '@example.com', initcap($2))",
            user_id,
            name,
        )
        return User(user_id, token_for(user_id))

    return make


@pytest.fixture
async def alice(make_user: MakeUser) -> User:
    """Somebody."""
    return await make_user("alice")


@pytest.fixture
async def bob(make_user: MakeUser) -> User:
    """Somebody else."""
    return await make_user("bob")


@pytest.fixture
async def carol(make_user: MakeUser) -> User:
    """A third person."""
    return await make_user("carol")


@pytest.fixture
async def connect(server: Server) -> AsyncIterator[Connect]:
    """Connects devices, and hangs them up in the end."""
    devices: list[Device] = []

    async def connect(user: User, url: str | None = None, **options: object) -> Device:
        device = Device(url or server.url, user.token, **options)  # type: ignore[arg-type]
        devices.append(device)
        return await device.connect()

    yield connect
    for device in devices:
        await device.close()


@pytest.fixture
async def resume(server: Server) -> AsyncIterator[Resume]:
    """Connects clients that resume."""
    clients: list[Resuming] = []

    async def connect(user: User, url: str | None = None, **auth: object) -> Resuming:
        client = Resuming(url or server.url, user.token, **auth)
        clients.append(client)
        return await client.connect()

    yield connect
    for client in clients:
        await client.drop()
