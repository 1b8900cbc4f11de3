"""What PostgreSQL is not asked: the types of our statements, which are its own."""

from typing import Any

import asyncpg
import pytest

from chatserver.config import load_settings
from chatserver.store import queries
from chatserver.store.connect import Connector, farewell
from chatserver.store.connection import _KNOWN, DatabaseConnection
from tests.support.cli import production


async def test_no_statement_has_the_types_looked_up(
    dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Every statement of ours is prepared without a look at types, which takes seconds where `jit` is on."""

    async def look(*_: object) -> None:
        raise AssertionError("the types were looked up")

    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", look)
    settings = load_settings(production(dsn, DB_SSL="false"), state_directory=tmp_path).database
    connection = await Connector(settings, dsn).connect()
    try:
        for name, statement in queries.load().items():
            if not name.startswith("doctor_"):
                await connection.prepare(statement)
    finally:
        await farewell(connection)


async def test_the_types_are_as_postgresql_has_them(dsn: str) -> None:
    """What is known of each type is what PostgreSQL itself says, and values come and go by it."""
    connection = await asyncpg.connect(dsn, connection_class=DatabaseConnection)
    try:
        query = connection._intro_query  # type: ignore[attr-defined]
        rows = {row["oid"]: dict(row) for row in await connection.fetch(query, list(_KNOWN))}
        said = ("depth", "elemtype_name", "basetype_name", "range_subtype_name")
        for oid, known in _KNOWN.items():
            assert known.keys() == rows[oid].keys()
            for key in known.keys() - set(said):
                assert known[key] == rows[oid][key], (oid, key)
        assert await connection.fetchval("SELECT $1::bigint[]", [1, None, 3]) == [1, None, 3]
        assert await connection.fetchval("SELECT $1::bytea[]", [b"a", b""]) == [b"a", b""]
        # A type that is not known is asked for, as ever.
        await connection.execute("CREATE TYPE pg_temp.mood AS ENUM ('well')")
        assert await connection.fetchval("SELECT ARRAY['well']::pg_temp.mood[]") == ["well"]
    finally:
        await connection.close()
