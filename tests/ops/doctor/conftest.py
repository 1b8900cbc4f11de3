"""A deployment that is well."""

from collections.abc import Iterator

import pytest

from chatserver.ops.embedded.postgres import EmbeddedPostgres
from chatserver.store.migrate import migrate
from tests.support.main_backend import execute
from tests.support.places import open_directory


@pytest.fixture(scope="module")
def durable() -> Iterator[str]:
    """A PostgreSQL with the settings of production, which waits until commits are written."""
    with open_directory("chatserver-tests-") as directory, EmbeddedPostgres(directory) as dsn:
        yield dsn


@pytest.fixture(scope="module")
async def well(durable: str) -> str:
    """Its database: migrated, with a user."""
    await migrate(durable)
    await execute(durable, "INSERT INTO chat_users (user_id, username) VALUES ('ann', 'ann')")
    return durable
