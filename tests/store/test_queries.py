"""Named SQL."""

from pathlib import Path

import asyncpg
import pytest

from chatserver.store.queries import QueryError, load, parse


def test_queries_are_read_by_name() -> None:
    """A file's queries are found by their names, without the comments that are for readers."""
    text = (
        "-- about the file\n\n-- name: one\n-- why\nSELECT 1;\n\n-- name: two\nSELECT 2\n  + 3;\n"
    )
    assert parse(text, "x.sql") == {"one": "SELECT 1", "two": "SELECT 2\n  + 3"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("SELECT 1;\n-- name: a\nSELECT 2;", "SQL before the first"),
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "a is defined twice"),
        ("-- name: a\n-- nothing\n-- name: b\nSELECT 1;", "a has no SQL"),
        ("-- name: A-b\nSELECT 1;", "is not a name"),
    ],
)
def test_what_breaks_the_grammar_is_refused(text: str, wrong: str) -> None:
    """SQL without a name, a name twice, a name without SQL, and a name that is none are refused by file."""
    with pytest.raises(QueryError, match=f"x.sql: .*{wrong}"):
        parse(text, "x.sql")


def test_a_name_is_used_once_in_all_files(tmp_path: Path) -> None:
    """Two files that define one name are refused."""
    for name in ("a.sql", "b.sql"):
        (tmp_path / name).write_text("-- name: same\nSELECT 1;\n")
    with pytest.raises(QueryError, match=r"b\.sql: same is defined in another file"):
        load(tmp_path)


async def test_every_query_fits_the_schema(db: "asyncpg.Pool[asyncpg.Record]") -> None:
    """PostgreSQL can prepare every query on a migrated database."""
    queries = load()
    assert len(queries) > 30
    async with db.acquire() as connection:
        for name, sql in queries.items():
            try:
                await connection.prepare(sql)
            except asyncpg.PostgresError as error:
                raise AssertionError(f"{name}: {error}") from error


def test_every_query_is_used() -> None:
    """No query is left behind when its last caller is gone."""
    code = "".join(
        file.read_text() for file in (Path(__file__).parents[2] / "chatserver").rglob("*.py")
    )
    assert [name for name in load() if f'"{name}"' not in code] == []
