"""Checks whether the server can use a database, before anything is migrated or served."""

from collections.abc import Sequence

import asyncpg

from chatserver.config import ConfigError, DatabaseSettings
from chatserver.store.trouble import DatabaseAwayError, Names

# PostgreSQL 14 brought multiranges.
OLDEST = 14

_SESSION = (
    "SELECT current_setting('default_transaction_isolation') AS isolation, "
    "current_setting('synchronous_commit') AS synchronous_commit"
)
_RIGHTS = """
SELECT c.relname FROM pg_class c
WHERE c.relname = ANY($1::text[]) AND c.relkind IN ('r', 'p')
    AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('schema_migrations'))
    AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
ORDER BY 1
"""


async def check(
    connection: "asyncpg.Connection[asyncpg.Record]", settings: DatabaseSettings
) -> None:
    """Check the server that answered.

    Raises:
        ConfigError: there is a pooler in between that no setting mentions.
        DatabaseAwayError: the server is too old, is read-only, or its text is not UTF-8.
    """
    names = Names.of(settings)
    version = connection.get_server_version()
    server = connection.get_settings()
    problem = None
    if version.major < OLDEST:
        problem = (
            f"{names.host} leads to PostgreSQL {version.major}, and {OLDEST} or later is needed: upgrade it, "
            "or name another"
        )
    elif getattr(server, "server_encoding", "UTF8") != "UTF8":
        problem = (
            f"{names.database} names a database whose encoding is {server.server_encoding}, and text of all "
            "scripts is kept: create one with ENCODING 'UTF8' TEMPLATE template0"
        )
    elif getattr(server, "in_hot_standby", "off") == "on":
        problem = (
            f"{names.host} leads to a standby, which is read-only: name the primary, or promote it"
        )
    elif getattr(server, "default_transaction_read_only", "off") == "on":
        problem = (
            f"{names.database} names a database that is read-only for that user: "
            "ALTER DATABASE (or ROLE) … RESET default_transaction_read_only"
        )
    if problem:
        raise DatabaseAwayError(problem)
    session = await connection.fetchrow(_SESSION)
    assert session is not None
    if session["isolation"] != "read committed":
        # Our sessions ask for it, so something in between did not pass that on.
        if settings.through_pooler:
            raise DatabaseAwayError(
                f"{names.user} names a user whose default_transaction_isolation is {session['isolation']}, and "
                "the log needs read committed: ALTER ROLE … RESET default_transaction_isolation"
            )
        raise ConfigError(
            f"DB_STATEMENT_CACHE_SIZE must be 0 behind a pooler, and {names.host} leads to one that swallows what "
            "sessions ask for"
        )


async def tables_without_rights(
    connection: "asyncpg.Connection[asyncpg.Record]", tables: Sequence[str]
) -> list[str]:
    """Return those of our `tables` that this role may not read and write."""
    return [row["relname"] for row in await connection.fetch(_RIGHTS, [*tables])]
