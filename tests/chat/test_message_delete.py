"""Deleting: for everyone, which leaves a tombstone, or for oneself alone."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from tests.conftest import Connect, Resume, User, token_for
from tests.support.device import Device
from tests.support.dumps import dump
from tests.support.servers import local_server
from tests.support.talks import group_of, history, opened, said, sync

Pool = asyncpg.Pool


def _tombstone(message: dict[str, Any], seq: int) -> dict[str, Any]:
    """A message after the event that erased it."""
    gone = {"content": None, "content_encrypted": None, "metadata": {}, "mentions": []}
    gone |= {"reactions": [], "is_pinned": False, "is_deleted": True, "updated_seq": seq}
    return {**message, **gone}


async def test_erasing_leaves_a_tombstone(connect: Connect, alice: User, bob: User) -> None:
    """A message that its sender deletes is gone for everyone at once; a tombstone keeps its seq."""
    devices = [await connect(user) for user in (alice, alice, bob, bob)]
    a, b = devices[0], devices[2]
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "regret", metadata={"k": 1}, clientMessageId="id-1")
    kept = await said(a, conversation_id, "no regret")
    await b.do("chat:reaction_add", messageId=sent["id"], reaction="👍")
    assert await a.do("chat:message_delete", messageId=sent["id"]) == {"success": True}
    for device in devices:
        assert await device.expect("chat:message_deleted") == {
            "conversationId": conversation_id,
            "seq": 5,
            "messageId": sent["id"],
            "deleteForEveryone": True,
            "deletedBy": alice.id,
        }
    for device in (a, b):
        assert await history(device, conversation_id) == [_tombstone(sent, 5), kept]
    card = (await b.do("chat:conversation_get", conversationId=conversation_id))["conversation"]
    assert (card["unread_count"], card["last_seq"]) == (1, 5)


async def test_what_was_replayed_is_the_tombstone(connect: Connect, alice: User, bob: User) -> None:
    """Sync shows the posting and the edits of an erased message without its content; seqs have no gap."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "regret")
    edited = await a.do("chat:message_edit", messageId=sent["id"], content="worse")
    await b.do("chat:reaction_add", messageId=sent["id"], reaction="👎")
    await a.do("chat:message_delete", messageId=sent["id"], deleteForEveryone=True)
    events = (await sync(b, conversation_id))[1:]
    gone = _tombstone(edited["message"], 5)
    assert events[:2] == [
        ("chat:message_received", {**gone, "conversationId": conversation_id}),
        (
            "chat:message_edited",
            {"conversationId": conversation_id, "seq": 3, "messageId": sent["id"], "message": gone},
        ),
    ]
    assert [(name, data["seq"]) for name, data in events[2:]] == [
        ("chat:reaction_removed", 4),
        ("chat:message_deleted", 5),
    ]


async def test_an_erased_message_does_not_exist_for_any_change(
    connect: Connect, alice: User, bob: User
) -> None:
    """Whatever is done to an erased message is RESOURCE_NOT_FOUND, and changes nothing."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "regret")
    await a.do("chat:message_delete", messageId=sent["id"])
    for device in (a, b):
        for command, more in (
            ("chat:message_edit", {"content": "back"}),
            ("chat:message_delete", {}),
            ("chat:message_delete", {"deleteForEveryone": False}),
            ("chat:reaction_add", {"reaction": "👍"}),
            ("chat:reaction_remove", {}),
            ("chat:message_read", {}),
        ):
            error = await device.refused(command, messageId=sent["id"], **more)
            assert error["code"] == "RESOURCE_NOT_FOUND", command
    error = await b.refused(
        "chat:message_send",
        conversationId=conversation_id,
        content="what?",
        replyToMessageId=sent["id"],
    )
    assert error["code"] == "RESOURCE_NOT_FOUND"
    assert (await sync(a, conversation_id, after=3)) == []


async def test_a_late_retry_does_not_bring_it_back(
    connect: Connect, alice: User, bob: User
) -> None:
    """The original send again, after its message was erased, is a duplicate: the tombstone."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    original = {"conversationId": conversation_id, "content": "regret", "clientMessageId": "id-1"}
    sent = await a.do("chat:message_send", **original)
    await a.do("chat:message_delete", messageId=sent["messageId"])
    again = await a.do("chat:message_send", **original)
    assert (again["messageId"], again["duplicate"]) == (sent["messageId"], True)
    assert again["message"] == _tombstone(sent["message"], 3)
    assert len(await history(a, conversation_id)) == 1


async def test_who_may_erase(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User, carol: User
) -> None:
    """In a direct conversation the sender alone; in a group moderators and up, too; a stranger finds nothing."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    sent = await said(a, await opened(a, bob), "mine")
    assert (await b.refused("chat:message_delete", messageId=sent["id"]))[
        "code"
    ] == "PERMISSION_DENIED"
    errors = [
        await c.refused("chat:message_delete", messageId=wanted, **more)
        for wanted in (sent["id"], str(uuid4()))
        for more in ({}, {"deleteForEveryone": False})
    ]
    assert errors == [errors[0]] * 4
    assert errors[0]["code"] == "RESOURCE_NOT_FOUND"
    for role, may in (("owner", 1), ("admin", 1), ("moderator", 1), ("member", 0)):
        roles = {bob: role, carol: "member"} | ({} if role == "owner" else {alice: "owner"})
        group_id = await group_of(db, roles)
        judge, speaker = await connect(bob), await connect(carol)
        message = await said(speaker, group_id, "a word")
        ack = await judge.ask("chat:message_delete", {"messageId": message["id"]})
        assert ack["success"] is bool(may), role
        if may:
            pushed = await speaker.expect(
                "chat:message_deleted",
                lambda push, wanted=message["id"]: push["messageId"] == wanted,
            )
            assert (pushed["messageId"], pushed["deletedBy"]) == (message["id"], bob.id)
        else:
            assert ack["error"]["code"] == "PERMISSION_DENIED"
            await speaker.do("chat:message_delete", messageId=message["id"])


async def test_a_block_keeps_nobody_from_taking_words_back(
    connect: Connect, alice: User, bob: User
) -> None:
    """Blocked by the other person, the sender still erases, and either deletes for themselves."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    first, second = [await said(a, conversation_id, text) for text in ("one", "two")]
    await b.do("user:block", userId=alice.id)
    await a.do("chat:message_delete", messageId=first["id"])
    await a.do("chat:message_delete", messageId=second["id"], deleteForEveryone=False)
    await b.do("chat:message_delete", messageId=second["id"], deleteForEveryone=False)
    await b.expect("chat:message_deleted", lambda push: push["deleteForEveryone"])


async def test_deleting_for_oneself(connect: Connect, alice: User, bob: User) -> None:
    """A message deleted for oneself is gone from one's own devices, history and sync, and nobody else's."""
    a, b1, b2 = [await connect(user) for user in (alice, bob, bob)]
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "not for me")
    other = await said(a, conversation_id, "for me")
    deletion = {"messageId": sent["id"], "deleteForEveryone": False}
    for _ in range(2):
        assert await b1.do("chat:message_delete", **deletion) == {"success": True}
    for device in (b1, b2):
        assert await device.expect("chat:message_deleted") == {
            "conversationId": conversation_id,
            "messageId": sent["id"],
            "deleteForEveryone": False,
            "personalSeq": 1,
        }
    await a.do("chat:message_edit", messageId=sent["id"], content="still not")
    assert [m["id"] for m in await history(b1, conversation_id)] == [other["id"]]
    assert [m["id"] for m in await history(a, conversation_id)] == [sent["id"], other["id"]]
    assert [data["seq"] for _, data in await sync(b1, conversation_id)] == [1, 3]
    assert [data["seq"] for _, data in await sync(a, conversation_id)] == [1, 2, 3, 4]
    card = (await b1.do("chat:conversation_get", conversationId=conversation_id))["conversation"]
    assert (card["unread_count"], card["last_seq"]) == (1, 4)
    for command, more in (
        ("chat:reaction_add", {"reaction": "👍"}),
        ("chat:reaction_remove", {}),
        ("chat:message_delete", {}),
    ):
        error = await b1.refused(command, messageId=sent["id"], **more)
        assert error["code"] == "RESOURCE_NOT_FOUND", "it is not there for them any more"
    for device in (a, b1, b2):
        await device.settled()
        assert device.seen("chat:message_deleted") == []


async def test_deletions_are_repeatable(connect: Connect, alice: User, bob: User) -> None:
    """The same requestId answers success again, with no second event; for another message it is a conflict."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    first, second = [await said(a, conversation_id, text) for text in ("one", "two")]
    acks = await asyncio.gather(
        *(a.do("chat:message_delete", messageId=first["id"], requestId="r-1") for _ in range(10))
    )
    assert acks == [{"success": True}] * 10
    for for_everyone in (True, False):
        error = await a.refused(
            "chat:message_delete",
            messageId=second["id"] if for_everyone else first["id"],
            deleteForEveryone=for_everyone,
            requestId="r-1",
        )
        assert error["code"] == "IDEMPOTENCY_CONFLICT"
    own = {"messageId": second["id"], "deleteForEveryone": False, "requestId": "r-2"}
    await asyncio.gather(*(b.do("chat:message_delete", **own) for _ in range(10)))
    await b.settled()
    assert [push.get("seq", "own") for push in b.seen("chat:message_deleted")] == [4, "own"]


async def test_a_dump_shows_nothing_of_an_erased_message(fresh_dsn: str) -> None:
    """After an erase no table holds the message's ciphertexts, nonces, fingerprints, reactions or pin."""
    async with local_server(fresh_dsn) as server:
        db = await asyncpg.connect(fresh_dsn)
        await db.execute("INSERT INTO chat_users (user_id, username) VALUES ('a', 'a'), ('b', 'b')")
        device = await Device(server.url, token_for("a")).connect()
        sent = await device.do(
            "chat:message_send", recipientId="b", content="regret", clientMessageId="id-1"
        )
        message_id = UUID(sent["messageId"])

        async def traces() -> set[bytes]:
            row = await db.fetchrow(
                "SELECT ciphertext, nonce, fingerprint FROM messages WHERE id = $1", message_id
            )
            assert row is not None
            edits = await db.fetch("SELECT fingerprint FROM requests")
            return {*row.values(), *(edit["fingerprint"] for edit in edits)}

        found = await traces()
        edit = {"messageId": str(message_id), "content": "worse", "requestId": "r-1"}
        await device.do("chat:message_edit", **edit)
        found |= await traces()
        assert len(found) == 6, "two bodies, two nonces, the fingerprints of the send and the edit"
        await device.do("chat:reaction_add", messageId=str(message_id), reaction="👎")
        await device.do("chat:reaction_add", messageId=str(message_id), reaction="for shame")
        await db.execute(
            "INSERT INTO pins SELECT conversation_id, id, 'a', now() FROM messages WHERE id = $1",
            message_id,
        )
        await device.do("chat:message_delete", messageId=str(message_id))
        error = await device.refused("chat:message_edit", **edit)
        assert error["code"] == "RESOURCE_NOT_FOUND"
        (tombstone,) = await history(device, sent["message"]["conversation_id"])
        assert tombstone["is_pinned"] is False
        assert await db.fetchval("SELECT count(*) FROM reactions") == 0
        assert await db.fetchval("SELECT count(*) FROM pins") == 0
        await device.close()
        await db.close()
    text = await asyncio.to_thread(dump, fresh_dsn)
    assert str(message_id) in text, "the dump holds the tombstone"
    assert "for shame" not in text
    assert "👎" not in text
    for trace in found:
        assert trace.hex() not in text


async def test_no_replay_tells_of_an_erased_messages_reactions(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """What people reacted with to an erased message is in no sync and no replay, which miss no seq for it."""
    a, b = await connect(alice), await connect(bob)
    sent = await a.do("chat:message_send", recipientId=bob.id, content="regret")
    talk, message_id = sent["message"]["conversation_id"], sent["messageId"]
    await b.do("chat:reaction_add", messageId=message_id, reaction="for shame")
    await a.do("chat:reaction_add", messageId=message_id, reaction="sorry")
    await a.do("chat:message_delete", messageId=message_id)
    synced = (await b.do("chat:sync", conversationId=talk, afterSeq=0))["events"]
    assert [event["data"]["seq"] for event in synced] == [1, 2, 3, 4, 5]
    assert [event["event"] for event in synced[2:4]] == ["chat:reaction_removed"] * 2
    back = await resume(bob, positions={"epoch": b.ready["epoch"], "me": 0, talk: 0})
    assert back.seqs(talk) == [1, 2, 3, 4, 5]
    for shown in (str(synced), str(back.events)):
        assert "for shame" not in shown
        assert "sorry" not in shown


async def test_a_page_deleted_for_oneself_has_a_page_before_it(
    connect: Connect, alice: User, bob: User
) -> None:
    """Where a whole page of messages is deleted for oneself, nextBeforeSeq still leads to the page before."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    sent = [await said(a, conversation_id, f"text {n}") for n in range(4)]
    for message in sent[2:]:
        await a.do("chat:message_delete", messageId=message["id"], deleteForEveryone=False)
    page = await a.do("chat:history", conversationId=conversation_id, limit=2)
    assert (page["messages"], page["pagination"]["hasMore"]) == ([], True)
    before = page["pagination"]["nextBeforeSeq"]
    page = await a.do("chat:history", conversationId=conversation_id, limit=2, beforeSeq=before)
    assert [message["content"] for message in page["messages"]] == ["text 0", "text 1"]
    assert page["pagination"]["nextBeforeSeq"] is None
