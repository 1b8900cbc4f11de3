"""Groups: creating them, what their members see, and messages in them."""

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.groups import create, many_users, shared, unread
from tests.support.servers import local_server

Pool = asyncpg.Pool


async def test_a_group_is_created(connect: Connect, alice: User, bob: User, carol: User) -> None:
    """The creator owns the group, repetitions and themselves count once, and the ack is their view of it."""
    a = await connect(alice)
    ack = await a.do(
        "group:create",
        title="Climbers",
        description="Fridays",
        participantIds=[bob.id, carol.id, bob.id, alice.id],
    )
    group = ack["conversation"]
    assert {key: group[key] for key in ("type", "title", "description", "created_by")} == {
        "type": "group",
        "title": "Climbers",
        "description": "Fridays",
        "created_by": alice.id,
    }
    assert (group["max_members"], group["member_count"], group["my_role"]) == (50, 3, "owner")
    assert (group["last_seq"], group["last_message"], group["unread_count"]) == (1, None, 0)
    assert (group["product"], group["is_blocked"], group["is_active"]) == (None, False, True)
    people = [(p["user_id"], p["role"]) for p in group["participants"]]
    assert people == [(alice.id, "owner"), (bob.id, "member"), (carol.id, "member")]


async def test_the_push_of_a_creation(connect: Connect, alice: User, bob: User) -> None:
    """Every member's devices get one group:created, the creator's too, alike, and nothing else."""
    devices = [await connect(user) for user in (alice, alice, bob)]
    ack = await devices[0].do("group:create", title="Climbers", participantIds=[bob.id])
    conversation = shared(ack["conversation"])
    for device in devices:
        await device.expect("group:created", take=False)
        await device.settled()
        pushed = [push for push in device.pushes if not push[0].startswith("user:")]
        assert pushed == [
            (
                "group:created",
                {
                    "conversationId": conversation["id"],
                    "seq": 1,
                    "conversation": conversation,
                    "by": alice.id,
                },
            )
        ]


async def test_a_group_of_oneself(connect: Connect, alice: User) -> None:
    """A group needs nobody but its creator."""
    a = await connect(alice)
    group = (await a.do("group:create", title="Notes"))["conversation"]
    assert (group["member_count"], group["description"]) == (1, None)


async def test_everybody_named_must_exist(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """One person who does not exist spoils the group; the error names who."""
    a = await connect(alice)
    error = await a.refused(
        "group:create", title="Ghosts", participantIds=[bob.id, "nobody-1", "nobody-2"]
    )
    assert (error["code"], error["fields"]) == (
        "RESOURCE_NOT_FOUND",
        {"participantIds": ["User not found: nobody-1", "User not found: nobody-2"]},
    )
    assert (
        await db.fetchval("SELECT count(*) FROM conversations WHERE created_by = $1", alice.id) == 0
    )


@pytest.mark.parametrize("blocker", ["alice", "bob"])
async def test_nobody_is_put_into_a_group_across_a_block(
    blocker: str, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Whoever of the two blocked, a group with both is USER_BLOCKED for its creator, naming the other."""
    a, b = await connect(alice), await connect(bob)
    device, other = (a, bob) if blocker == "alice" else (b, alice)
    await device.do("user:block", userId=other.id)
    error = await a.refused("group:create", title="Us", participantIds=[carol.id, bob.id])
    assert (error["code"], error["fields"]) == (
        "USER_BLOCKED",
        {"participantIds": [f"User blocked: {bob.id}"]},
    )


async def test_more_people_than_the_group_may_have(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """The creator counts: three people are too many for a group of two, and a conflict."""
    a = await connect(alice)
    payload = {"title": "Us", "participantIds": [bob.id, carol.id, alice.id]}
    error = await a.refused("group:create", **payload, maxMembers=2)
    assert error["code"] == "CONFLICT"
    await a.do("group:create", **payload, maxMembers=3)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": " \n"}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "x", "description": "x" * 501}, "description"),
        ({"title": "x", "maxMembers": 1}, "maxMembers"),
        ({"title": "x", "maxMembers": 10_001}, "maxMembers"),
        ({"title": "x", "maxMembers": "9"}, "maxMembers"),
        ({"title": "x", "participantIds": "bob"}, "participantIds"),
        ({"title": "x", "participantIds": [str(n) for n in range(1001)]}, "participantIds"),
        ({"title": "x", "participantIds": ["bob", 7]}, "participantIds.1"),
    ],
)
async def test_payloads_that_are_wrong(
    payload: dict[str, object], field: str, connect: Connect, alice: User
) -> None:
    """A wrong field of group:create is a VALIDATION_ERROR that names it."""
    error = await (await connect(alice)).refused("group:create", **payload)
    assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", [field])


async def test_the_largest_group_is_a_setting(dsn: str, connect: Connect, alice: User) -> None:
    """GROUP_MAX_MEMBERS bounds maxMembers, and the default where it is smaller than that."""
    async with local_server(dsn, GROUP_MAX_MEMBERS="20") as server:
        a = await connect(alice, server.url)
        error = await a.refused("group:create", title="x", maxMembers=21)
        assert error["fields"] == {"maxMembers": ["Must be from 2 to 20."]}
        group = (await a.do("group:create", title="x"))["conversation"]
        assert group["max_members"] == 20
        await a.close()


async def test_one_request_id_is_one_group(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """group:create repeated with its requestId is one group, answered as it is now; another payload conflicts."""
    a, b = await connect(alice), await connect(bob)
    payload = {"title": "Once", "participantIds": [bob.id], "requestId": "r-1"}
    first = (await a.do("group:create", **payload))["conversation"]
    await b.do("chat:message_send", conversationId=first["id"], content="hello")
    again = (await a.do("group:create", **payload))["conversation"]
    assert again["id"] == first["id"]
    assert (again["last_seq"], again["unread_count"]) == (2, 1)
    assert (
        await db.fetchval("SELECT count(*) FROM conversations WHERE created_by = $1", alice.id) == 1
    )
    error = await a.refused("group:create", **payload | {"title": "Twice"})
    assert error["code"] == "IDEMPOTENCY_CONFLICT"


async def test_the_list_of_groups(connect: Connect, alice: User, bob: User, carol: User) -> None:
    """group:list has the caller's groups alone, the most recently active first, in pages where asked."""
    a, b = await connect(alice), await connect(bob)
    older, newer = await create(a, bob), await create(b, alice)
    await create(b, carol)
    await a.do("chat:conversation_open", recipientId=bob.id)
    await b.do("chat:message_send", conversationId=older, content="now I am the newest")
    page = await a.do("group:list")
    assert [(g["id"], g["my_role"]) for g in page["groups"]] == [
        (older, "owner"),
        (newer, "member"),
    ]
    assert (page["total"], page["pagination"]["hasMore"]) == (2, False)
    assert (page["groups"][0]["unread_count"], page["groups"][1]["unread_count"]) == (1, 0)
    page = await a.do("group:list", limit=1, offset=1)
    assert [g["id"] for g in page["groups"]] == [newer]


async def test_messages_in_a_group(connect: Connect, alice: User, bob: User, carol: User) -> None:
    """A group's message has no recipient and the status sent; everybody gets it, and it is unread for others."""
    devices = [await connect(user) for user in (alice, bob, carol)]
    group = await create(devices[0], bob, carol)
    sent = await devices[1].do("chat:message_send", conversationId=group, content="hello")
    assert (sent["message"]["recipient_id"], sent["message"]["status"]) == (None, "sent")
    for device in devices:
        assert await device.expect("chat:message_received") == {
            **sent["message"],
            "conversationId": group,
        }
    assert [await unread(device, group) for device in devices] == [1, 0, 1]
    await devices[2].do("chat:message_read", messageId=sent["messageId"])
    update = await devices[1].expect("chat:message_status_updated")
    assert (update["status"], update["readBy"]) == ("read", carol.id)
    history = await devices[0].do("chat:history", conversationId=group)
    assert [m["status"] for m in history["messages"]] == ["sent"]


async def test_a_block_changes_nothing_inside_a_group(
    connect: Connect, alice: User, bob: User
) -> None:
    """People who block each other go on talking, typing and reading in a group that both are in."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await a.do("user:block", userId=bob.id)
    await b.do("chat:message_send", conversationId=group, content="still here")
    assert (await a.expect("chat:message_received"))["content"] == "still here"
    await b.do("chat:typing", conversationId=group, isTyping=True)
    await a.expect("chat:user_typing")
    shown = (await a.do("chat:conversation_get", conversationId=group))["conversation"]
    assert (shown["is_blocked"], shown["blocked_by_me"]) == (False, False)
    ack = await a.do("group:member_add", conversationId=group, userId=bob.id)
    assert ack["participant"]["user_id"] == bob.id, "a member already: no block stands in the way"


async def _is_contact(device: Device, other: User) -> bool:
    ack = await device.do("presence:list")
    return other.id in [user["userId"] for user in ack["users"]]


async def test_a_thousand_participants(
    connect: Connect, alice: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A thousand people are a group at once: one event, no roster in it, at most 100 listed, no receipts told."""
    people = await many_users(db, 1000)
    a, last = await connect(alice), await connect(people[-1])
    ids = [person.id for person in people]
    payload = {"title": "All of us", "participantIds": ids}
    assert (await a.refused("group:create", **payload, maxMembers=1000))["code"] == "CONFLICT"
    group = (await a.do("group:create", **payload, maxMembers=1001))["conversation"]
    assert (group["member_count"], len(group["participants"])) == (1001, 100)
    assert group["participants"][0]["role"] == "owner"
    created = await last.expect("group:created")
    assert "participants" not in created["conversation"]
    events = await db.fetch("SELECT kind FROM events WHERE stream_id = $1::text::uuid", group["id"])
    assert [event["kind"] for event in events] == ["group:created"]
    sent = await a.do("chat:message_send", conversationId=group["id"], content="hello, all")
    await last.expect("chat:message_received")
    await last.do("chat:message_read", messageId=sent["messageId"])
    await a.settled()
    assert a.seen("chat:message_status_updated") == []
    assert not await _is_contact(a, people[-1]), "a thousand people are no contacts"
    await create(a, people[-1])
    assert await _is_contact(a, people[-1])
