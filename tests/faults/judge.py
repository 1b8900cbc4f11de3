"""What the database holds, against what the clients were told."""

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

import asyncpg

from tests.faults.history import History
from tests.faults.model import Row, Stored, judged

# How often a promise was broken, by its name; empty where none was. Beside the model's kinds: "refused", sends and
# connections that were refused for good, and "crashed", failures that the server did not foresee, in its log.
Verdict = Mapping[str, int]

_MESSAGES = """
SELECT id::text, conversation_id::text, seq, sender_id, client_message_id FROM messages
WHERE conversation_id = ANY ($1::uuid[])
"""
_EVENTS = """
SELECT stream_id::text, array_agg(seq ORDER BY seq) AS seqs FROM events
WHERE stream_id = ANY ($1::uuid[]) GROUP BY stream_id
"""
_LAST = "SELECT id::text, last_seq FROM conversations WHERE id = ANY ($1::uuid[])"
_MEMBERSHIPS = """
SELECT conversation_id::text, user_id, joined_seq, left_seq FROM participants
WHERE conversation_id = ANY ($1::uuid[])
"""


async def judge(
    dsn: str, history: History, owners: Mapping[str, str], conversations: list[str], crashes: int
) -> Verdict:
    """Judge a history that has come to rest.

    Args:
        owners: each device's user.
        crashes: failures that the server did not foresee.
    """
    found: Counter[str] = Counter()
    found.update(judged(history.steps, await stored(dsn, conversations), owners))
    found.update(refused=history.refusals.total(), crashed=crashes)
    return dict(+found)


async def stored(dsn: str, conversations: list[str]) -> Stored:
    """What the database holds of some conversations.

    Membership is read from `participants`, whoever changed it and when.
    """
    connection = await asyncpg.connect(dsn)
    try:
        ids = [UUID(conversation) for conversation in conversations]
        members: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
        for row in await connection.fetch(_MEMBERSHIPS, ids):
            key = row["conversation_id"], row["user_id"]
            members.setdefault(key, []).append((row["joined_seq"], row["left_seq"]))
        return Stored(
            rows=[Row(*row) for row in _in_order(await connection.fetch(_MESSAGES, ids))],
            last={row["id"]: row["last_seq"] for row in await connection.fetch(_LAST, ids)},
            logged={row["stream_id"]: row["seqs"] for row in await connection.fetch(_EVENTS, ids)},
            members=members,
        )
    finally:
        await connection.close()


def _in_order(rows: list[asyncpg.Record]) -> list[asyncpg.Record]:
    return sorted(rows, key=lambda row: (row["conversation_id"], row["seq"]))
