"""What the log reader asks: which streams have events that became visible, by the rooms' names."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from chatserver.store import queries

_SQL = queries.load()["became_visible"]
# As many as do not fit into one row.
_MANY = 501


@pytest.fixture
async def connection(
    db: "asyncpg.Pool[asyncpg.Record]",
) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"]:
    """A transaction that is rolled back: these streams are nobody's."""
    async with db.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        yield connection
        await transaction.rollback()


async def test_rooms_how_far_they_reach_and_who_joined(
    connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]",
) -> None:
    """Every stream comes once, with its last seq: a conversation by its id, a person's own by the person's."""
    snapshot = await connection.fetchval("SELECT pg_current_snapshot()::text")
    streams = [UUID(int=n + 1) for n in range(_MANY)]
    await connection.execute(
        "INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, payload, created_at) "
        "SELECT stream, seq, pg_current_xact_id(), 'chat:message_received', 'alice', stream, '{}', now() "
        "FROM unnest($1::uuid[]) AS u (stream), generate_series(8, 9) AS s (seq)",
        streams,
    )
    group = UUID(int=_MANY + 1)
    await connection.execute(
        "INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at) VALUES "
        """($1, 1, pg_current_xact_id(), 'group:created', 'alice', '{"joined": ["alice", "bob"]}', now()), """
        """($1, 2, pg_current_xact_id(), 'group:member_added', 'alice', '{"joined": ["carol"]}', now())""",
        group,
    )
    for _ in range(3):
        await connection.execute("SELECT append_personal('dave', 'user:blocked', '{}')")
    rows = await connection.fetch(_SQL, snapshot)
    found = [pair for row in rows for pair in zip(row["rooms"], row["seqs"], strict=True)]
    joined = f"conversation:{group}"
    assert len(rows) == 2
    assert len(found) == _MANY + 2
    assert dict(found) == {
        **{f"conversation:{stream}": 9 for stream in streams},
        joined: 2,
        "user:dave": 3,
    }
    told = await connection.fetchval(
        "SELECT $1::jsonb = $2::jsonb",
        rows[0]["joined"],
        f'{{"{joined}": [[1, ["alice", "bob"]], [2, ["carol"]]]}}',
    )
    assert told
    assert rows[1]["joined"] is None


async def test_nothing_new(
    connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]",
) -> None:
    """Where nothing became visible, there is the snapshot with the epoch all the same."""
    snapshot = await connection.fetchval("SELECT pg_current_snapshot()::text")
    (row,) = await connection.fetch(_SQL, snapshot)
    assert row["snapshot"]
    assert row["epoch"]
    assert row["rooms"] is None
    assert row["joined"] is None
