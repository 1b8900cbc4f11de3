"""What is told of receipts: together, never more than was read, and not to large groups."""

from typing import Any

import asyncpg
import pytest

from chatserver.chat import status_updates
from chatserver.chat.status_updates import StatusUpdates
from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.groups import create, many_users
from tests.support.servers import Server
from tests.support.talks import opened, said

Pool = asyncpg.Pool


@pytest.fixture
def telling(server: Server, monkeypatch: pytest.MonkeyPatch) -> StatusUpdates:
    """The server's updates, which wait until the test has them told."""
    monkeypatch.setattr(status_updates, "_PAUSE", 3600)
    assert server.app is not None
    return server.app.status_updates


async def _told(device: Device) -> list[tuple[str, list[str], int]]:
    await device.settled()
    pushes = device.seen("chat:message_status_updated")
    device.pushes.clear()
    return [(push["status"], push["messageIds"], push["upToSeq"]) for push in pushes]


async def test_receipts_of_a_moment_are_told_together(
    telling: StatusUpdates, connect: Connect, alice: User, bob: User
) -> None:
    """What one person receives and reads in a group in a moment is one push per status, with all messages."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    sent = [(await said(a, group, f"text {n}"))["id"] for n in range(5)]
    for message_id in sent[:4]:
        await b.do("chat:message_delivered", messageId=message_id)
    for message_id in (sent[3], sent[1]):
        await b.do("chat:message_read", messageId=message_id)
    assert await _told(a) == [], "nobody's ack waits for it"
    telling.flush()
    assert await _told(a) == [("delivered", sent[:4], 5), ("read", [sent[3], sent[1]], 5)]
    await b.do("chat:message_read", messageId=sent[4])
    telling.flush()
    assert await _told(a) == [("read", [sent[4]], 6)]


@pytest.mark.parametrize("command", ["chat:message_delivered", "chat:message_read"])
@pytest.mark.parametrize(("count", "pushes"), [(1, 1), (3, 3), (20, 20), (21, 1)])
async def test_in_a_direct_conversation_each_message_is_told_of(
    count: int,
    pushes: int,
    command: str,
    telling: StatusUpdates,
    connect: Connect,
    alice: User,
    bob: User,
) -> None:
    """Up to twenty messages are a push each, with its `messageId`; more are one push without it."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    sent = [(await said(a, talk, f"text {n}"))["id"] for n in range(count)]
    # However they are confirmed: together, one by one, or by their position.
    await b.do(command, messageIds=sent[: count // 3 or 1])
    for message_id in sent[count // 3 : count // 2]:
        await b.do(command, messageId=message_id)
    await b.do(command, conversationId=talk, upToSeq=count + 1)
    telling.flush()
    await a.settled()
    updates = a.seen("chat:message_status_updated")
    assert len(updates) == pushes
    assert [update.get("messageId") for update in updates] == (sent if pushes == count else [None])
    assert [id_ for update in updates for id_ in update["messageIds"]] == sent
    assert {update["upToSeq"] for update in updates} == {count + 1}


async def test_a_push_names_two_hundred_messages_at_most(
    telling: StatusUpdates, connect: Connect, alice: User, bob: User
) -> None:
    """Exact receipts of more than 200 messages are told in several pushes: none claims what was not read."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    sent = [(await said(a, talk, f"text {n}"))["id"] for n in range(260)]
    odd = sent[1::2]
    await b.do("chat:message_read", messageIds=odd)
    await b.do("chat:message_read", messageIds=sent[0:160:2])
    telling.flush()
    told = await _told(a)
    assert [(status, len(ids)) for status, ids, _ in told] == [("read", 130), ("read", 80)]
    assert [ids for _, ids, _ in told] == [odd, sent[0:160:2]]


@pytest.mark.parametrize(("members", "told"), [(100, True), (101, False)])
async def test_a_large_group_hears_of_no_receipts(
    members: int,
    told: bool,
    telling: StatusUpdates,
    connect: Connect,
    db: "Pool[asyncpg.Record]",
    alice: User,
    bob: User,
) -> None:
    """A group of a hundred is told of receipts, one of a hundred and one is not, but the reader's own devices are.

    Their state is kept in both.
    """
    crowd = await many_users(db, members - 2)
    a, b, second = await connect(alice), await connect(bob), await connect(bob)
    group_id = await create(a, bob, *crowd, maxMembers=members)
    sent = await said(a, group_id, "hello all")
    for command in ("chat:message_delivered", "chat:message_read"):
        assert (await b.do(command, messageId=sent["id"]))["updatedCount"] == 1
    telling.flush()
    seen: list[Any] = await _told(a)
    assert [status for status, _, _ in seen] == (["delivered", "read"] if told else [])
    own = await _told(second)
    assert own[-1:] == [("read", [sent["id"]], sent["seq"])]
    assert len(own) == (2 if told else 1)
    card = (await b.do("chat:conversation_get", conversationId=group_id))["conversation"]
    assert card["unread_count"] == 0
    mine = next(p for p in card["participants"] if p["user_id"] == bob.id)
    assert (mine["delivered_seq"], mine["read_seq"]) == (sent["seq"], sent["seq"])
