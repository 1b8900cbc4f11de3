"""Groups over REST, and across processes."""

import asyncio

import pytest

from tests.conftest import Connect, User
from tests.doors.rest.test_rest import CONVERSATION
from tests.support.groups import create
from tests.support.http import create_group, ok, request
from tests.support.servers import Server


async def test_a_group_is_created(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """POST /api/conversations/group answers 201 with the conversation bare, and takes either casing."""
    b = await connect(bob)
    url = f"{server.url}/api/conversations/group"
    for body in (
        {"title": "A", "participant_ids": [bob.id], "description": "d", "max_members": 5},
        {"title": "A", "participantIds": [bob.id], "description": "d", "maxMembers": 5},
    ):
        group = await ok("POST", url, alice, status=201, json=body)
        assert set(group) == CONVERSATION
        assert (group["type"], group["title"], group["description"]) == ("group", "A", "d")
        assert (group["max_members"], group["member_count"], group["my_role"]) == (5, 2, "owner")
        assert (await b.expect("group:created"))["conversationId"] == group["id"]
    answer = await request("POST", url, alice, json={"participant_ids": [bob.id]})
    assert (answer.status, list(answer.error["fields"])) == (400, ["title"])
    answer = await request("POST", url, alice, json={"title": "A", "participant_ids": ["nobody"]})
    assert (answer.status, list(answer.error["fields"])) == (404, ["participant_ids"])


async def test_participants_come_and_go(
    server: Server, alice: User, bob: User, carol: User
) -> None:
    """Adding and removing a participant answer the conversation as the caller sees it then."""
    group = await create_group(server, alice, bob)
    url = f"{server.url}/api/conversations/{group}/participants"
    shown = await ok("POST", url, alice, json={"user_id": carol.id})
    assert set(shown) == CONVERSATION
    assert [p["user_id"] for p in shown["participants"]] == [alice.id, bob.id, carol.id]
    assert (shown["id"], shown["member_count"], shown["my_role"]) == (group, 3, "owner")
    shown = await ok("DELETE", f"{url}/{bob.id}", alice)
    assert [p["user_id"] for p in shown["participants"]] == [alice.id, carol.id]
    answer = await request("DELETE", f"{url}/{bob.id}", alice)
    assert (answer.status, list(answer.error["fields"])) == (404, ["user_id"])
    answer = await request("DELETE", f"{url}/{alice.id}", carol)
    assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
    answer = await request("POST", url, bob, json={"user_id": bob.id})
    assert answer.status == 404


async def test_deleting_oneself_is_leaving(server: Server, alice: User, bob: User) -> None:
    """DELETE of oneself leaves: nothing is there to show any more. The owner cannot."""
    group = await create_group(server, alice, bob)
    url = f"{server.url}/api/conversations/{group}"
    headers = {"Idempotency-Key": "leave-1"}
    for _ in range(2):
        left = await ok("DELETE", f"{url}/participants/{bob.id}", bob, headers=headers)
        assert left == {"success": True}
    assert (await request("GET", url, bob)).status == 404
    answer = await request("DELETE", f"{url}/participants/{alice.id}", alice)
    assert (answer.status, answer.error["code"]) == (409, "CONFLICT")


async def test_the_key_of_a_header(server: Server, alice: User, bob: User) -> None:
    """Idempotency-Key does for groups what requestId does."""
    url = f"{server.url}/api/conversations/group"
    headers = {"Idempotency-Key": "group-1"}
    groups = [
        await ok("POST", url, alice, status=201, json={"title": "Once"}, headers=headers)
        for _ in range(2)
    ]
    assert groups[0] == groups[1]
    answer = await request("POST", url, alice, json={"title": "Twice"}, headers=headers)
    assert (answer.status, answer.error["code"]) == (409, "IDEMPOTENCY_CONFLICT")


async def test_a_group_is_renamed(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """PATCH of a conversation changes what is named in either casing, and answers the conversation bare."""
    group = await create_group(server, alice, bob)
    url = f"{server.url}/api/conversations/{group}"
    shown = await ok("PATCH", url, alice, json={"title": "Boulderers", "max_members": 9})
    assert set(shown) == CONVERSATION
    assert (shown["title"], shown["max_members"], shown["my_role"]) == ("Boulderers", 9, "owner")
    shown = await ok("PATCH", url, alice, json={"description": "Fridays", "maxMembers": 8})
    assert (shown["title"], shown["description"], shown["max_members"]) == (
        "Boulderers",
        "Fridays",
        8,
    )
    answer = await request("PATCH", url, alice, json={})
    assert (answer.status, list(answer.error["fields"])) == (400, ["title"])
    answer = await request("PATCH", url, bob, json={"title": "Mine"})
    assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
    answer = await request("PATCH", url, alice, json={"max_members": 1})
    assert (answer.status, list(answer.error["fields"])) == (400, ["max_members"])


async def test_the_participants_are_listed(
    server: Server, alice: User, bob: User, carol: User
) -> None:
    """GET of a conversation's participants is a page of them in the guide's envelope, for its members alone."""
    group = await create_group(server, alice, bob)
    url = f"{server.url}/api/conversations/{group}/participants"
    page = await ok("GET", url, bob)
    assert [person["user_id"] for person in page.pop("participants")] == [alice.id, bob.id]
    assert page == {"total": 2, "pagination": {"limit": 50, "offset": 0, "hasMore": False}}
    page = await ok("GET", f"{url}?limit=1&offset=1", bob)
    assert [person["user_id"] for person in page["participants"]] == [bob.id]
    assert (await request("GET", url, carol)).status == 404
    answer = await request("GET", f"{url}?limit=201", bob)
    assert (answer.status, list(answer.error["fields"])) == (400, ["limit"])


@pytest.mark.parametrize("flag", ["for_everyone", "forEveryone"])
async def test_a_group_is_deleted(flag: str, server: Server, alice: User, bob: User) -> None:
    """DELETE of a conversation with ?for_everyone=true ends a group, for its owner alone."""
    group = await create_group(server, alice, bob)
    url = f"{server.url}/api/conversations/{group}"
    answer = await request("DELETE", f"{url}?{flag}=yes", alice)
    assert (answer.status, list(answer.error["fields"])) == (400, ["for_everyone"])
    answer = await request("DELETE", f"{url}?{flag}=true", bob)
    assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
    headers = {"Idempotency-Key": "delete-1"}
    for _ in range(2):
        body = await ok("DELETE", f"{url}?{flag}=true", alice, headers=headers)
        assert body == {"success": True}
    for user in (alice, bob):
        assert (await request("GET", url, user)).status == 404


async def test_commands_of_groups_without_a_route_of_their_own(
    server: Server, alice: User, bob: User
) -> None:
    """Roles and announcements are reached by POST /api/commands/<name>; a repeated announcement says so."""
    group = await create_group(server, alice, bob)
    url = f"{server.url}/api/commands"
    about = {"conversation_id": group, "user_id": bob.id}
    promoted = await ok("POST", f"{url}/group:promote", alice, json=about | {"role": "moderator"})
    assert promoted == {"success": True, "role": "moderator"}
    body = {"conversation_id": group, "content": "At eight"}
    answers = [
        await request(
            "POST", f"{url}/group:announce", alice, json=body, headers={"Idempotency-Key": "a-1"}
        )
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]
    assert answers[0].body["message"] == answers[1].body["message"]


async def test_two_processes_are_one_group(
    two_processes: tuple[Server, Server], connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Devices on another process join and leave the group at the event that says so, and hear their mentions."""
    first, second = two_processes
    a, b, c = [
        await connect(user, server.url)
        for user, server in ((alice, first), (bob, second), (carol, second))
    ]
    group = await create(a, carol)  # 1
    assert (await c.expect("group:created"))["conversation"]["id"] == group
    await a.do("group:member_add", conversationId=group, userId=bob.id)  # 2
    assert "conversation" not in await c.expect("group:member_added")
    assert "conversation" not in await a.expect("group:member_added")
    welcome = await b.expect("group:member_added")
    assert (welcome["seq"], welcome["conversation"]["member_count"]) == (2, 3)
    await asyncio.gather(
        *(
            device.do("chat:message_send", conversationId=group, content="hello")
            for _ in range(10)
            for device in (a, b, c)
        )
    )  # 3 to 32
    for device in (a, b, c):
        await device.expect("chat:message_received", lambda m: m["seq"] == 32, take=False)
        assert [m["seq"] for m in device.seen("chat:message_received")] == list(range(3, 33))
    await a.do("group:member_remove", conversationId=group, userId=bob.id)  # 33
    await a.do("chat:message_send", conversationId=group, content="without Bob")  # 34
    await a.do("group:member_add", conversationId=group, userId=bob.id)  # 35
    await a.do("chat:message_send", conversationId=group, content="with Bob")  # 36
    for device in (b, c):
        await device.expect("chat:message_received", lambda m: m["seq"] == 36, take=False)
    assert [m["seq"] for m in b.seen("chat:message_received")][-2:] == [32, 36]
    assert [m["seq"] for m in c.seen("chat:message_received")][-2:] == [34, 36]
    assert (await b.expect("group:member_removed"))["seq"] == 33
    assert (await b.expect("group:member_added"))["conversation"]["last_seq"] == 35
    await a.do("group:transfer", conversationId=group, userId=carol.id)  # 37
    await c.do(
        "chat:message_send", conversationId=group, content=f"@{alice.id} and @{bob.id}"
    )  # 38
    for device in (a, b):
        assert (await device.expect("chat:mentioned"))["mentionedBy"] == carol.id
    await c.do("group:delete", conversationId=group)
    for device in (a, b, c):
        assert (await device.expect("group:deleted"))["seq"] == 39
