"""The end of a group: what everybody hears of it, and what is there afterwards."""

from uuid import UUID

import asyncpg

from tests.conftest import Connect, Resume, User
from tests.support.device import Device
from tests.support.groups import create
from tests.support.talks import said

Pool = asyncpg.Pool


async def test_the_end_of_a_group(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Everybody gets group:deleted and nothing after it; then the group and its words are there for nobody."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    group = await create(a, bob, carol)
    sent = await said(b, group, "last words")
    assert await a.do("group:delete", conversationId=group) == {"success": True}
    for device in (a, b, c):
        push = await device.expect("group:deleted")
        assert (push["seq"], push["by"]) == (3, alice.id)
        conversation = push["conversation"]
        assert (conversation["id"], conversation["title"]) == (group, "Climbers")
        assert (conversation["is_active"], conversation["member_count"]) == (False, 0)
        assert "participants" not in conversation
        device.pushes.clear()
    for device in (a, b):
        await _sees_nothing(device, group, sent["id"])
    for device in (a, b, c):
        await device.settled()
        assert device.told == []
    kept = await db.fetchval(
        "SELECT count(*) FROM messages WHERE conversation_id = $1", UUID(group)
    )
    assert kept == 1, "a soft deletion"


async def _sees_nothing(device: Device, group: str, message_id: str) -> None:
    for command, payload in (
        ("chat:message_send", {"content": "anybody?"}),
        ("chat:history", {}),
        ("chat:sync", {"afterSeq": 0}),
        ("chat:conversation_get", {}),
        ("chat:typing", {"isTyping": True}),
        ("chat:message_read", {"upToSeq": 2}),
        ("group:members", {}),
        ("group:update", {"title": "Again"}),
        ("group:member_add", {"userId": "nobody"}),
        ("group:leave", {}),
        ("group:delete", {}),
        ("group:announce", {"content": "anybody?"}),
    ):
        error = await device.refused(command, conversationId=group, **payload)
        assert error["code"] == "RESOURCE_NOT_FOUND", command
    for command, payload in (
        ("chat:message_edit", {"content": "other words"}),
        ("chat:message_delete", {}),
        ("chat:reaction_add", {"reaction": "x"}),
        ("chat:message_read", {}),
        ("chat:message_delivered", {}),
    ):
        error = await device.refused(command, messageId=message_id, **payload)
        assert error["code"] == "RESOURCE_NOT_FOUND", command
    assert (await device.do("group:list"))["groups"] == []
    assert (await device.do("chat:conversation_list"))["total"] == 0


async def test_the_end_reaches_who_was_away(
    resume: Resume, connect: Connect, alice: User, bob: User
) -> None:
    """Who comes back finds the deletion, and nothing else of the group: it is no longer theirs to read."""
    a, b = await connect(alice), await resume(bob)
    group = await create(a, bob)
    await b.expect("group:created")
    await b.drop()
    await said(a, group, "while you were away")
    await a.do("group:delete", conversationId=group)
    await b.connect()
    names = [name for name, _ in b.events]
    assert "group:deleted" in names
    assert "chat:message_received" not in names
    assert b.recovered
    await b.drop()
    await b.connect()
    assert group not in str(b.ready)


async def test_an_end_repeated(connect: Connect, alice: User, bob: User) -> None:
    """group:delete repeated with its requestId is done already; without one the group is not found."""
    a = await connect(alice)
    group = await create(a, bob)
    for _ in range(2):
        await a.do("group:delete", conversationId=group, requestId="r-1")
    error = await a.refused("group:delete", conversationId=group)
    assert error["code"] == "RESOURCE_NOT_FOUND"
