"""Hiding a group: for one member alone, also when they come back to it."""

from uuid import UUID

import asyncpg

from tests.conftest import Connect, User
from tests.support.groups import create
from tests.support.talks import group_of, history, listed, said, sync

Pool = asyncpg.Pool


async def test_a_group_is_hidden_for_one_member(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """Who hides a group stays its member: it is among their groups, and its next message brings it back."""
    group_id = await group_of(db, {alice: "owner", bob: "member"})
    a, b = await connect(alice), await connect(bob)
    await said(a, group_id, "hidden")
    await b.do("chat:conversation_delete", conversationId=group_id)
    groups = (await b.do("group:list"))["groups"]
    assert [(g["id"], g["last_message"], g["unread_count"]) for g in groups] == [
        (group_id, None, 0)
    ]
    members = await db.fetchval(
        "SELECT count(*) FROM participants WHERE conversation_id = $1 AND left_seq IS NULL",
        UUID(group_id),
    )
    assert members == 2
    assert await listed(b) == []
    await said(a, group_id, "new")
    assert await listed(b) == [group_id]


async def test_what_a_replayed_event_shows_of_its_conversation(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """A conversation in a replayed event does not say when a hidden message was posted."""
    a, b = await connect(alice), await connect(bob)
    group_id = await create(a, bob)
    hidden = await said(a, group_id, "hidden")
    await b.do("chat:conversation_delete", conversationId=group_id)
    c = await connect(carol)
    await a.do("group:member_add", conversationId=group_id, userId=carol.id)
    pushed = await c.expect("group:member_added")
    assert pushed["conversation"]["last_message_at"] == hidden["created_at"]
    await a.do("group:member_remove", conversationId=group_id, userId=bob.id)
    await a.do("group:member_add", conversationId=group_id, userId=bob.id)
    events = await sync(b, group_id)
    shown = [data["conversation"] for _, data in events if "conversation" in data]
    assert len(shown) == 2, "the creation, and bob's own joining"
    assert [card["last_message_at"] for card in shown] == [None] * 2


async def test_who_comes_back_to_a_group_finds_hidden_what_they_hid(
    connect: Connect, alice: User, bob: User
) -> None:
    """Removed and added again, a person sees the group's history but for what they had hidden."""
    a, b = await connect(alice), await connect(bob)
    group_id = await create(a, bob)
    await said(a, group_id, "hidden")
    await b.do("chat:conversation_delete", conversationId=group_id)
    await a.do("group:member_remove", conversationId=group_id, userId=bob.id)
    error = await b.refused("chat:conversation_delete", conversationId=group_id)
    assert error["code"] == "RESOURCE_NOT_FOUND"
    meanwhile = await said(a, group_id, "meanwhile")
    await a.do("group:member_add", conversationId=group_id, userId=bob.id)
    assert [message["id"] for message in await history(b, group_id)] == [meanwhile["id"]]
    page = await b.do("chat:history", conversationId=group_id)
    assert page["total"] == 1
    assert await listed(b) == [group_id]
