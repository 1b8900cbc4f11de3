"""What is logged of a database that fails a running server."""

import asyncpg
import pytest

from chatserver.config import ConfigError
from chatserver.store import database
from chatserver.store.outage import cause_of
from chatserver.store.trouble import DatabaseAwayError


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (asyncpg.DiskFullError("could not extend file: a secret"), "its disk is full: make room"),
        (asyncpg.ReadOnlySQLTransactionError("a secret"), "it is read-only"),
        (asyncpg.QueryCanceledError("a secret"), "longer than DB_STATEMENT_TIMEOUT"),
        (asyncpg.AdminShutdownError("a secret"), "it was stopped"),
        (asyncpg.ConnectionDoesNotExistError("a secret"), "the connection was lost"),
        (TimeoutError("a secret"), "no answer came in time"),
        (ConnectionResetError("a secret"), "the connection was lost"),
        (OSError("a secret"), "OSError"),
        (DatabaseAwayError("DATABASE_URL leads to db:5432, away"), "DATABASE_URL leads to db"),
        (ConfigError("DATABASE_URL is wrong"), "DATABASE_URL is wrong"),
    ],
)
def test_a_cause_without_what_was_quoted(error: Exception, cause: str) -> None:
    """The log says the cause in words, and never what a server's message quotes."""
    told = cause_of(error)
    assert cause in told
    assert "secret" not in told


def test_every_passing_failure_has_a_word() -> None:
    """Whatever makes the server UNAVAILABLE has a cause in words, but for what the system alone can name."""
    for kind in database._PASSING:
        if kind not in (OSError, asyncpg.InternalClientError):
            assert cause_of(kind("x")) != kind.__name__
