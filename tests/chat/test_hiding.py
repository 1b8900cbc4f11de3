"""Hiding a conversation: for oneself alone, with its history so far, until a new message comes."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from chatserver.chat import history as reading
from tests.conftest import Connect, Resume, User
from tests.support.device import Device
from tests.support.http import ok, request
from tests.support.servers import Server, local_server
from tests.support.talks import history, holding, listed, opened, said, sync

Pool = asyncpg.Pool


async def _card(device: Device, conversation_id: str) -> dict[str, Any]:
    ack = await device.do("chat:conversation_get", conversationId=conversation_id)
    card: dict[str, Any] = ack["conversation"]
    return card


@pytest.fixture
async def talk(connect: Connect, alice: User, bob: User) -> tuple[Device, Device, str, list[Any]]:
    """Alice, Bob, their conversation, and what Alice has said in it; the first is pinned."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = [await said(a, conversation_id, f"text {n}") for n in range(3)]
    await a.do("chat:message_pin", messageId=sent[0]["id"])
    return a, b, conversation_id, sent


Talk = tuple[Device, Device, str, list[Any]]


async def test_a_hidden_conversation_is_gone_for_one_person(
    talk: Talk, connect: Connect, bob: User
) -> None:
    """Its list, history, pins, unread count and last message are empty to who hid it; the other sees it all."""
    a, b, conversation_id, sent = talk
    second = await connect(bob)
    ack = await b.do("chat:conversation_delete", conversationId=conversation_id)
    assert ack == {"success": True}
    for device in (b, second):
        assert await device.expect("chat:conversation_deleted") == {
            "conversationId": conversation_id,
            "upToSeq": 5,
            "personalSeq": 1,
        }
    assert await listed(b) == []
    page = await b.do("chat:history", conversationId=conversation_id)
    assert (page["messages"], page["total"], page["pagination"]["hasMore"]) == ([], 0, False)
    for position in ({"beforeSeq": 5}, {"afterSeq": 0}, {"offset": 1}):
        page = await b.do("chat:history", conversationId=conversation_id, **position)
        assert page["messages"] == []
    pins = await b.do("chat:pins", conversationId=conversation_id)
    assert (pins["messages"], pins["total"]) == ([], 0)
    card = await _card(b, conversation_id)
    assert (card["unread_count"], card["last_message"], card["last_message_at"]) == (0, None, None)
    assert [name for name, _ in await sync(b, conversation_id)] == ["chat:conversation_created"]
    # Nobody else hears of it, or sees it otherwise.
    assert await listed(a) == [conversation_id]
    assert len(await history(a, conversation_id)) == 3
    assert (await _card(a, conversation_id))["last_message"]["id"] == sent[2]["id"]
    await a.settled()
    assert a.seen("chat:conversation_deleted") == []


async def test_a_new_message_brings_it_back_without_its_past(talk: Talk) -> None:
    """After a new message the conversation is listed again, with that message and nothing from before."""
    a, b, conversation_id, _ = talk
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    new = await said(a, conversation_id, "still there?")
    await b.expect("chat:message_received", lambda push: push["id"] == new["id"])
    assert await listed(b) == [conversation_id]
    assert await history(b, conversation_id) == [new]
    card = await _card(b, conversation_id)
    assert (card["unread_count"], card["last_message"]) == (1, new)
    assert card["last_message_at"] == new["created_at"]
    for limit in (1, 2):
        page = await b.do("chat:history", conversationId=conversation_id, limit=limit)
        assert (page["total"], page["pagination"]["hasMore"]) == (1, False)
        assert page["pagination"]["nextBeforeSeq"] is None
    # Again, with the new one.
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    assert await listed(b) == []
    assert await history(b, conversation_id) == []


async def test_other_events_do_not_bring_it_back(talk: Talk, alice: User) -> None:
    """Reactions, edits, pins and blocks leave a hidden conversation hidden; so does opening it anew."""
    a, b, conversation_id, sent = talk
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    await a.do("chat:message_edit", messageId=sent[0]["id"], content="edited")
    await a.do("chat:reaction_add", messageId=sent[1]["id"], reaction="👍")
    await a.do("chat:message_unpin", messageId=sent[0]["id"])
    for block in (True, False):
        await a.do("chat:conversation_block", conversationId=conversation_id, block=block)
    found = (await b.do("chat:conversation_open", recipientId=alice.id))["conversation"]
    assert (found["id"], found["last_message"], found["unread_count"]) == (conversation_id, None, 0)
    assert await listed(b) == []
    # What is not about a hidden message is told all the same: the state of the conversation.
    assert [name for name, _ in await sync(b, conversation_id, after=1)] == [
        "chat:conversation_blocked",
        "chat:conversation_blocked",
    ]


async def test_a_hidden_message_does_not_exist_for_any_change(talk: Talk) -> None:
    """Whatever is done to a message that one has hidden is RESOURCE_NOT_FOUND, answering it included."""
    a, b, conversation_id, sent = talk
    mine = await said(b, conversation_id, "mine")
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    for message_id in (sent[0]["id"], mine["id"]):
        for command, more in (
            ("chat:message_edit", {"content": "changed"}),
            ("chat:message_delete", {}),
            ("chat:message_delete", {"deleteForEveryone": False}),
            ("chat:reaction_add", {"reaction": "👍"}),
            ("chat:reaction_remove", {}),
            ("chat:message_pin", {}),
            ("chat:message_unpin", {}),
            ("chat:message_read", {}),
            ("chat:message_delivered", {}),
        ):
            error = await b.refused(command, messageId=message_id, **more)
            assert error["code"] == "RESOURCE_NOT_FOUND", command
        error = await b.refused(
            "chat:message_send",
            conversationId=conversation_id,
            content="re",
            replyToMessageId=message_id,
        )
        assert (error["code"], [*error["fields"]]) == ("RESOURCE_NOT_FOUND", ["replyToMessageId"])
    assert await sync(a, conversation_id, after=6) == []


async def test_replies_to_what_is_gone(talk: Talk) -> None:
    """A reply keeps the id of what it answers, and no more of it, once that is hidden, deleted or erased."""
    a, b, conversation_id, sent = talk
    first, second, third = [message["id"] for message in sent]
    await b.do("chat:message_delete", messageId=second, deleteForEveryone=False)
    error = await b.refused(
        "chat:message_send", conversationId=conversation_id, content="re", replyToMessageId=second
    )
    assert [*error["fields"]] == ["replyToMessageId"], "one does not answer what one has deleted"
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    replies = [
        await said(a, conversation_id, "re", replyToMessageId=answered)
        for answered in (first, second, third)
    ]
    await a.do("chat:message_delete", messageId=third)
    assert [m["reply_to_message_id"] for m in await history(b, conversation_id)] == [
        first,
        second,
        third,
    ]
    assert await history(b, conversation_id) == replies
    shown = {m["id"]: m for m in await history(a, conversation_id)}
    assert (shown[third]["is_deleted"], shown[third]["content"]) == (True, None)
    # A retry of a reply is answered whatever became of what it answers.
    reply = {
        "conversationId": conversation_id,
        "content": "re",
        "replyToMessageId": replies[0]["id"],
        "clientMessageId": "id-1",
    }
    posted = await b.do("chat:message_send", **reply)
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    again = await b.do("chat:message_send", **reply)
    assert (again["duplicate"], again["messageId"]) == (True, posted["messageId"])


async def test_what_was_hidden_unread_was_not_read(talk: Talk) -> None:
    """Reading up to a seq reads what one sees: the sender is not told that hidden messages were read."""
    a, b, conversation_id, _ = talk
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    ack = await b.do("chat:message_read", conversationId=conversation_id, upToSeq=5)
    assert ack["updatedCount"] == 0
    # Nobody was told that they were received, so they were not.
    assert {message["status"] for message in await history(a, conversation_id)} == {"sent"}
    new = await said(a, conversation_id, "new")
    ack = await b.do("chat:message_read", conversationId=conversation_id, upToSeq=new["seq"])
    assert ack["updatedCount"] == 1
    update = await a.expect("chat:message_status_updated")
    assert (update["messageIds"], update["status"]) == ([new["id"]], "read")
    statuses = [message["status"] for message in await history(a, conversation_id)]
    assert statuses == ["delivered", "delivered", "delivered", "read"]


async def test_recovery_leaves_out_what_was_hidden(
    talk: Talk, resume: Resume, alice: User, bob: User
) -> None:
    """Who comes back is not sent what they hid on another device, but that they hid it, and what came after."""
    a, b, conversation_id, _ = talk
    client = await resume(bob)
    await client.drop()
    await said(a, conversation_id, "missed, and hidden")
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    new = await said(a, conversation_id, "new")
    for positions in (None, {"epoch": client.ready["epoch"], "me": 0, conversation_id: 0}):
        await client.drop()
        await client.connect(**({"positions": positions} if positions else {}))
        assert client.recovered
        assert client.seqs(conversation_id) == ([1] if positions else []) + [new["seq"]]
        (deleted,) = await client.expect("chat:conversation_deleted")
        assert (deleted["upToSeq"], deleted["personalSeq"]) == (6, 1)
        (state,) = await client.expect("chat:read_state", conversationId=conversation_id)
        assert state["unreadCount"] == 1


async def test_a_small_page_passes_over_much_that_is_hidden(talk: Talk) -> None:
    """A sync by one event at a time gets past hundreds that are hidden, and never asks for the same again."""
    a, b, conversation_id, _ = talk
    await asyncio.gather(*(said(a, conversation_id, f"hidden {n}") for n in range(150)))
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    new = [await said(a, conversation_id, text) for text in ("new", "newer")]
    seen, more, after = [], True, 1
    while more:
        page = await b.do("chat:sync", conversationId=conversation_id, afterSeq=after, limit=1)
        (event,), more = page["events"], page["hasMore"]
        after = event["data"]["seq"]
        seen.append(after)
    assert seen == [message["seq"] for message in new]


async def test_who_has_hidden_very_much_reloads(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync that would pass over more than it may says that the conversation is to be reloaded."""
    monkeypatch.setattr(reading, "_EVENTS_OF_HIDDEN", 1)
    a, b, conversation_id, _ = talk
    await asyncio.gather(*(said(a, conversation_id, f"hidden {n}") for n in range(30)))
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    ack = await b.do("chat:sync", conversationId=conversation_id, afterSeq=1, limit=1)
    assert (ack["events"], ack["hasMore"], ack["limited"]) == ([], False, True)


async def test_passing_over_what_is_hidden_counts(
    talk: Talk, dsn: str, alice: User, bob: User
) -> None:
    """A sync that passes over hundreds of hidden events counts as several commands, a short one as one."""
    a, b, conversation_id, _ = talk
    await asyncio.gather(*(said(a, conversation_id, f"hidden {n}") for n in range(450)))
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    async with local_server(dsn, COMMAND_RATE_LIMIT="6") as server:
        for user, answered in ((bob, 2), (alice, 6)):
            url = f"{server.url}/api/commands/chat:sync"
            ask = {"conversationId": conversation_id, "afterSeq": 1, "limit": 1}
            statuses = [(await request("POST", url, user, json=ask)).status for _ in range(7)]
            assert statuses == [200] * answered + [429] * (7 - answered)


async def test_hiding_is_repeatable(talk: Talk) -> None:
    """Hiding what is hidden is done, without an event; a late retry does not hide what came since."""
    a, b, conversation_id, _ = talk
    hide = {"conversationId": conversation_id, "requestId": "r-1"}
    await asyncio.gather(*(b.do("chat:conversation_delete", **hide) for _ in range(10)))
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    await said(a, conversation_id, "new")
    await b.do("chat:conversation_delete", **hide)
    assert await listed(b) == [conversation_id]
    await b.settled()
    assert [push["personalSeq"] for push in b.seen("chat:conversation_deleted")] == [1]
    error = await b.refused(
        "chat:conversation_delete", conversationId=str(uuid4()), requestId="r-1"
    )
    assert error["code"] == "IDEMPOTENCY_CONFLICT"


async def test_hiding_waits_for_nobody(
    talk: Talk, db: "Pool[asyncpg.Record]", connect: Connect, carol: User
) -> None:
    """A conversation is hidden while its lock is held: what is committed then has a later seq, and is seen."""
    a, b, conversation_id, _ = talk
    async with holding(db, conversation_id):
        sending = asyncio.create_task(said(a, conversation_id, "late"))
        await b.do("chat:conversation_delete", conversationId=conversation_id)
        await b.do("chat:conversation_mark_unread", conversationId=conversation_id)
    late = await sending
    assert await history(b, conversation_id) == [late]
    c = await connect(carol)
    for command in ("chat:conversation_delete", "chat:conversation_mark_unread"):
        errors = [
            await c.refused(command, conversationId=wanted)
            for wanted in (conversation_id, str(uuid4()))
        ]
        assert errors[0]["code"] == "RESOURCE_NOT_FOUND"
        assert errors[0] == errors[1]


async def test_rest(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """DELETE /api/conversations/:id hides, and `for_everyone` is a flag; Idempotency-Key makes it repeatable."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    url = f"{server.url}/api/conversations/{conversation_id}"
    for query in ("", "?for_everyone=false", "?forEveryone=false"):
        await said(a, conversation_id, "new")
        assert await ok("DELETE", url + query, bob) == {"success": True}
        assert await listed(b) == []
    for query in ("?for_everyone=maybe", "?forEveryone=1"):
        answer = await request("DELETE", url + query, bob)
        assert (answer.status, list(answer.error["fields"])) == (400, ["for_everyone"])
    key = {"Idempotency-Key": "k-1"}
    await ok("DELETE", url, bob, headers=key)
    await said(a, conversation_id, "new")
    await ok("DELETE", url, bob, headers=key)
    assert await listed(b) == [conversation_id]
    answer = await request("DELETE", f"{server.url}/api/conversations/{uuid4()}", bob)
    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_a_sync_passes_over_what_is_hidden(connect: Connect, alice: User, bob: User) -> None:
    """Where a whole page of events is hidden the next is given: nothing else would say where to go on."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    for number in range(20):
        await said(a, conversation_id, f"{number}")
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    last = await said(a, conversation_id, "later")
    page = await b.do("chat:sync", conversationId=conversation_id, afterSeq=1, limit=3)
    assert [event["data"]["seq"] for event in page["events"]] == [last["seq"]]
    assert page["hasMore"] is False
