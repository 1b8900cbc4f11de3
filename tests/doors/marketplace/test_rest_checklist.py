"""The lines of the document's testing checklist about REST: each is a test of its name."""

import re

from tests.conftest import User
from tests.doors.marketplace import document
from tests.support.marketplace import Trade, asked, market, refusal, send
from tests.support.servers import Server

UNKNOWN = "0199a0e0-0000-7000-8000-000000000000"


def test_every_line_has_its_test() -> None:
    """Each line of the checklist stands here as a test that is named after it."""
    for line in document.checklist("### REST API Tests"):
        name = "test_" + re.sub(r"[^a-z0-9]+", "_", line.lower()).strip("_")
        assert name in globals(), line


async def test_get_api_conversations_returns_user_s_conversations(
    server: Server, traders: Trade
) -> None:
    """GET /api/conversations returns the caller's conversations, the one with the newest message first."""
    jane, john = traders.jane, traders.john
    first = await send(server, jane, recipientId=john.id, text="Hello")
    second = await send(
        server, jane, recipientId=john.id, productId=traders.product, text="The camera?"
    )
    await send(server, john, conversationId=first["conversationId"], text="Hello yourself")
    for person, other, unread in ((jane, john, [1, 0]), (john, jane, [1, 1])):
        found = await asked(server, "GET", "/conversations", person)
        ids = [first["conversationId"], second["conversationId"]]
        assert [each["id"] for each in found] == ids
        assert [each["productId"] for each in found] == [None, traders.product]
        assert [each["participantId"] for each in found] == [other.id] * 2
        assert [each["lastMessage"] for each in found] == ["Hello yourself", "The camera?"]
        assert [each["unreadCount"] for each in found] == unread


async def test_get_api_messages_with_conversationid_returns_messages(
    server: Server, traders: Trade
) -> None:
    """GET /api/messages with conversationId returns its messages, oldest first, to both people alike."""
    jane, john = traders.jane, traders.john
    sent = [await send(server, jane, recipientId=john.id, text="1")]
    conversation_id = sent[0]["conversationId"]
    sent.append(await send(server, john, conversationId=conversation_id, text="2"))
    for person in (jane, john):
        path = f"/messages?conversationId={conversation_id}"
        assert await asked(server, "GET", path, person) == sent


async def test_get_api_messages_with_recipientid_creates_new_conversation(
    server: Server, traders: Trade
) -> None:
    """GET /api/messages with recipientId is an empty array; the first message creates the conversation.

    The document's text says so, and its checklist says otherwise: the text counts.
    """
    path = f"/messages?recipientId={traders.john.id}&productId={traders.product}"
    assert await asked(server, "GET", path, traders.jane) == []
    assert await asked(server, "GET", "/conversations", traders.jane) == []
    sent = await send(
        server,
        traders.jane,
        recipientId=traders.john.id,
        productId=traders.product,
        text="Is it still there?",
    )
    assert await asked(server, "GET", path, traders.jane) == [sent]


async def test_post_api_messages_creates_message_and_updates_conversation(
    server: Server, traders: Trade
) -> None:
    """POST /api/messages answers 201 with the message, which is then the conversation's last."""
    sent = await send(server, traders.jane, recipientId=traders.john.id, text="Hello")
    assert (sent["senderId"], sent["recipientId"]) == (traders.jane.id, traders.john.id)
    assert (sent["senderName"], sent["senderEmail"]) == ("Jane Smith", "jane@example.com")
    assert (sent["text"], sent["read"], sent["productId"]) == ("Hello", False, None)
    path = f"/conversations/{sent['conversationId']}"
    found = await asked(server, "GET", path, traders.john)
    assert (found["lastMessage"], found["lastMessageAt"]) == ("Hello", sent["createdAt"])


async def test_post_api_messages_fails_when_conversation_blocked(
    server: Server, traders: Trade
) -> None:
    """POST /api/messages is 403 for both people while either blocks the conversation."""
    jane, john = traders.jane, traders.john
    sent = await send(server, jane, recipientId=john.id, text="Hello")
    block = f"/conversations/{sent['conversationId']}/block"
    await asked(server, "POST", block, john, json={"block": True})
    for person, other in ((jane, john), (john, jane)):
        for whom in ({"conversationId": sent["conversationId"]}, {"recipientId": other.id}):
            body = {**whom, "text": "No"}
            answer = await market(server, "POST", "/messages", person, json=body)
            assert refusal(answer) == (403, "USER_BLOCKED")


async def test_patch_api_messages_mark_read_updates_read_status(
    server: Server, traders: Trade
) -> None:
    """PATCH /api/messages/mark-read marks what was not read yet, and counts that alone."""
    jane, john = traders.jane, traders.john
    sent = [await send(server, jane, recipientId=john.id, text=text) for text in "abc"]
    ids = [message["id"] for message in sent]
    for named, count in ((ids[:1], 1), (ids, 2), (ids, 0), ([], 0)):
        body = {"messageIds": named}
        found = await asked(server, "PATCH", "/messages/mark-read", john, json=body)
        assert found == {"updatedCount": count}
    path = f"/messages?conversationId={sent[0]['conversationId']}"
    assert [m["read"] for m in await asked(server, "GET", path, jane)] == [True] * 3
    path = f"/conversations/{sent[0]['conversationId']}"
    assert (await asked(server, "GET", path, john))["unreadCount"] == 0


async def test_post_api_conversations_id_block_blocks_conversation(
    server: Server, traders: Trade
) -> None:
    """POST /api/conversations/{id}/block blocks it for both, and lifts the caller's own block."""
    jane, john = traders.jane, traders.john
    sent = await send(server, jane, recipientId=john.id, text="Hello")
    path = f"/conversations/{sent['conversationId']}"
    for block in (True, False):
        body = {"block": block}
        answered = await asked(server, "POST", f"{path}/block", jane, json=body)
        assert answered == {
            "conversationId": sent["conversationId"],
            "blocked": block,
            "blockedBy": jane.id if block else None,
        }
        for person, by_me in ((jane, block), (john, False)):
            found = await asked(server, "GET", path, person)
            assert (found["isBlocked"], found["blockedByMe"]) == (block, by_me)
    await send(server, john, conversationId=sent["conversationId"], text="Hello again")


async def test_unauthorized_requests_return_401(server: Server) -> None:
    """Every route is 401 without a token, and with one that does not hold."""
    routes = [
        document.endpoint(heading)
        for heading in (
            "### 1. Get User Conversations",
            "### 2. Get Conversation by ID",
            "### 3. Get Messages",
            "### 4. Send Message (REST Fallback)",
            "### 5. Mark Messages as Read",
            "### 6. Block/Unblock Conversation",
        )
    ]
    for method, path in routes:
        path = path.removeprefix("/api").replace("{conversationId}", UNKNOWN)
        for user, code in ((None, "AUTH_REQUIRED"), (User("jane", "no.to.ken"), "AUTH_FAILED")):
            answer = await market(server, method, path, user)
            assert refusal(answer) == (401, code)
            assert answer.body["error"] == "Unauthorized"
