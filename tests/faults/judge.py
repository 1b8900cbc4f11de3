"""What the database holds, against what the clients were told."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from tests.faults.history import History

_GAPS = """
SELECT c.id FROM conversations c LEFT JOIN events e ON e.stream_id = c.id
WHERE c.id = ANY ($1::uuid[])
GROUP BY c.id, c.last_seq
HAVING count(e.seq) <> c.last_seq OR min(e.seq) <> 1 OR max(e.seq) <> c.last_seq
"""
_MESSAGES = """
SELECT id, seq, sender_id, client_message_id FROM messages WHERE conversation_id = ANY ($1::uuid[])
"""
_LAST = "SELECT id::text, last_seq FROM conversations WHERE id = ANY ($1::uuid[])"
_MEMBERSHIPS = """
SELECT conversation_id::text, user_id, joined_seq, left_seq FROM participants
WHERE conversation_id = ANY ($1::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How often a promise was broken. All are to be 0.

    Args:
        lost: acked, and not in the database, or with another id or seq than was said.
        duplicates: rows too many for one client's id.
        gaps: conversations whose seqs are not 1, 2, 3 … to the last.
        disorder: pushes that came before an earlier one of their conversation.
        missed: events that a device of a member never received.
        trespasses: pushes of events from outside a person's membership.
        refused: sends and connections that were refused for good.
        crashes: failures that the server did not foresee, in its log.
    """

    lost: int = 0
    duplicates: int = 0
    gaps: int = 0
    disorder: int = 0
    missed: int = 0
    trespasses: int = 0
    refused: int = 0
    crashes: int = 0


async def last_seqs(dsn: str, conversations: list[str]) -> dict[str, int]:
    """Where the conversations stand."""
    rows = await _rows(dsn, _LAST, conversations)
    return {row["id"]: row["last_seq"] for row in rows}


# Membership is judged from `participants`, whoever changed it and when. Direct conversations have one interval
# per person; the place for groups is a conversation in `Fleet.pairs` whose members a scenario adds and removes.
async def judge(
    dsn: str, history: History, owners: dict[str, str], conversations: list[str], crashes: int
) -> Verdict:
    """Judge a history that has come to rest.

    Args:
        owners: each device's user.
        crashes: see `Verdict`.
    """
    stored: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for row in await _rows(dsn, _MESSAGES, conversations):
        key = row["sender_id"], row["client_message_id"]
        stored.setdefault(key, []).append((str(row["id"]), row["seq"]))
    lost = duplicates = 0
    for send in history.sends.values():
        rows = stored.get((send.sender, send.client_message_id), [])
        lost += len(send.acks - set(rows))
        duplicates += max(0, len(rows) - 1) + max(0, len(send.acks) - 1)
    members = await _memberships(dsn, conversations)
    last = await last_seqs(dsn, conversations)
    disorder = missed = trespasses = 0
    for device, user in owners.items():
        for conversation in conversations:
            seqs = history.receipts[device, conversation]
            disorder += out_of_order(seqs)
            allowed = _allowed(members.get((conversation, user), []), last[conversation])
            trespasses += len(set(seqs) - allowed)
            missed += len(allowed - set(seqs))
    return Verdict(
        lost=lost,
        duplicates=duplicates,
        gaps=len(await _rows(dsn, _GAPS, conversations)),
        disorder=disorder,
        missed=missed,
        trespasses=trespasses,
        refused=history.refusals.total(),
        crashes=crashes,
    )


def out_of_order(seqs: list[int]) -> int:
    """How many came, for the first time, after a later one."""
    seen: set[int] = set()
    highest = late = 0
    for seq in seqs:
        late += seq < highest and seq not in seen
        highest = max(highest, seq)
        seen.add(seq)
    return late


def _allowed(memberships: list[tuple[int, int | None]], last: int) -> set[int]:
    return {
        seq
        for joined, left in memberships
        for seq in range(joined, (last if left is None else min(left, last)) + 1)
    }


async def _memberships(
    dsn: str, conversations: list[str]
) -> dict[tuple[str, str], list[tuple[int, int | None]]]:
    found: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
    for row in await _rows(dsn, _MEMBERSHIPS, conversations):
        key = row["conversation_id"], row["user_id"]
        found.setdefault(key, []).append((row["joined_seq"], row["left_seq"]))
    return found


async def _rows(dsn: str, query: str, conversations: list[str]) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(query, [UUID(conversation) for conversation in conversations])
    finally:
        await connection.close()
