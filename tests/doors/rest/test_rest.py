"""The REST routes of the main door: what they take and what they answer."""

from typing import Any

import pytest

from chatserver import schemas
from chatserver.schemas.examples import EXAMPLES
from tests.conftest import Connect, User
from tests.support.files import put
from tests.support.http import ok, open_direct, post, request
from tests.support.servers import Server
from tests.support.talks import moment_later

CONVERSATION = {
    "id", "type", "title", "description", "product", "created_by", "max_members", "member_count",
    "is_active", "settings", "created_at", "last_message_at", "last_seq", "last_message",
    "either_follows", "unread_count", "is_blocked", "blocked_by_me", "my_role", "my_settings",
    "participants",
}  # fmt: skip
MESSAGE = {
    "id", "conversation_id", "seq", "sender_id", "sender_username", "recipient_id", "content",
    "content_encrypted", "message_type", "client_message_id", "reply_to_message_id", "mentions",
    "reactions", "metadata", "is_announcement", "is_pinned", "is_edited", "is_deleted",
    "created_at", "edited_at", "updated_seq", "files", "status",
}  # fmt: skip
PARTICIPANT = {
    "user_id", "username", "display_name", "avatar_url", "role", "joined_at", "delivered_seq",
    "read_seq",
}  # fmt: skip


async def test_a_direct_conversation_is_found_or_created(
    server: Server, alice: User, bob: User
) -> None:
    """POST /api/conversations/direct answers the conversation bare, the same one to both people."""
    url = f"{server.url}/api/conversations/direct"
    made = await ok("POST", url, alice, json={"user_id": bob.id})
    assert set(made) == CONVERSATION
    assert (made["type"], made["created_by"], made["member_count"]) == ("direct", alice.id, 2)
    assert (made["product"], made["last_message"], made["unread_count"]) == (None, None, 0)
    assert all(set(participant) == PARTICIPANT for participant in made["participants"])
    assert {p["user_id"] for p in made["participants"]} == {alice.id, bob.id}
    for user, body in (
        (alice, {"userId": bob.id}),
        (bob, {"user_id": alice.id}),
        (bob, {"recipient_id": alice.id}),
    ):
        assert (await ok("POST", url, user, json=body))["id"] == made["id"]
    about = await ok("POST", url, alice, json={"user_id": bob.id, "product_id": "p-1"})
    assert about["id"] != made["id"]
    assert about["product"] == {"id": "p-1", "title": None, "image": None}


async def test_a_message_is_posted(server: Server, alice: User, bob: User) -> None:
    """POST /api/messages answers 201 with the message bare, and takes fields in either casing."""
    conversation_id = await open_direct(server, alice, bob)
    bodies: list[dict[str, Any]] = [
        {"conversation_id": conversation_id, "content_encrypted": "c2VjcmV0"},
        {"conversationId": conversation_id, "contentEncrypted": "c2VjcmV0"},
        {"recipientId": bob.id, "content_encrypted": "c2VjcmV0"},
    ]
    for seq, body in enumerate(bodies, start=2):
        message = await ok("POST", f"{server.url}/api/messages", alice, status=201, json=body)
        assert set(message) == MESSAGE
        assert (message["conversation_id"], message["seq"]) == (conversation_id, seq)
        assert (message["content"], message["content_encrypted"]) == (None, "c2VjcmV0")
        assert (message["sender_id"], message["recipient_id"]) == (alice.id, bob.id)
        assert message["status"] == "sent"


async def test_a_message_posted_by_rest_is_pushed(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """A message posted by REST reaches the sockets of both people, as the very resource answered."""
    devices = [await connect(alice), await connect(bob)]
    conversation_id = await open_direct(server, alice, bob)
    message = await post(server, alice, conversation_id, "hello")
    for device in devices:
        pushed = await device.expect("chat:message_received")
        assert pushed == {**message, "conversationId": conversation_id}


async def test_conversations_are_listed_in_pages(
    server: Server, alice: User, bob: User, carol: User
) -> None:
    """GET /api/conversations answers the most recently active first, by limit and offset."""
    older, newer = [await open_direct(server, alice, other) for other in (bob, carol)]
    await moment_later()
    last = await post(server, bob, older, "now I am the newest")
    url = f"{server.url}/api/conversations"
    everything = await ok("GET", url, alice)
    assert [c["id"] for c in everything["conversations"]] == [older, newer]
    assert everything["total"] == 2
    assert everything["pagination"] == {
        "limit": 50,
        "offset": 0,
        "hasMore": False,
        "nextCursor": None,
    }
    assert everything["conversations"][0]["last_message"] == last
    assert [c["unread_count"] for c in everything["conversations"]] == [1, 0]
    pages = [await ok("GET", f"{url}?limit=1&offset={offset}", alice) for offset in range(3)]
    assert [[c["id"] for c in page["conversations"]] for page in pages] == [[older], [newer], []]
    assert [page["pagination"]["hasMore"] for page in pages] == [True, False, False]
    assert {page["total"] for page in pages} == {2}


async def test_one_conversation(server: Server, alice: User, bob: User) -> None:
    """GET /api/conversations/:id answers it bare, with the participants and the last message."""
    conversation_id = await open_direct(server, alice, bob)
    message = await post(server, alice, conversation_id, "hello")
    url = f"{server.url}/api/conversations/{conversation_id}"
    found = await ok("GET", url, bob)
    assert set(found) == CONVERSATION
    assert (found["id"], found["last_message"], found["unread_count"]) == (
        conversation_id,
        message,
        1,
    )
    shouted = f"{server.url}/api/conversations/{conversation_id.upper()}"
    assert await ok("GET", shouted, bob) == found


async def test_history_by_offset_and_by_seq(server: Server, alice: User, bob: User) -> None:
    """GET /api/messages/:id answers pages, oldest first, by offset from the newest, or beside a seq."""
    conversation_id = await open_direct(server, alice, bob)
    for number in range(5):
        await post(server, alice, conversation_id, str(number))  # at the seqs 2 to 6
    url = f"{server.url}/api/messages/{conversation_id}"
    for query, contents, more, next_before in (
        ("", "01234", False, None),
        ("?limit=2", "34", True, 5),
        ("?limit=2&offset=2", "12", True, 3),
        ("?limit=2&offset=4", "0", False, None),
        ("?offset=5", "", False, None),
        ("?before_seq=4&limit=1", "1", True, 3),
        ("?beforeSeq=4", "01", False, None),
        ("?after_seq=4&limit=1", "3", True, 5),
        ("?afterSeq=4", "34", False, 5),
    ):
        page = await ok("GET", url + query, bob)
        assert set(page) == {"messages", "total", "pagination"}
        assert "".join(m["content"] for m in page["messages"]) == contents, query
        assert page["total"] == 5
        assert set(page["pagination"]) == {"limit", "offset", "hasMore", "nextBeforeSeq"}
        assert page["pagination"]["hasMore"] is more, query
        assert page["pagination"]["nextBeforeSeq"] == next_before, query


async def test_the_largest_offset_is_an_empty_page(server: Server, alice: User, bob: User) -> None:
    """An offset or a seq up to 2^63 - 1 is valid, and finds what is there."""
    conversation_id = await open_direct(server, alice, bob)
    await post(server, alice, conversation_id, "hello")
    for query, count in (
        ("api/conversations?offset=9223372036854775807", 0),
        (f"api/messages/{conversation_id}?offset=9223372036854775807", 0),
        (f"api/messages/{conversation_id}?after_seq=9223372036854775807", 0),
        (f"api/messages/{conversation_id}?before_seq=9223372036854775807", 1),
    ):
        page = await ok("GET", f"{server.url}/{query}", alice)
        assert len(page.get("messages", page.get("conversations"))) == count, query
        assert page["total"] == 1


async def test_status_marks_one_message(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """POST /api/messages/:id/status marks it delivered or read, and the sender's sockets hear of it."""
    a = await connect(alice)
    conversation_id = await open_direct(server, alice, bob)
    message = await post(server, alice, conversation_id, "hello")
    url = f"{server.url}/api/messages/{message['id']}/status"
    for body, status in (
        ({"status_type": "delivered"}, "delivered"),
        ({"statusType": "read"}, "read"),
    ):
        answered = await ok("POST", url, bob, json=body)
        assert answered == {"message_id": message["id"], "status_type": status}
        pushed = await a.expect("chat:message_status_updated")
        assert (pushed["messageId"], pushed["status"]) == (message["id"], status)
        history = await ok("GET", f"{server.url}/api/messages/{conversation_id}", alice)
        assert history["messages"][0]["status"] == status
    for wrong in ({}, {"status_type": "seen"}, {"status_type": ["read"]}, {"status_type": None}):
        answer = await request("POST", url, bob, json=wrong)
        assert answer.status == 400
        assert answer.error["fields"] == {"status_type": ["Must be one of: delivered, read."]}


DEVICE = EXAMPLES["push:device_add"]


async def _payload(name: str, server: Server, user: User, other: User) -> dict[str, Any]:
    """A payload that the command takes."""
    if name in ("user:block", "user:unblock"):
        return {"userId": other.id}
    if name in ("chat:conversation_open", "chat:conversation_find"):
        return {"recipientId": other.id}
    if name.startswith("group:"):
        return await _group_payload(name, server, user, other)
    if name == "user:profile_pictures":
        return {"items": [{"type": "user", "id": other.id}]}
    if name == "session:refresh":
        return {"token": user.token}
    if name.startswith("push:device_") and name != "push:device_list":
        added = await ok("POST", f"{server.url}/api/push/devices", user, status=201, json=DEVICE)
        return DEVICE if name == "push:device_add" else {"deviceId": added["id"]}
    if name == "presence:focus":
        return {"conversationId": None}
    if name.startswith("file:"):
        return await _file_payload(name, server, user, other)
    if name == "chat:search":
        return {"query": "hello"}
    if not name.startswith("chat:") or name == "chat:conversation_list":
        return {}
    conversation_id = await open_direct(server, user, other)
    message = await post(server, other, conversation_id, "hello")
    if name == "chat:message_edit":
        message = await post(server, user, conversation_id, "mine")
        return {"messageId": message["id"], "content": "changed"}
    if name == "chat:message_delete":
        return {"messageId": message["id"], "deleteForEveryone": False}
    if name in ("chat:message_pin", "chat:message_unpin"):
        return {"messageId": message["id"]}
    if name.startswith("chat:reaction_"):
        return {"messageId": message["id"], "reaction": "👍"}
    return {"conversationId": conversation_id} | {
        "chat:conversation_block": {"block": True},
        "chat:conversation_settings_set": {"archived": True},
        "chat:message_send": {"content": "hello"},
        "chat:message_delivered": {"upToSeq": message["seq"]},
        "chat:message_read": {"upToSeq": message["seq"]},
        "chat:typing": {"isTyping": True},
        "chat:sync": {"afterSeq": 0},
    }.get(name, {})


async def _file_payload(name: str, server: Server, user: User, other: User) -> dict[str, Any]:
    conversation_id = await open_direct(server, user, other)
    new = {"conversationId": conversation_id, "name": "a.txt", "size": 5, "type": "text/plain"}
    if name == "file:create":
        return new
    made = await ok("POST", f"{server.url}/api/commands/file:create", user, json=new)
    assert (await put(server.url, made, b"hello")).status == 200
    file_id = made["file"]["id"]
    return {"fileIds": [file_id]} if name == "file:links" else {"fileId": file_id}


async def _group_payload(name: str, server: Server, user: User, other: User) -> dict[str, Any]:
    if name in ("group:create", "group:list"):
        return {"title": "Climbers"} if name == "group:create" else {}
    owner, members = (other, [user.id]) if name == "group:leave" else (user, [other.id])
    url = f"{server.url}/api/conversations/group"
    body = {"title": "Climbers", "participant_ids": members}
    conversation_id = (await ok("POST", url, owner, status=201, json=body))["id"]
    return {"conversationId": conversation_id} | {
        "group:leave": {},
        "group:members": {},
        "group:delete": {},
        "group:update": {"title": "Boulderers"},
        "group:announce": {"content": "hello"},
        "group:permit": {"userId": other.id, "canAddMembers": True},
    }.get(name, {"userId": other.id})


ACKS = {
    "group:create": {"conversation"},
    "group:list": {"groups", "total", "pagination"},
    "group:member_add": {"participant"},
    "group:members": {"participants", "total", "pagination"},
    "group:promote": {"role"},
    "group:demote": {"role"},
    "group:permit": {"participant"},
    "group:update": {"conversation"},
    "group:announce": {"messageId", "message", "duplicate"},
    "file:create": {"file", "upload"},
    "file:complete": {"file"},
    "file:links": {"links"},
    "chat:search": {"results", "cursor", "complete"},
    "chat:message_send": {"messageId", "message", "duplicate"},
    "chat:message_delivered": {"updatedCount"},
    "chat:message_read": {"updatedCount"},
    "chat:message_edit": {"message"},
    "chat:reaction_add": {"reaction", "removed"},
    "chat:pins": {"messages", "total", "pagination"},
    "chat:conversation_block": {"blocked", "blockedBy"},
    "chat:conversation_settings_set": {"settings"},
    "chat:history": {"messages", "total", "pagination"},
    "push:device_add": {"device"},
    "push:device_list": {"devices"},
    "user:profile_pictures": {"status", "items", "timestamp"},
    "chat:sync": {"events", "hasMore", "limited"},
    "chat:conversation_open": {"conversation"},
    "chat:conversation_find": {"conversationId"},
    "chat:conversation_list": {"conversations", "total", "pagination", "offset"},
    "chat:conversation_get": {"conversation"},
    "presence:online": {"users"},
    "presence:list": {"users", "count"},
    "session:refresh": {"expiresAt"},
    "system:ping": {"timestamp"},
    "system:test": {"message", "timestamp"},
}


@pytest.mark.parametrize("name", [command.name for command in schemas.COMMANDS])
async def test_every_command_has_a_rest_route(
    name: str, server: Server, alice: User, bob: User
) -> None:
    """POST /api/commands/:name takes the command's payload and answers its ack."""
    payload = await _payload(name, server, alice, bob)
    ack = await ok("POST", f"{server.url}/api/commands/{name}", alice, json=payload)
    assert ack.pop("success") is True
    gives = next(command.gives for command in schemas.COMMANDS if command.name == name)
    assert bool(ack) is (gives is not None)
    if name in ACKS:
        assert set(ack) == ACKS[name]


async def test_rest_presence_is_nobody(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """A REST request is no connection: presence:online by REST makes nobody online."""
    await open_direct(server, alice, bob)
    b = await connect(bob)
    assert (await ok("POST", f"{server.url}/api/commands/presence:online", alice))["users"] == [
        {"userId": bob.id, "username": bob.id, "displayName": "Bob"}
    ]
    assert (await b.do("presence:list"))["users"] == []
    await b.settled()
    assert b.seen("user:status_changed") == []
