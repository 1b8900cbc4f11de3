"""A database that answers and writes nothing: the process is not ready, says so, and heals by itself."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
import structlog

from chatserver.core.errors import ChatError
from chatserver.store import database
from tests.conftest import User
from tests.support.http import request
from tests.support.patience import PATIENCE
from tests.support.servers import Server, local_server, settings_for


async def _becomes(server: Server, ready: bool) -> None:
    """Wait until the process is, or is not, ready, and see that /health says the same."""
    async with asyncio.timeout(PATIENCE):
        while (found := await request("GET", f"{server.url}/ready")).body["ready"] is not ready:  # noqa: ASYNC110
            # Asking without a pause would take a whole processor for seconds.
            await asyncio.sleep(0.05)
    health = await request("GET", f"{server.url}/health")
    if ready:
        assert (found.status, health.status, health.body["status"]) == (200, 200, "healthy")
    else:
        assert (found.status, health.status, health.body["status"]) == (503, 503, "unhealthy")
        assert found.body["components"]["database"] == "unhealthy"
    assert (await request("GET", f"{server.url}/live")).status == 200


async def _administer(postgres: str, dsn: str, *statements: str) -> None:
    name = urlsplit(dsn).path.removeprefix("/")
    connection = await asyncpg.connect(postgres)
    try:
        for statement in statements:
            await connection.execute(statement.format(name))
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name
        )
    finally:
        await connection.close()


async def test_a_read_only_database(fresh_dsn: str, postgres: str) -> None:
    """While the database is read-only, /ready fails and /health is unhealthy; then all is well by itself."""
    async with local_server(fresh_dsn) as server:
        await _becomes(server, True)
        read_only = "ALTER DATABASE {} SET default_transaction_read_only = "
        await _administer(postgres, fresh_dsn, read_only + "on")
        await _becomes(server, False)
        await _administer(postgres, fresh_dsn, read_only + "off")
        await _becomes(server, True)


async def test_reading_goes_on_quietly(
    fresh_dsn: str, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While writes are refused and reads answered, the log does not say by turns that it is away and back."""
    monkeypatch.setattr(database, "_SAY_EVERY", 0.0)
    read_only = "ALTER DATABASE {} SET default_transaction_read_only = on"
    await _administer(postgres, fresh_dsn, read_only)
    db = await database.Database.connect(settings_for(fresh_dsn).database, fresh_dsn)
    try:
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                with pytest.raises(ChatError):
                    await db.all("write_down_object", uuid4(), 60)
                await db.one("alive")
    finally:
        await db.close()
    assert [line["event"] for line in logs] == ["database unavailable"]


async def test_no_answer_is_no_full_disk(fresh_dsn: str) -> None:
    """Where no answer comes in time, the process is not ready, and the log does not speak of a full disk."""
    other = await asyncpg.connect(fresh_dsn)
    try:
        with structlog.testing.capture_logs() as logs:
            async with local_server(fresh_dsn, DB_STATEMENT_TIMEOUT="500") as server:
                await _becomes(server, True)
                async with other.transaction():
                    await other.execute("LOCK TABLE write_probe")
                    await _becomes(server, False)
                await _becomes(server, True)
    finally:
        await other.close()
    said = [line["event"] for line in logs]
    assert "database unavailable" in said
    assert not any("written to" in event for event in said)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 64 MB; only root can have one."""
    directory = Path(tempfile.mkdtemp(prefix="chatserver-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        directory.rmdir()
        pytest.skip("a small disk wants root, and the right to mount")
    os.chmod(directory, 0o755)
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)
    directory.rmdir()


async def test_a_full_disk(small_disk: Path, fresh_dsn: str, postgres: str, alice: User) -> None:
    """While there is no room on the database's disk, /ready fails and /health is unhealthy; then all is well."""
    connection = await asyncpg.connect(postgres)
    data = Path(await connection.fetchval("SHOW data_directory"))
    await connection.close()
    place = small_disk / "tablespace"
    place.mkdir()
    owner = os.stat(data)
    os.chown(place, owner.st_uid, owner.st_gid)
    await _administer(postgres, fresh_dsn)
    await _administer(
        postgres,
        fresh_dsn,
        f"CREATE TABLESPACE {{0}}_small LOCATION '{place}'",
        "ALTER DATABASE {0} SET TABLESPACE {0}_small",
    )
    filler = small_disk / "filler"
    async with local_server(fresh_dsn) as server:
        await _becomes(server, True)
        with filler.open("wb") as file:
            try:
                while file.write(b"x" * 65_536):
                    file.flush()
            except OSError:
                pass
        await _becomes(server, False)
        filler.unlink()
        await _becomes(server, True)
    await _administer(
        postgres,
        fresh_dsn,
        "ALTER DATABASE {0} SET TABLESPACE pg_default",
        "DROP TABLESPACE {0}_small",
    )


async def test_asking_leaves_nothing(fresh_dsn: str) -> None:
    """However often it is asked, what the question is written into does not grow."""
    connection = await asyncpg.connect(fresh_dsn)
    try:
        for _ in range(2_000):
            assert await connection.fetchval("SELECT can_write(false)")
        for _ in range(50):
            assert await connection.fetchval("SELECT can_write(true)")
        assert await connection.fetchval("SELECT count(*) FROM write_probe") == 1
        size = await connection.fetchval("SELECT pg_table_size('write_probe')")
        assert size <= 16 * 8192
        # Another process that asks at the same moment waits for nobody.
        other = await asyncpg.connect(fresh_dsn)
        try:
            async with connection.transaction():
                assert await connection.fetchval("SELECT can_write(true)") is True
                assert await other.fetchval("SELECT can_write(true)") is None
        finally:
            await other.close()
    finally:
        await connection.close()
