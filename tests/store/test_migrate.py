"""Migrations."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from chatserver.store import migrate as module
from chatserver.store.migrate import Migration, MigrationError, migrate, migrations, pending_at


async def _fetchval(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_database_is_brought_up_to_date_once(empty_dsn: str) -> None:
    """An empty database gets every migration, in order; a second run has nothing to do."""
    names = [migration.name for migration in migrations()]
    assert await pending_at(empty_dsn) == names
    assert await migrate(empty_dsn) == names
    assert await migrate(empty_dsn) == []
    assert await pending_at(empty_dsn) == []


async def test_a_database_from_before_the_first_release_is_refused(empty_dsn: str) -> None:
    """Whoever has the tables of before the first release is told in one line what to do."""
    await migrate(empty_dsn)
    await _fetchval(
        empty_dsn, "UPDATE schema_migrations SET name = '0001_log_and_state' WHERE version = 1"
    )
    for refused in (migrate, pending_at):
        with pytest.raises(MigrationError, match=r"before the first release.*a new, empty one"):
            await refused(empty_dsn)


async def test_two_at_once(empty_dsn: str) -> None:
    """Of two processes that migrate at once, one works and the other finds nothing to do."""
    applied = await asyncio.gather(migrate(empty_dsn), migrate(empty_dsn))
    assert sorted(map(len, applied)) == [0, len(migrations())]


async def test_a_held_lock_is_said(empty_dsn: str) -> None:
    """Who waits too long for another's migration is told so in one line."""
    connection = await asyncpg.connect(empty_dsn)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({module._ADVISORY_LOCK})")
        with pytest.raises(MigrationError, match="another migration holds the lock"):
            await migrate(empty_dsn, lock_timeout=0.05)
    finally:
        await connection.close()


async def test_an_applied_file_never_changes(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that was applied in another form is refused by its name."""
    monkeypatch.setattr(module, "migrations", lambda: [Migration(1, "0001_x", "SELECT 1")])
    connection = await asyncpg.connect(empty_dsn)
    await connection.execute(module._HISTORY)
    await connection.execute("INSERT INTO schema_migrations VALUES (1, '0001_x', 'another')")
    await connection.close()
    for refused in (migrate, pending_at):
        with pytest.raises(MigrationError, match="0001_x was applied in another form"):
            await refused(empty_dsn)


async def test_a_failure_leaves_nothing_behind(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails is named, and undone as a whole; those before it stay."""
    made = [
        Migration(1, "0001_good", "CREATE TABLE good (x int)"),
        Migration(2, "0002_bad", "CREATE TABLE bad (x int); SELECT 1 / 0"),
    ]
    monkeypatch.setattr(module, "migrations", lambda: made)
    with pytest.raises(MigrationError, match="0002_bad: division by zero"):
        await migrate(empty_dsn)
    assert await _fetchval(empty_dsn, "SELECT to_regclass('good')::text") == "good"
    assert await _fetchval(empty_dsn, "SELECT to_regclass('bad')::text") is None
    assert await _fetchval(empty_dsn, "SELECT max(version) FROM schema_migrations") == 1


async def test_what_cannot_be_recorded_is_undone(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration and its record are one transaction."""
    sql = "CREATE TABLE odd (x int); INSERT INTO schema_migrations VALUES (1, 'x', 'x')"
    monkeypatch.setattr(module, "migrations", lambda: [Migration(1, "0001_odd", sql)])
    with pytest.raises(MigrationError, match="0001_odd: duplicate key"):
        await migrate(empty_dsn)
    assert await _fetchval(empty_dsn, "SELECT to_regclass('odd')::text") is None
    assert await _fetchval(empty_dsn, "SELECT count(*) FROM schema_migrations") == 0


async def test_a_newer_release_does_no_harm(fresh_dsn: str) -> None:
    """Migrations of a newer release, which this one does not know, are none of its business: deploys may roll."""
    connection = await asyncpg.connect(fresh_dsn)
    await connection.execute("INSERT INTO schema_migrations VALUES (9999, '9999_future', 'x')")
    await connection.close()
    assert await pending_at(fresh_dsn) == []
    assert await migrate(fresh_dsn) == []


async def test_a_failure_gives_the_lock_back(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a migration that failed, the next one finds the lock free."""
    monkeypatch.setattr(module, "migrations", lambda: [Migration(1, "0001_bad", "SELECT 1 / 0")])
    for _ in range(2):
        with pytest.raises(MigrationError, match="division by zero"):
            await migrate(empty_dsn, lock_timeout=5)
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
    here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    assert await _fetchval(empty_dsn, locks + here) == 0


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["0001_a.sql", "0003_b.sql"], "0003_b.sql: expected number 0002"),
        (["0001_a.sql", "0001_b.sql"], "0001_b.sql: expected number 0002"),
        (["0002_a.sql"], "0002_a.sql: expected number 0001"),
        (["first.sql"], "first.sql: expected number 0001"),
    ],
)
def test_numbers_have_no_gaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], wrong: str
) -> None:
    """A gap or a repetition in the files' numbers is refused, naming the first file that is wrong."""
    (tmp_path / "migrations").mkdir()
    for name in (*names, "README.md"):
        (tmp_path / "migrations" / name).write_text("SELECT 1")
    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    with pytest.raises(MigrationError, match=wrong):
        migrations()
