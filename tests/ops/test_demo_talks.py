"""The demo's conversations: there after one start, the same after the next."""

from typing import Any

import asyncpg
import pytest

from chatserver.ops import demo, demo_talks
from tests.support.device import Device
from tests.support.servers import local_server, settings_for


async def _listed(device: Device) -> dict[str, dict[str, Any]]:
    """Somebody's conversations, by what they are about."""
    page = await device.do("chat:conversation_list")
    return {
        one["title"] or (one["product"] or {}).get("id", "direct"): one
        for one in page["conversations"]
    }


async def _messages(device: Device, conversation: str) -> list[dict[str, Any]]:
    """All messages of a conversation, the oldest first."""
    found: list[dict[str, Any]] = []
    before: dict[str, int] = {}
    while True:
        page = await device.do("chat:history", conversationId=conversation, limit=100, **before)
        found = page["messages"] + found
        if len(page["messages"]) < 100:
            return found
        before = {"beforeSeq": found[0]["seq"]}


async def _counts(dsn: str) -> tuple[int, ...]:
    connection = await asyncpg.connect(dsn)
    try:
        tables = ("conversations", "messages", "reactions", "pins", "events", "requests")
        return tuple([await connection.fetchval(f"SELECT count(*) FROM {name}") for name in tables])
    finally:
        await connection.close()


async def test_they_are_made_once(fresh_dsn: str) -> None:
    """A group, a product's chat and a long direct one are made, some of it unread; a second time nothing is."""
    settings = settings_for(fresh_dsn)
    await demo.create_users(fresh_dsn, settings)
    await demo_talks.make(fresh_dsn, settings)
    made = await _counts(fresh_dsn)
    await demo.create_users(fresh_dsn, settings)
    await demo_talks.make(fresh_dsn, settings)
    assert await _counts(fresh_dsn) == made
    assert made[:4] == (3, 264, 50, 1)
    tokens = demo.tokens(settings)
    async with local_server(fresh_dsn) as server:
        alice = await Device(server.url, tokens["alice"]).connect()
        await alice.settled()
        # Those who come for the first time are told of nothing that they missed.
        told = [name for name, _ in alice.pushes if name.startswith(("chat:message", "group:"))]
        assert told == []
        listed = await _listed(alice)
        assert list(listed) == ["direct", "Weekend at the lake", "demo-bicycle"]
        assert [one["unread_count"] for one in listed.values()] == [3, 2, 0]
        assert listed["direct"]["last_message"]["content"] == "Call me when you can 🙂"
        members = await alice.do(
            "group:members", conversationId=listed["Weekend at the lake"]["id"]
        )
        roles = {each["user_id"]: each["role"] for each in members["participants"]}
        assert roles == {"alice": "owner", "carol": "admin", "dave": "moderator", "bob": "member"}
        messages = await _messages(alice, listed["direct"]["id"])
        moments = [message["created_at"] for message in messages]
        assert len(set(moments[:240])) == 240
        assert moments == sorted(moments)
        await alice.close()


async def test_what_is_there_keeps_its_times(fresh_dsn: str) -> None:
    """Where people have written already, what the demo says comes after it, and no time is changed."""
    settings = settings_for(fresh_dsn)
    await demo.create_users(fresh_dsn, settings)
    async with local_server(fresh_dsn) as server:
        alice = await Device(server.url, demo.tokens(settings)["alice"]).connect()
        sent = await alice.do("chat:message_send", recipientId="bob", content="We were here first")
        await demo_talks.make(fresh_dsn, settings)
        messages = await _messages(alice, sent["message"]["conversation_id"])
        assert len(messages) == 244
        first = sent["message"]
        assert (messages[0]["id"], messages[0]["created_at"]) == (first["id"], first["created_at"])
        moments = [message["created_at"] for message in messages]
        assert moments == sorted(moments)
        await alice.close()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO blocked_relationships VALUES ('alice', 'bob')",
        "ALTER TABLE products ALTER id TYPE integer USING 1",
    ],
)
async def test_a_refusal_keeps_nobody_from_starting(fresh_dsn: str, statement: str) -> None:
    """Where people have blocked each other, or products are not ours, some is left out, and nothing is raised."""
    settings = settings_for(fresh_dsn)
    await demo.create_users(fresh_dsn, settings)
    connection = await asyncpg.connect(fresh_dsn)
    await connection.execute(statement)
    await connection.close()
    await demo_talks.make(fresh_dsn, settings)
    assert (await _counts(fresh_dsn))[1] == 0
