"""Behind a transaction pooler (PgBouncer)."""

import asyncio
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest
import structlog

from chatserver.config import ConfigError, load_settings
from chatserver.store import database
from chatserver.store.migrate import migrate, migrations, pending_at
from tests.conftest import Connect, User
from tests.support.cli import production, run, serving
from tests.support.patience import PATIENCE
from tests.support.pooler import Pooler, transaction_pooler
from tests.support.servers import local_server


async def test_transaction_poolers_work(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """With DB_STATEMENT_CACHE_SIZE=0 nothing depends on which session a transaction meets."""
    async with (
        transaction_pooler(dsn) as (pooler, through),
        local_server(through, DB_STATEMENT_CACHE_SIZE="0") as server,
    ):
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        opened = await a.do("chat:conversation_open", recipientId=bob.id, requestId="once")
        again = await a.do("chat:conversation_open", recipientId=bob.id, requestId="once")
        conversation_id = opened["conversation"]["id"]
        assert again["conversation"]["id"] == conversation_id
        await asyncio.gather(
            *(
                device.do("chat:message_send", conversationId=conversation_id, content=str(n))
                for n in range(30)
                for device in (a, b)
            )
        )
        await b.expect("chat:message_received", lambda m: m["seq"] == 61, take=False)
        assert [m["seq"] for m in b.seen("chat:message_received")] == list(range(2, 62))
        await b.do("chat:message_read", conversationId=conversation_id, upToSeq=61)
        page = await a.do("chat:history", conversationId=conversation_id)
        assert len(page["messages"]) == 50
        assert pooler.transactions > 30
        await a.close()
        await b.close()


async def test_the_end_of_an_outage_is_said(
    dsn: str, connect: Connect, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log says that the database is away, the same cause not with each ask, and once that it answers again."""
    monkeypatch.setattr(database, "_SAY_EVERY", 0.0)
    with structlog.testing.capture_logs() as logs:
        async with (
            transaction_pooler(dsn) as (pooler, through),
            local_server(through, DB_STATEMENT_CACHE_SIZE="0") as server,
        ):
            a = await connect(alice, server.url)
            pooler.is_shut = True
            pooler.close()
            for _ in range(4):
                refused = await a.ask("presence:list")
                assert refused["error"]["code"] == "UNAVAILABLE"
            pooler.is_shut = False
            async with asyncio.timeout(PATIENCE):
                while not (await a.ask("presence:list"))["success"]:
                    pass
            await a.close()
    said = [line["event"] for line in logs]
    assert said.index("database unavailable") < said.index("the database answers again")
    assert said.count("the database answers again") == 1
    causes = [line["error"] for line in logs if line["event"] == "database unavailable"]
    assert not any(one == next_one for one, next_one in pairwise(causes))


async def _left_behind(pooler: Pooler, through: str) -> set[tuple[object, ...]]:
    """What the sessions of a pooler have that a new one has not."""
    connection = await asyncpg.connect(through, statement_cache_size=0)
    try:
        return {
            tuple(
                await connection.fetchrow(
                    "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), "
                    "current_setting('jit'), (SELECT count(*) FROM pg_prepared_statements), "
                    "(SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_locks "
                    "WHERE locktype = 'advisory' AND pid = pg_backend_pid())"
                )
            )
            for _ in range(2 * pooler.sessions)
        }
    finally:
        await connection.close()


async def test_migrations_go_through_a_pooler(empty_dsn: str) -> None:
    """Several `migrate` at once through a pooler apply each migration once, and leave nothing in its sessions."""
    async with transaction_pooler(empty_dsn) as (pooler, through):
        env = production(through, DB_STATEMENT_CACHE_SIZE="0", DB_SSL="false")
        database = load_settings(env, state_directory=Path("/nonexistent")).database
        assert await pending_at(through, database)
        applied = await asyncio.gather(*(migrate(through, database) for _ in range(3)))
        names = sorted(name for each in applied for name in each)
        assert names == [migration.name for migration in migrations()]
        assert await migrate(through, database) == await pending_at(through, database) == []
        assert pooler.sessions > 1
        assert await _left_behind(pooler, through) == {("0", "0", "on", 0, 0, 0)}


async def test_start_up_obeys_the_pooler(fresh_dsn: str) -> None:
    """Servers, the demo's users, a token's look-up and `doctor` through one pooler leave nothing in it either."""
    async with transaction_pooler(fresh_dsn) as (pooler, through):
        pooled = {"DB_STATEMENT_CACHE_SIZE": "0", "DB_SSL": "false"}
        env = {**production(through, **pooled), "APP_ENV": "development", "PORT": "0"}
        async with (
            serving("--demo", env=env),
            local_server(through, **pooled),
        ):
            token = await run("token", "alice", env=env)
            assert (token.code, token.err) == (0, "")
            said = await run("doctor", env=env)
            assert "FAIL" not in said.out
        assert pooler.sessions > 3
        assert await _left_behind(pooler, through) == {("0", "0", "on", 0, 0, 0)}


async def test_a_parameter_that_the_pooler_refuses(dsn: str) -> None:
    """A setting of PostgreSQL in the URL, which PgBouncer refuses, is named with where it belongs."""
    async with transaction_pooler(dsn) as (_, through):
        url = f"{through}?search_path=chat"
        env = production(url, DB_STATEMENT_CACHE_SIZE="0", DB_SSL="false")
        database = load_settings(env, state_directory=Path("/nonexistent")).database
        for ask in (pending_at, migrate):
            with pytest.raises(ConfigError, match=r"^DATABASE_URL has search_path, .*ALTER ROLE"):
                await ask(url, database)


async def test_a_pooler_that_nobody_told_us_of_is_named(dsn: str) -> None:
    """With a statement cache, a pooler's refusal comes out as one line that names the variable."""
    async with transaction_pooler(dsn) as (_, through):
        with pytest.raises(ConfigError, match="DB_STATEMENT_CACHE_SIZE must be 0 behind a pooler"):
            async with local_server(through):
                pass
        for ask in (pending_at, migrate):
            with pytest.raises(ConfigError, match="DB_STATEMENT_CACHE_SIZE must be 0"):
                await ask(through)


async def test_commits_that_are_not_durable_are_refused(fresh_dsn: str) -> None:
    """Behind a pooler no session can ask for durable commits: where they are not the default, we do not start."""
    connection = await asyncpg.connect(fresh_dsn)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    await connection.close()
    async with transaction_pooler(fresh_dsn) as (_, through):
        with pytest.raises(ConfigError, match="synchronous_commit is off"):
            async with local_server(through, DB_STATEMENT_CACHE_SIZE="0"):
                pass
    # A session of our own asks for them.
    async with local_server(fresh_dsn):
        pass
