"""A deployment that is well."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatserver.ops.embedded.postgres import EmbeddedPostgres
from chatserver.store.migrate import migrate
from tests.support.main_backend import execute


@pytest.fixture(scope="module")
def durable() -> Iterator[str]:
    """A PostgreSQL as in production, whose commits are on disk."""
    with tempfile.TemporaryDirectory(prefix="chatserver-tests-") as directory:
        Path(directory).chmod(0o755)
        with EmbeddedPostgres(Path(directory)) as dsn:
            yield dsn


@pytest.fixture(scope="module")
async def well(durable: str) -> str:
    """Its database: migrated, with a user."""
    await migrate(durable)
    await execute(durable, "INSERT INTO chat_users (user_id, username) VALUES ('ann', 'ann')")
    return durable
