"""Very many conversations, and very long ones, written straight into the tables."""

from collections.abc import Mapping
from uuid import UUID, uuid4

import asyncpg

from chatserver.core.crypto import Vault
from chatserver.resources import body_of, context_of
from chatserver.schemas.messages import MessageSend
from tests.support.servers import ENCRYPTION_KEY

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


_SAID = """
WITH said AS (
    INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id, nonce,
        ciphertext, reply_to_message_id, created_at)
    SELECT $1, n + 1, n, id, $2, 'text', version, key_id, nonce, ciphertext, reply_to, now()
    FROM unnest($3::uuid[], $4::smallint[], $5::text[], $6::bytea[], $7::bytea[], $8::uuid[])
        WITH ORDINALITY AS m (id, version, key_id, nonce, ciphertext, reply_to, n) RETURNING seq, id),
told AS (
    INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, created_at)
    SELECT $1, seq, pg_current_xact_id(), 'chat:message_received', $2, id, now() FROM said)
UPDATE conversations SET last_seq = $9 + 1, last_number = $9, last_message_seq = $9 + 1, last_message_at = now(),
    last_xact = pg_current_xact_id() WHERE id = $1
"""


async def say_much(
    db: "asyncpg.Pool[asyncpg.Record]",
    conversation_id: str,
    sender: str,
    count: int,
    *,
    replies: Mapping[int, int],
) -> None:
    """Write ``number 1.`` and so on into a conversation in which nothing has been said yet.

    `replies` has which of them answers which, by their numbers.
    """
    vault, conversation = Vault([ENCRYPTION_KEY]), UUID(conversation_id)
    ids = [uuid4() for _ in range(count)]
    reply_to = [ids[replies[n] - 1] if n in replies else None for n in range(1, count + 1)]
    sealed = [
        vault.seal(
            conversation,
            message_id,
            body_of(MessageSend(content=f"number {n}."), ()),
            context_of(sender, "text", is_announcement=False, reply_to=replied),
        )
        for n, (message_id, replied) in enumerate(zip(ids, reply_to, strict=True), 1)
    ]
    await db.execute(
        _SAID, conversation, sender, ids, *map(list, zip(*sealed, strict=True)), reply_to, count
    )
