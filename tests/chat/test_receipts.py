"""Delivered and read: exact per message, one row per member."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.talks import opened

Pool = asyncpg.Pool


async def _chat(a: Device, bob: User, texts: int) -> tuple[str, list[str]]:
    conversation_id = await opened(a, bob)
    sent = [
        (await a.do("chat:message_send", conversationId=conversation_id, content=f"text {n}"))[
            "messageId"
        ]
        for n in range(texts)
    ]
    return conversation_id, sent


async def _unread(device: Device, conversation_id: str) -> int:
    ack = await device.do("chat:conversation_get", conversationId=conversation_id)
    unread: int = ack["conversation"]["unread_count"]
    return unread


async def test_reading_is_exact(connect: Connect, alice: User, bob: User) -> None:
    """Reading the third of five messages leaves four unread, and shows as read on that one alone."""
    a, b = await connect(alice), await connect(bob)
    conversation_id, sent = await _chat(a, bob, 5)
    assert await _unread(b, conversation_id) == 5
    assert (await b.do("chat:message_read", messageId=sent[2]))["updatedCount"] == 1
    assert await _unread(b, conversation_id) == 4
    history = await a.do("chat:history", conversationId=conversation_id)
    assert [m["status"] for m in history["messages"]] == [
        "delivered",
        "delivered",
        "read",
        "sent",
        "sent",
    ]
    update = await a.expect("chat:message_status_updated")
    timestamp = update.pop("timestamp")
    assert timestamp.endswith("Z")
    assert update == {
        "conversationId": conversation_id,
        "upToSeq": 4,
        "messageIds": [sent[2]],
        "messageId": sent[2],
        "status": "read",
        "userId": bob.id,
        "readBy": bob.id,
    }


async def test_statuses_go_one_way(connect: Connect, alice: User, bob: User) -> None:
    """A message is sent, then delivered, then read; a late delivery receipt changes nothing and tells nobody."""
    a, b = await connect(alice), await connect(bob)
    conversation_id, (message_id,) = await _chat(a, bob, 1)

    async def status() -> str:
        history = await a.do("chat:history", conversationId=conversation_id)
        found: str = history["messages"][0]["status"]
        return found

    assert await status() == "sent"
    assert (await b.do("chat:message_delivered", messageId=message_id))["updatedCount"] == 1
    assert await status() == "delivered"
    update = await a.expect("chat:message_status_updated")
    assert (update["status"], update["deliveredBy"]) == ("delivered", bob.id)
    await b.do("chat:message_read", messageId=message_id)
    assert await status() == "read"
    await a.expect("chat:message_status_updated")
    assert (await b.do("chat:message_delivered", messageId=message_id))["updatedCount"] == 0
    assert (await b.do("chat:message_read", messageId=message_id))["updatedCount"] == 0
    assert await status() == "read"
    assert a.seen("chat:message_status_updated") == []


async def test_reading_in_order_is_one_range(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Messages of two people in turn, read one by one, collapse into a single range."""
    a, b = await connect(alice), await connect(bob)
    conversation_id, _ = await _chat(a, bob, 0)
    for n in range(6):
        sent = await a.do("chat:message_send", conversationId=conversation_id, content=f"a {n}")
        await b.do("chat:message_send", conversationId=conversation_id, content=f"b {n}")
        await b.do("chat:message_read", messageId=sent["messageId"])
    ranges = await db.fetchval(
        "SELECT read_seqs::text FROM participants WHERE conversation_id = $1 AND user_id = $2",
        UUID(conversation_id),
        bob.id,
    )
    assert ranges == "{[1,13)}"
    assert await _unread(b, conversation_id) == 0
    assert await _unread(a, conversation_id) == 6


async def test_several_at_once_and_up_to(connect: Connect, alice: User, bob: User) -> None:
    """Receipts name several messages, or everything up to a seq; the ack counts what was new."""
    a, b = await connect(alice), await connect(bob)
    conversation_id, sent = await _chat(a, bob, 6)
    ack = await b.do("chat:message_read", messageIds=[sent[4], sent[0], sent[4]])
    assert ack["updatedCount"] == 2
    for message_id in (sent[0], sent[4]):
        update = await a.expect("chat:message_status_updated")
        assert (update["messageId"], update["messageIds"]) == (message_id, [message_id])
        assert update["upToSeq"] == 6
    ack = await b.do("chat:message_read", conversationId=conversation_id, upToSeq=4)
    assert ack["updatedCount"] == 2
    assert await _unread(b, conversation_id) == 2


async def test_up_to_a_seq_that_does_not_exist_yet_reads_nothing_of_the_future(
    connect: Connect, alice: User, bob: User
) -> None:
    """upToSeq past the end means the end: a message that comes later is unread and undelivered."""
    a, b = await connect(alice), await connect(bob)
    conversation_id, _ = await _chat(a, bob, 2)
    for command in ("chat:message_delivered", "chat:message_read"):
        ack = await b.do(command, conversationId=conversation_id, upToSeq=2**63 - 1)
        assert ack["updatedCount"] == 2
    sent = await a.do("chat:message_send", conversationId=conversation_id, content="later")
    assert await _unread(b, conversation_id) == 1
    history = await a.do("chat:history", conversationId=conversation_id, limit=1)
    assert (history["messages"][0]["id"], history["messages"][0]["status"]) == (
        sent["messageId"],
        "sent",
    )


async def test_ones_own_messages_are_passed_over(connect: Connect, alice: User, bob: User) -> None:
    """Marking one's own message changes nothing, and one's own messages are never unread."""
    a = await connect(alice)
    conversation_id, sent = await _chat(a, bob, 3)
    assert (await a.do("chat:message_read", messageIds=sent))["updatedCount"] == 0
    assert await _unread(a, conversation_id) == 0
    assert a.seen("chat:message_status_updated") == []


async def test_a_strangers_receipt_is_refused(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Who is no member may mark nothing and learns nothing; one unknown message spoils the whole receipt."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    conversation_id, sent = await _chat(a, bob, 1)
    unknown = str(uuid4())
    for payload in (
        {"messageId": sent[0]},
        {"messageIds": sent},
        {"conversationId": conversation_id, "upToSeq": 1},
    ):
        error = await c.refused("chat:message_read", **payload)
        assert error["code"] == "RESOURCE_NOT_FOUND"
    error = await b.refused("chat:message_read", messageIds=[sent[0], unknown])
    assert error["code"] == "RESOURCE_NOT_FOUND"
    assert await _unread(b, conversation_id) == 1


@pytest.mark.parametrize("command", ["chat:message_read", "chat:message_delivered"])
async def test_what_is_gone_fails_no_receipt_of_several(
    command: str, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Of several messages those that are erased or deleted for oneself are passed over; the others are marked."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    _, sent = await _chat(a, bob, 5)
    _, (foreign,) = await _chat(c, alice, 1)
    await a.do("chat:message_delete", messageId=sent[1])
    await b.do("chat:message_delete", messageId=sent[3], deleteForEveryone=False)
    for gone in (sent[1], sent[3]):
        assert (await b.refused(command, messageId=gone))["code"] == "RESOURCE_NOT_FOUND"
        assert await b.do(command, messageIds=[gone]) == {"success": True, "updatedCount": 0}
    # Of another's message no receipt is taken, whatever else it names.
    for unknown in (foreign, str(uuid4())):
        error = await b.refused(command, messageIds=[*sent, unknown])
        assert error["code"] == "RESOURCE_NOT_FOUND"
    ack = await b.do(command, messageIds=sent, requestId="r-1")
    standing = [sent[0], sent[2], sent[4]]
    # Delivery is in order: what stands before the last one named was received, too, though it is not shown.
    assert ack["updatedCount"] == (3 if command == "chat:message_read" else 4)
    assert await b.do(command, messageIds=sent, requestId="r-1") == ack
    told = [await a.expect("chat:message_status_updated") for _ in range(ack["updatedCount"])]
    assert set(standing) <= {update["messageId"] for update in told}
    assert (await b.do(command, messageIds=sent))["updatedCount"] == 0


async def test_what_is_hidden_fails_no_receipt_of_several(
    connect: Connect, alice: User, bob: User
) -> None:
    """Messages that one has hidden with their conversation are passed over; those since are marked."""
    a, b = await connect(alice), await connect(bob)
    conversation_id, sent = await _chat(a, bob, 2)
    await b.do("chat:conversation_delete", conversationId=conversation_id)
    later = await a.do("chat:message_send", conversationId=conversation_id, content="later")
    ack = await b.do("chat:message_read", messageIds=[*sent, later["messageId"]])
    assert ack["updatedCount"] == 1
    update = await a.expect("chat:message_status_updated")
    assert update["messageIds"] == [later["messageId"]]


async def test_unread_counts_stop_at_a_thousand(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Past a thousand unread messages the count says a thousand."""
    a, b = await connect(alice), await connect(bob)
    conversation_id, _ = await _chat(a, bob, 1)
    await db.execute(
        """
        WITH copies AS (
            INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id,
                                  nonce, ciphertext, created_at)
            SELECT conversation_id, seq + n, number + n, gen_random_uuid(), sender_id, message_type, version,
                   key_id, nonce, ciphertext, created_at
            FROM messages, generate_series(1, 1200) n WHERE conversation_id = $1)
        UPDATE conversations SET last_seq = 1202, last_number = 1201, last_message_seq = 2 WHERE id = $1
        """,
        UUID(conversation_id),
    )
    # The copies do not open (each text is sealed for its own message), and nothing here reads them.
    await a.do("chat:message_send", conversationId=conversation_id, content="the last")
    assert await _unread(b, conversation_id) == 1000
    ack = await b.do("chat:message_read", conversationId=conversation_id, upToSeq=1203)
    assert ack["updatedCount"] == 1202
    update = await a.expect("chat:message_status_updated")
    assert (update["messageIds"], update["upToSeq"]) == ([], 1203)
    assert await _unread(b, conversation_id) == 0
