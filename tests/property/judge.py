"""Whether what the clients know is what there is, and whether they were told what they may know."""

from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from tests.property.device import Follower, fetch_history, fetch_list
from tests.property.fold import SHARED

Resource = dict[str, Any]

# The devices fetch by small pages; what they are compared to comes at once.
_PAGE = 50


async def judge(
    db: "asyncpg.Pool[asyncpg.Record]",
    url: str,
    device: Follower,
    marks: set[tuple[str, str]],
    *,
    receipts: bool,
) -> None:
    """Compare a connected device, with nothing under way, to a fresh fetch and to the log.

    Args:
        marks: who has ever marked which conversation as unread.
        receipts: whether all of them reached it. They are live only, in no log: those of a conversation that
            this process had not heard of yet are lost, and its offset goes past them all the same.
    """
    fresh = await _fetched(url, device)
    known = device.model.state()
    assert sorted(known) == sorted(fresh)
    for key, card in fresh.items():
        _compare(known[key], card, device, receipts=receipts)
        if receipts and known[key]["unread_count"] is not None:
            # The pushes of a mark and of the reading that takes it away have no order among them.
            least = {0, 1} if (device.user.id, key) in marks else {0}
            shown = {max(known[key]["unread_count"], count) for count in least}
            assert card["unread_count"] in shown
    await _judge_received(db, device)


async def _fetched(url: str, device: Follower) -> dict[str, Resource]:
    found = {}
    async with aiohttp.ClientSession(headers=device.user.auth) as session:
        cards, _ = await fetch_list(session, url, _PAGE)
        for card in cards:
            found[card["id"]] = card
            card["messages"] = await fetch_history(session, url, card["id"], _PAGE)
            pins = f"{url}/api/commands/chat:pins"
            async with session.post(pins, json={"conversationId": card["id"]}) as response:
                card["pins"] = {pin["id"] for pin in (await response.json())["messages"]}
    return found


def _compare(known: Resource, fresh: Resource, device: Follower, *, receipts: bool) -> None:
    me, banned = device.user.id, device.model.blocked
    roles = {p["user_id"]: p["role"] for p in fresh["participants"]}
    told = [_told(message, receipts=receipts) for message in known["messages"]]
    assert told == [_told(message, receipts=receipts) for message in fresh["messages"]]
    assert fresh["pins"] == {message["id"] for message in known["messages"] if message["is_pinned"]}
    last, newest = known["last_message"], fresh["last_message"]
    assert _told(last, receipts=receipts) == _told(newest, receipts=receipts)
    assert {name: known[name] for name in SHARED} == {name: fresh[name] for name in SHARED}
    assert (known["members"], known["my_role"]) == (roles, fresh["my_role"])
    is_blocked, by = known["blocked"]
    assert fresh["is_blocked"] is is_blocked
    others = set(roles) - {me} if fresh["type"] == "direct" else set()
    if by == me or others & (banned or set()):
        assert fresh["blocked_by_me"]
    elif not is_blocked:
        assert not fresh["blocked_by_me"]


def _told(message: Resource | None, *, receipts: bool) -> Resource | None:
    """A message without what no push told: the status of an erased one (receipts name only what is left)."""
    if message is None or (receipts and not message["is_deleted"]):
        return message
    return {name: value for name, value in message.items() if name != "status"}


async def _judge_received(db: "asyncpg.Pool[asyncpg.Record]", device: Follower) -> None:
    """Nothing from outside one's memberships came; of those that stand, all but what one deleted or hid."""
    user_id, model = device.user.id, device.model
    rows = await db.fetch(
        "SELECT conversation_id::text AS key, joined_seq, left_seq FROM participants WHERE user_id = $1",
        user_id,
    )

    def inside(key: str, seq: int) -> bool:
        return any(
            row["joined_seq"] <= seq and (row["left_seq"] is None or seq <= row["left_seq"])
            for row in rows
            if row["key"] == key
        )

    foreign = [(key, seq) for key, seq in model.received if not inside(key, seq)]
    assert foreign == [], "received without being a member"
    for key, first, last in model.all_skipped():
        hidden = await db.fetch(
            "SELECT e.seq FROM events e JOIN messages m ON m.id = e.message_id "
            "WHERE e.stream_id = $1 AND ("
            "m.seq <= (SELECT max(p.hidden_seq) FROM participants p "
            "WHERE p.conversation_id = $1 AND p.user_id = $2) "
            "OR EXISTS (SELECT FROM message_deletions d "
            "WHERE d.conversation_id = $1 AND d.seq = m.seq AND d.user_id = $2))",
            UUID(key),
            user_id,
        )
        left_out = {row["seq"] for row in hidden}
        # Of a membership that is over its end comes, and nothing else that was missed.
        joined = max(
            (row["joined_seq"] for row in rows if row["key"] == key and row["left_seq"] is None),
            default=last + 1,
        )
        missing = [s for s in range(max(first, joined), last + 1) if s not in left_out]
        assert missing == [], f"{key}: never came"
    assert model.epoch is not None
