"""Editing: the sender alone, within five minutes, everything but the wording as it was."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.talks import group_of, history, opened, said, sync

Pool = asyncpg.Pool


async def _age(db: "Pool[asyncpg.Record]", message_id: str, seconds: float) -> None:
    """Has the message be sent so many seconds earlier."""
    await db.execute(
        "UPDATE messages SET created_at = created_at - make_interval(secs => $2) WHERE id = $1",
        UUID(message_id),
        seconds,
    )


async def test_an_edit_reaches_every_device_of_both(
    connect: Connect, alice: User, bob: User
) -> None:
    """An edit is acked with the message, and pushed to all devices of both people, in the next seq."""
    devices = [await connect(user) for user in (alice, alice, bob, bob)]
    conversation_id = await opened(devices[0], bob)
    sent = await said(devices[0], conversation_id, "Helo!")
    ack = await devices[0].do("chat:message_edit", messageId=sent["id"], content="Hello!")
    assert set(ack) == {"success", "message"}
    edited_at = ack["message"]["edited_at"]
    assert edited_at >= sent["created_at"]
    assert edited_at.endswith("Z")
    changed = {"content": "Hello!", "is_edited": True, "edited_at": edited_at, "updated_seq": 3}
    assert ack["message"] == {**sent, **changed}
    for device in devices:
        assert await device.expect("chat:message_edited") == {
            "conversationId": conversation_id,
            "seq": 3,
            "messageId": sent["id"],
            "message": {**sent, **changed},
        }
    assert await history(devices[2], conversation_id) == [{**sent, **changed}]
    card = await devices[2].do("chat:conversation_get", conversationId=conversation_id)
    conversation = card["conversation"]
    assert (conversation["last_seq"], conversation["unread_count"]) == (3, 1)
    assert conversation["last_message"] == {**sent, **changed}


async def test_all_but_the_wording_stays(connect: Connect, alice: User, bob: User) -> None:
    """Text becomes end-to-end ciphertext and back; metadata, reply and type stay, also over many edits."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    base = await said(a, conversation_id, "base")
    sent = await said(
        a,
        conversation_id,
        "a picture",
        messageType="image",
        metadata={"width": 5, "tags": ["ä"]},
        replyToMessageId=base["id"],
    )
    for wording, shown in (
        ({"contentEncrypted": "c2VjcmV0"}, (None, "c2VjcmV0")),
        ({"contentEncrypted": "b3RoZXI="}, (None, "b3RoZXI=")),
        ({"content": "plain"}, ("plain", None)),
        ({"content": "plain"}, ("plain", None)),
    ):
        ack = await a.do("chat:message_edit", messageId=sent["id"], **wording)
        message = ack["message"]
        assert (message["content"], message["content_encrypted"]) == shown
        changes = {"content", "content_encrypted", "is_edited", "edited_at", "updated_seq"}
        for stays in set(message) - changes:
            assert message[stays] == sent[stays]


async def test_what_was_replayed_is_the_message_as_it_is_now(
    connect: Connect, alice: User, bob: User
) -> None:
    """Sync shows a message's posting and each of its edits with the latest wording, at their own seqs."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "one")
    for wording in ("two", "three"):
        await a.do("chat:message_edit", messageId=sent["id"], content=wording)
    events = (await sync(b, conversation_id))[1:]
    assert [(name, data["seq"]) for name, data in events] == [
        ("chat:message_received", 2),
        ("chat:message_edited", 3),
        ("chat:message_edited", 4),
    ]
    assert events[0][1]["content"] == "three"
    for _, data in events[1:]:
        assert (data["message"]["content"], data["message"]["seq"]) == ("three", 2)


@pytest.mark.parametrize(
    ("wording", "field"),
    [
        ({}, "content"),
        ({"content": ""}, "content"),
        ({"content": " \n"}, "content"),
        ({"content": "x" * 10_001}, "content"),
        ({"content": "a\0b"}, "content"),
        ({"content": 5}, "content"),
        ({"content": "x", "contentEncrypted": "y"}, "contentEncrypted"),
        ({"contentEncrypted": "x" * (64 * 1024 + 1)}, "contentEncrypted"),
        ({"content": "x", "metadata": {}}, "metadata"),
    ],
)
async def test_wording_is_checked_as_in_sending(
    wording: dict[str, object], field: str, connect: Connect, alice: User, bob: User
) -> None:
    """What could not be sent cannot be edited in, and the field that is wrong is named."""
    a = await connect(alice)
    sent = await said(a, await opened(a, bob), "fine")
    error = await a.refused("chat:message_edit", messageId=sent["id"], **wording)
    assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", [field])


async def test_only_the_sender_edits(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User, carol: User
) -> None:
    """Another member is denied, be it the group's owner; to who is no member the message does not exist."""
    group_id = await group_of(db, {alice: "owner", bob: "member"})
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    sent = await said(b, group_id, "mine")
    error = await a.refused("chat:message_edit", messageId=sent["id"], content="yours")
    assert error["code"] == "PERMISSION_DENIED"
    errors = [
        await c.refused("chat:message_edit", messageId=wanted, content="theirs")
        for wanted in (sent["id"], str(uuid4()))
    ]
    assert errors[0]["code"] == "RESOURCE_NOT_FOUND"
    assert errors[0] == errors[1]
    assert (await history(a, group_id))[0]["content"] == "mine"
    edited = await b.do("chat:message_edit", messageId=sent["id"], content="still mine")
    assert (await a.expect("chat:message_edited"))["message"] == edited["message"]


async def test_who_left_edits_no_more(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """An ex-member's own message does not exist to them any more."""
    group_id = await group_of(db, {alice: "owner", bob: "member"})
    b = await connect(bob)
    sent = await said(b, group_id, "mine")
    await db.execute(
        "UPDATE participants SET left_seq = 2 WHERE conversation_id = $1 AND user_id = $2",
        UUID(group_id),
        bob.id,
    )
    error = await b.refused("chat:message_edit", messageId=sent["id"], content="late")
    assert error["code"] == "RESOURCE_NOT_FOUND"


async def test_the_window_is_five_minutes(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """Just before five minutes have passed by the database's clock an edit is done, just after it is refused."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "sent")
    await _age(db, sent["id"], 285)
    await a.do("chat:message_edit", messageId=sent["id"], content="in time")
    await _age(db, sent["id"], 15)
    error = await a.refused("chat:message_edit", messageId=sent["id"], content="too late")
    assert error == {
        "code": "EDIT_WINDOW_EXPIRED",
        "message": "Edit window expired",
        "details": "Messages can only be edited within 5 minutes of sending.",
        "retryable": False,
    }
    assert (await history(b, conversation_id))[0]["content"] == "in time"
    error = await b.refused("chat:message_edit", messageId=sent["id"], content="not mine")
    assert error["code"] == "PERMISSION_DENIED", "whose it is comes before when it was"


async def test_a_block_keeps_from_editing(connect: Connect, alice: User, bob: User) -> None:
    """An edit is a word to the other person: refused with a block of either kind."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "hello")
    ways = (
        ("user:block", "user:unblock", {"userId": alice.id}, {"userId": alice.id}),
        (
            "chat:conversation_block",
            "chat:conversation_block",
            {"conversationId": conversation_id, "block": True},
            {"conversationId": conversation_id, "block": False},
        ),
    )
    for block, unblock, blocking, unblocking in ways:
        await b.do(block, **blocking)
        error = await a.refused("chat:message_edit", messageId=sent["id"], content="and more")
        assert error["code"] == "USER_BLOCKED"
        await b.do(unblock, **unblocking)
    await a.do("chat:message_edit", messageId=sent["id"], content="and more")


async def test_an_edit_is_repeatable(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """The same requestId is one edit, also after the window; its ack shows the message as it is now."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "zero")
    edit = {"messageId": sent["id"], "content": "one", "requestId": "r-1"}
    first = await a.do("chat:message_edit", **edit)
    await a.do("chat:message_edit", messageId=sent["id"], content="two")
    await _age(db, sent["id"], 3600)
    again = await a.do("chat:message_edit", **edit)
    assert (first["message"]["content"], again["message"]["content"]) == ("one", "two")
    error = await a.refused("chat:message_edit", **{**edit, "content": "three"})
    assert (error["code"], list(error["fields"])) == ("IDEMPOTENCY_CONFLICT", ["requestId"])
    await b.settled()
    assert [push["seq"] for push in b.seen("chat:message_edited")] == [3, 4]
    kept = await db.fetchval("SELECT answer::text FROM requests WHERE user_id = $1", alice.id)
    assert "one" not in kept


async def test_a_late_retry_of_the_send_is_still_its_duplicate(
    connect: Connect, alice: User, bob: User
) -> None:
    """After an edit the original send is still a duplicate, shown as it is now; the new wording is a conflict."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    original = {"conversationId": conversation_id, "content": "one", "clientMessageId": "id-1"}
    sent = await a.do("chat:message_send", **original)
    await a.do("chat:message_edit", messageId=sent["messageId"], content="two")
    again = await a.do("chat:message_send", **original)
    assert (again["duplicate"], again["message"]["content"]) == (True, "two")
    error = await a.refused("chat:message_send", **{**original, "content": "two"})
    assert error["code"] == "IDEMPOTENCY_CONFLICT"
