"""The REST routes of edits, deletions, reactions and conversation blocks."""

from uuid import uuid4

import pytest

from tests.conftest import Connect, User
from tests.doors.rest.test_rest import MESSAGE, open_direct, post
from tests.support.http import ok, request
from tests.support.servers import Server


async def test_patch_edits(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """PATCH /api/messages/:id answers the message bare, in either casing, and is pushed."""
    b = await connect(bob)
    conversation_id = await open_direct(server, alice, bob)
    message = await post(server, alice, conversation_id, "one")
    url = f"{server.url}/api/messages/{message['id']}"
    for body in ({"content_encrypted": "c2VjcmV0"}, {"contentEncrypted": "b3RoZXI="}):
        edited = await ok("PATCH", url, alice, json=body)
        assert set(edited) == MESSAGE
        assert (edited["id"], edited["is_edited"], edited["content"]) == (message["id"], True, None)
        assert edited["content_encrypted"] in body.values()
        assert (await b.expect("chat:message_edited"))["message"] == edited
    answer = await request("PATCH", url, bob, json={"content": "two"})
    assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
    answer = await request("PATCH", url, alice, json={})
    assert (answer.status, list(answer.error["fields"])) == (400, ["content"])
    answer = await request("PATCH", url, alice, json={"content": "x", "contentEncrypted": "y"})
    assert (answer.status, list(answer.error["fields"])) == (400, ["content_encrypted"])


async def test_delete_erases_or_hides(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """DELETE /api/messages/:id erases for everyone; `?delete_for_everyone=false` deletes for the caller alone."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await open_direct(server, alice, bob)
    messages = [
        await post(server, alice, conversation_id, text) for text in ("one", "two", "three")
    ]
    urls = [f"{server.url}/api/messages/{message['id']}" for message in messages]
    for query in ("?delete_for_everyone=false", "?deleteForEveryone=false"):
        assert await ok("DELETE", urls[0] + query, bob) == {"success": True}
    assert (await b.expect("chat:message_deleted"))["deleteForEveryone"] is False
    assert await ok("DELETE", urls[1], alice) == {"success": True}
    assert await ok("DELETE", f"{urls[2]}?delete_for_everyone=true", alice) == {"success": True}
    for device in (a, b):
        for message in messages[1:]:
            pushed = await device.expect("chat:message_deleted")
            assert (pushed["messageId"], pushed["deletedBy"]) == (message["id"], alice.id)
    history = await ok("GET", f"{server.url}/api/messages/{conversation_id}", bob)
    assert [m["is_deleted"] for m in history["messages"]] == [True, True]
    answer = await request("DELETE", urls[1], alice)
    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")
    answer = await request("DELETE", f"{urls[0]}?delete_for_everyone=maybe", alice)
    assert (answer.status, list(answer.error["fields"])) == (400, ["delete_for_everyone"])
    answer = await request("DELETE", urls[0], bob)
    assert answer.status == 404, "it is not there for bob"


async def test_reactions(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """POST …/reactions answers as the guide has it and toggles; DELETE takes away, with an emoji or without."""
    a = await connect(alice)
    message = await post(server, alice, await open_direct(server, alice, bob), "hello")
    url = f"{server.url}/api/messages/{message['id']}/reactions"
    for removed in (False, True, False):
        answered = await ok("POST", url, bob, json={"emoji": "😂"})
        assert answered == {
            "message_id": message["id"],
            "reaction_emoji": "😂",
            "removed": removed,
        }
    assert await ok("DELETE", url, bob, json={"emoji": "👍"}) == {"success": True}
    assert await ok("DELETE", f"{url}?emoji=%F0%9F%98%82", bob) == {"success": True}
    assert await ok("DELETE", url, bob) == {"success": True}
    await a.settled()
    pushes = [(name, data["seq"]) for name, data in a.pushes if "reaction" in name]
    assert pushes == [
        ("chat:reaction_added", 3),
        ("chat:reaction_removed", 4),
        ("chat:reaction_added", 5),
        ("chat:reaction_removed", 6),
    ]
    for method, body in (("POST", {}), ("POST", {"emoji": ""}), ("DELETE", {"emoji": 5})):
        answer = await request(method, url, bob, json=body)
        assert (answer.status, list(answer.error["fields"])) == (400, ["emoji"])


async def test_block(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """POST /api/conversations/:id/block answers who blocks; sending is 403 for both meanwhile."""
    b = await connect(bob)
    conversation_id = await open_direct(server, alice, bob)
    url = f"{server.url}/api/conversations/{conversation_id}/block"
    message = {"conversation_id": conversation_id, "content": "hi"}
    for block, blocked_by, status in ((True, alice.id, 403), (False, None, 201)):
        state = {"blocked": block, "blocked_by": blocked_by}
        answered = await ok("POST", url, alice, json={"block": block})
        assert answered == {"conversation_id": conversation_id, **state}
        pushed = await b.expect("chat:conversation_blocked")
        assert (pushed["blocked"], pushed["blockedBy"]) == (block, blocked_by)
        for user in (alice, bob):
            answer = await request("POST", f"{server.url}/api/messages", user, json=message)
            assert answer.status == status


async def test_the_idempotency_key_makes_changes_repeatable(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """The header Idempotency-Key is the requestId: retries have no second effect; another body is 409."""
    b = await connect(bob)
    conversation_id = await open_direct(server, alice, bob)
    message = await post(server, alice, conversation_id, "hello")
    url = f"{server.url}/api/messages/{message['id']}"
    key = {"Idempotency-Key": "k-1"}
    for _ in range(2):
        reacted = await ok("POST", f"{url}/reactions", bob, json={"emoji": "😂"}, headers=key)
        assert reacted["removed"] is False
        await ok("PATCH", url, alice, json={"content": "edited"}, headers=key)
    answer = await request("PATCH", url, alice, json={"content": "other"}, headers=key)
    assert (answer.status, answer.error["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    for _ in range(2):
        assert await ok("DELETE", url, alice, headers=key) == {"success": True}
    await b.settled()
    assert [data["seq"] for name, data in b.pushes if "seq" in data] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("wanted", [None, "not-a-uuid", "{braces}"])
async def test_ids_that_name_nothing(wanted: str | None, server: Server, alice: User) -> None:
    """An unknown id is 404 on each route, and what is no UUID is 400 naming it."""
    for method, path, body, field in (
        ("PATCH", "messages/{}", {"content": "x"}, "message_id"),
        ("DELETE", "messages/{}", None, "message_id"),
        ("POST", "messages/{}/reactions", {"emoji": "x"}, "message_id"),
        ("DELETE", "messages/{}/reactions", None, "message_id"),
        ("POST", "conversations/{}/block", {"block": True}, "conversation_id"),
    ):
        url = f"{server.url}/api/{path.format(wanted or uuid4())}"
        answer = await request(method, url, alice, json=body)
        assert answer.status == (400 if wanted else 404), path
        if wanted:
            assert answer.error["fields"] == {field: ["Must be a UUID."]}
