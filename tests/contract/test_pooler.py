"""Behind a transaction pooler (PgBouncer)."""

import asyncio

import asyncpg
import pytest

from chatserver.config import ConfigError
from tests.conftest import Connect, User
from tests.support.pooler import transaction_pooler
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
        assert pooler.transactions > 60
        await a.close()
        await b.close()


async def test_a_pooler_that_nobody_told_us_of_is_named(dsn: str) -> None:
    """With a statement cache, a pooler's refusal comes out as one line that names the variable."""
    async with transaction_pooler(dsn) as (_, through):
        with pytest.raises(ConfigError, match="DB_STATEMENT_CACHE_SIZE must be 0 behind a pooler"):
            async with local_server(through):
                pass


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
