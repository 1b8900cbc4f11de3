"""A database whose other people grow while what belongs to one person, `me`, stays as it is.

Ids are made of names (`md5` as a UUID), so that cases can name rows without asking for them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from string import Template
from uuid import UUID

import asyncpg

# How many direct conversations are mine (`begin.sql`), and how many messages each of them has.
MINE = 20
SAID = 30
# The tables that do not grow with what people do.
OF_FEW_ROWS = {"log_consumers", "log_epoch", "log_mark", "schema_migrations", "write_probe"}

_HERE = Path(__file__).parent


def named(name: str) -> UUID:
    """The id of what is called so here (`mine1`, `few`, `crowd`; `mine1-3`, a message)."""
    return UUID(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest())


async def begin(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Put there what is mine."""
    await connection.execute((_HERE / "begin.sql").read_text())


async def grow(connection: asyncpg.Connection[asyncpg.Record], size: int, to: int) -> None:
    """Let there be `to` conversations of others, where there are `size`."""
    script = Template((_HERE / "grow.sql").read_text()).substitute(size=size, to=to)
    async with connection.transaction():
        await connection.execute(script)


async def without_autovacuum(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Keep the statistics as they are: nobody analyses but those who say so."""
    tables = await connection.fetch(
        "SELECT oid::regclass::text AS name FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    for table in tables:
        await connection.execute(f"ALTER TABLE {table['name']} SET (autovacuum_enabled = off)")


async def small_tables(connection: asyncpg.Connection[asyncpg.Record]) -> set[str]:
    """Return the names of the tables with fewer than 50 rows, as ANALYZE has counted them."""
    tables = await connection.fetch(
        "SELECT relname FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples < 50"
    )
    return {table["relname"] for table in tables}
