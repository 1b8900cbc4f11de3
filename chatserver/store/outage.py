"""Names the cause when the database fails a running server, without quoting any message."""

import asyncpg

from chatserver.config import ConfigError
from chatserver.store.trouble import DatabaseAwayError

# The first row that fits counts.
_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.DiskFullError, "its disk is full: make room there"),
    (asyncpg.ReadOnlySQLTransactionError, "it is read-only: a standby, or a primary of before"),
    (
        asyncpg.TooManyConnectionsError,
        "it has no connection left: lower DB_MAX_CONNECTIONS, or raise its max_connections (or the role's limit)",
    ),
    (asyncpg.OutOfMemoryError, "it is out of memory: see its log"),
    (asyncpg.InsufficientResourcesError, "it is out of something: see its log"),
    (
        asyncpg.QueryCanceledError,
        "a statement took longer than DB_STATEMENT_TIMEOUT: see what holds the database up",
    ),
    (asyncpg.LockNotAvailableError, "a lock was not to be had in time: see what holds it"),
    (asyncpg.CannotConnectNowError, "it takes no connections now: it starts, stops or recovers"),
    (asyncpg.OperatorInterventionError, "it was stopped, or ended this session"),
    (asyncpg.TransactionRollbackError, "it gave a transaction up for another's sake"),
    (asyncpg.PostgresIOError, "it cannot read or write its disk: see its log"),
    (asyncpg.PostgresSystemError, "it cannot use its files: see its log"),
    (
        asyncpg.ProtocolViolationError,
        "it ended this session: see its log, or the pooler's where there is one",
    ),
    (asyncpg.PostgresConnectionError, "the connection was lost"),
    (asyncpg.InterfaceError, "the connection was lost"),
    (TimeoutError, "no answer came in time: see whether it, or the network, stands still"),
    (ConnectionError, "the connection was lost"),
)


def cause_of(error: BaseException) -> str:
    """Return the cause of a failure and what to do about it, where it is known; else the name of the error."""
    if isinstance(error, (ConfigError, DatabaseAwayError)):
        return str(error)
    fitting = (cause for kind, cause in _CAUSES if isinstance(error, kind))
    return next(fitting, type(error).__name__)
