"""A person with very many conversations, written straight into the tables."""

import asyncpg

# Direct conversations of two people about invented products, each with its first event and one message's place.
_SEED = """
WITH numbered AS (
    SELECT n, gen_random_uuid() AS id, clock_timestamp() AS now FROM generate_series(1, $3::int) AS n),
talks AS (
    INSERT INTO conversations (id, type, product_id, user_low, user_high, created_by, member_count, created_at,
        last_seq, last_xact)
    SELECT id, 'direct', 'invented ' || n, least($1 COLLATE "C", $2 COLLATE "C"),
        greatest($1 COLLATE "C", $2 COLLATE "C"), $1, 2, now, 1, pg_current_xact_id() FROM numbered RETURNING id),
people AS (
    INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at)
    SELECT n.id, person, 1, 'member', n.now FROM numbered n, unnest(ARRAY[$1, $2]) AS person RETURNING 1),
created AS (
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
    SELECT id, 1, pg_current_xact_id(), 'chat:conversation_created', $1,
        jsonb_build_object('joined', jsonb_build_array($1, $2)), now FROM numbered RETURNING 1)
SELECT id::text FROM talks
"""


async def seed(db: "asyncpg.Pool[asyncpg.Record]", user: str, other: str, count: int) -> list[str]:
    """Give two people so many conversations, each with one event; returns their ids."""
    return [row["id"] for row in await db.fetch(_SEED, user, other, count)]
