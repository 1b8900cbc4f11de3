"""Messages are written one by one or many at once; nobody can tell which."""

import hashlib
import random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.conftest import MakeUser
from tests.support.rolled_back import rolled_back

_ARGUMENTS = ", ".join(f"${n}" for n in range(1, 13))
_LOOK = """
SELECT conversation_id, seq, number, id, sender_id, client_message_id, reply_to_message_id, is_announcement
FROM messages WHERE conversation_id = ANY ($1) ORDER BY 1, 2
"""
_LOOK_AT_LOG = """
SELECT stream_id, seq, kind, actor_id, message_id FROM events WHERE stream_id = ANY ($1) ORDER BY 1, 2
"""
_LOOK_AT_STREAMS = """
SELECT id, last_seq, last_number, last_message_seq FROM conversations WHERE id = ANY ($1) ORDER BY 1
"""


async def _world(db: asyncpg.Connection, people: list[str]) -> list[UUID]:
    """Direct conversations (one of them blocked, by each kind of block), a group, an ended one, and none."""
    found = []
    for other in people[1:5]:
        row = await db.fetchrow(
            "SELECT * FROM open_direct($1, $2, $3, '', 0, 0)", uuid4(), people[0], other
        )
        found.append(row["conversation_id"])
    await db.execute("INSERT INTO conversation_blocks VALUES ($1, $2, now())", found[1], people[2])
    await db.execute("SELECT directory_block($1, $2)", people[3], people[0])
    for _ in range(2):
        group = uuid4()
        await db.fetch(
            "SELECT * FROM create_group($1, $2, 's1.00000000.' || repeat('A', 30), NULL, $3, 50, 0, 0)",
            group,
            people[0],
            people[1:3],
        )
        found.append(group)
    await db.fetch("SELECT * FROM delete_group($1, $2)", people[0], found[-1])
    return [*found, uuid4()]


def _batch(
    rng: random.Random, many: int, talks: list[UUID], people: list[str], sent: list[UUID]
) -> list[Any]:
    """Messages with few clients' ids, so that many are retries, of this batch or of an earlier one."""
    return [
        [rng.choice(talks) for _ in range(many)],
        [rng.choice(people[:3]) for _ in range(many)],
        [UUID(int=rng.getrandbits(128)) for _ in range(many)],
        [rng.choice(["text", "image"]) for _ in range(many)],
        [2] * many,
        ["k"] * many,
        [rng.randbytes(12) for _ in range(many)],
        [rng.randbytes(20) for _ in range(many)],
        [rng.choice([None, None, *sent[-5:], uuid4()]) for _ in range(many)],
        [rng.choice([None, "a", "b", "c", rng.randbytes(4).hex()]) for _ in range(many)],
        [rng.randbytes(32) for _ in range(many)],
        [rng.random() < 0.2 for _ in range(many)],
    ]


async def _outcome(
    db: asyncpg.Connection, function: str, batch: list[Any], talks: list[UUID]
) -> Any:
    """The answers (but for the time) and what the tables then hold."""
    calls = [*zip(*batch, strict=True)] if function == "post_message" else [batch]
    rows = [
        row
        for arguments in calls
        for row in await db.fetch(f"SELECT * FROM {function}({_ARGUMENTS})", *arguments)
    ]
    answers = [{key: value for key, value in row.items() if key != "created_at"} for row in rows]
    assert all((row["created_at"] is None) == (row["message_id"] is None) for row in rows)
    tables = [
        [tuple(row) for row in await db.fetch(look, talks)]
        for look in (_LOOK, _LOOK_AT_LOG, _LOOK_AT_STREAMS)
    ]
    return answers, tables


@pytest.mark.parametrize("seed", range(6))
async def test_both_ways_of_writing_are_one(
    seed: int, db: "asyncpg.Pool[asyncpg.Record]", make_user: MakeUser
) -> None:
    """Random batches leave the same answers and the same tables, written one by one or all at once."""
    rng = random.Random(seed)
    people = [(await make_user()).id for _ in range(5)]
    verdicts = set()
    async with rolled_back(db) as connection:
        talks = await _world(connection, people)
        sent: list[UUID] = []
        for _ in range(25):
            batch = _batch(rng, rng.randint(1, 12), talks, people, sent)
            outcomes = []
            for function in ("post_message", "post_together"):
                undone = connection.transaction()
                await undone.start()
                outcomes.append(await _outcome(connection, function, batch, talks))
                await undone.rollback()
            assert outcomes[0] == outcomes[1]
            answers, _ = await _outcome(connection, "post_messages", batch, talks)
            assert answers == outcomes[0][0]
            sent += [answer["message_id"] for answer in answers if answer["verdict"] == "posted"]
            verdicts |= {answer["verdict"] for answer in answers}
    assert verdicts == {
        "posted",
        "duplicate",
        "not_found",
        "not_permitted",
        "blocked",
        "reply_not_found",
    }


@pytest.mark.parametrize(
    "name", ["a", "\\", "a\\b", "\\\\", "\\001", "\\x41", "é\u4f60\U0001f600'"]
)
async def test_the_key_of_a_name_is_made_of_its_bytes(
    db: "asyncpg.Pool[asyncpg.Record]", name: str
) -> None:
    """Whatever a client names its message, backslashes too, its key is the digest of exactly that."""
    talk, sender = uuid4(), f"ann{name}"
    digest = hashlib.sha256(talk.bytes + f"{sender}\x01{name}".encode()).digest()[:16]
    assert await db.fetchval("SELECT client_key($1, $2, $3)", talk, sender, name) == digest


async def test_the_key_of_a_name_is_inlined(db: "asyncpg.Pool[asyncpg.Record]") -> None:
    """The key's function is called nowhere: the look-up, like the index, has its body in its place."""
    async with rolled_back(db) as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch(
            "EXPLAIN (COSTS OFF) SELECT FROM messages m "
            "WHERE client_key(m.conversation_id, m.sender_id, m.client_message_id) = '\\x00'"
        )
    lines = "\n".join(row[0] for row in plan)
    assert "messages_client_key" in lines
    assert "sha256(" in lines
    assert "client_key(" not in lines
