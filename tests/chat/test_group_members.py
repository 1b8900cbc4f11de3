"""Who is in a group: adding, removing, leaving, and being added again."""

from uuid import UUID

import asyncpg

from tests.conftest import Connect, MakeUser, User
from tests.support.device import Device
from tests.support.groups import create, set_role, shared, unread

Pool = asyncpg.Pool
PARTICIPANT = {
    "user_id", "username", "display_name", "avatar_url", "role", "joined_at", "delivered_seq",
    "read_seq",
}  # fmt: skip


def heard(device: Device, group: str) -> list[tuple[str, int]]:
    """The durable pushes of a group that a device got, as (name, seq)."""
    return [
        (name, data["seq"])
        for name, data in device.pushes
        if isinstance(data, dict) and data.get("conversationId") == group and "seq" in data
    ]


async def test_adding_one_person(connect: Connect, alice: User, bob: User, carol: User) -> None:
    """The ack has the participant; all hear of it, and the person added alone gets the conversation with it."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    group = await create(a, bob)
    sent = await b.do("chat:message_send", conversationId=group, content="before")
    ack = await a.do("group:member_add", conversationId=group, userId=carol.id)
    assert set(ack) == {"success", "participant"}
    assert set(ack["participant"]) == PARTICIPANT
    assert (ack["participant"]["user_id"], ack["participant"]["role"]) == (carol.id, "member")
    push = {
        "conversationId": group,
        "seq": 3,
        "user": {"user_id": carol.id, "username": carol.id},
        "role": "member",
        "by": alice.id,
    }
    for device in (a, b):
        assert await device.expect("group:member_added") == push
    welcome = await c.expect("group:member_added")
    conversation = welcome.pop("conversation")
    assert welcome == push
    assert (conversation["id"], conversation["title"]) == (group, "Climbers")
    assert (conversation["member_count"], conversation["last_seq"]) == (3, 3)
    assert conversation["last_message_at"] == sent["message"]["created_at"]
    assert conversation == shared(conversation)


async def test_adding_several_people(
    connect: Connect, alice: User, bob: User, make_user: MakeUser
) -> None:
    """userIds adds fifty at once, an event each, in their order; who is in already stays, without an event."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob, maxMembers=60)
    people = [await make_user("member") for _ in range(49)]
    ids = [person.id for person in people]
    ack = await a.do("group:member_add", conversationId=group, userIds=[*ids, bob.id])
    assert set(ack) == {"success", "participants"}
    assert {p["user_id"] for p in ack["participants"]} == {*ids, bob.id}
    await b.expect("group:member_added", lambda push: push["seq"] == 50, take=False)
    assert [p["seq"] for p in b.seen("group:member_added")] == list(range(2, 51))
    assert {p["user"]["user_id"] for p in b.seen("group:member_added")} == set(ids)
    ack = await a.do("group:member_add", conversationId=group, userId=bob.id)
    assert ack["participant"]["user_id"] == bob.id
    shown = (await a.do("chat:conversation_get", conversationId=group))["conversation"]
    assert (shown["member_count"], shown["last_seq"]) == (51, 50)


async def test_all_of_the_people_or_none(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """One person who does not exist, or has a block with the adder, keeps the others out, and is named."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a)
    add = {"conversationId": group, "userIds": [carol.id, bob.id, "nobody"]}
    error = await a.refused("group:member_add", **add)
    assert (error["code"], error["fields"]) == (
        "RESOURCE_NOT_FOUND",
        {"userIds": ["User not found: nobody"]},
    )
    await b.do("user:block", userId=alice.id)
    add["userIds"] = [carol.id, bob.id]
    error = await a.refused("group:member_add", **add)
    assert (error["code"], error["fields"]) == (
        "USER_BLOCKED",
        {"userIds": [f"User blocked: {bob.id}"]},
    )
    error = await a.refused("group:member_add", conversationId=group, userId=bob.id)
    assert (error["code"], list(error["fields"])) == ("USER_BLOCKED", ["userId"])
    shown = (await a.do("chat:conversation_get", conversationId=group))["conversation"]
    assert (shown["member_count"], shown["last_seq"]) == (1, 1)


async def test_a_block_counts_with_the_adder_alone(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """A block between the person added and another member keeps nobody out."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await b.do("user:block", userId=carol.id)
    await a.do("group:member_add", conversationId=group, userId=carol.id)


async def test_a_full_group(connect: Connect, alice: User, bob: User, carol: User) -> None:
    """Into a full group nobody fits, but who is in it already is no reason to refuse."""
    a = await connect(alice)
    group = await create(a, bob, maxMembers=2)
    for ids in ([carol.id], [bob.id, carol.id]):
        error = await a.refused("group:member_add", conversationId=group, userIds=ids)
        assert error["code"] == "CONFLICT"
    await a.do("group:member_add", conversationId=group, userId=bob.id)
    await a.do("group:member_remove", conversationId=group, userId=bob.id)
    await a.do("group:member_add", conversationId=group, userId=carol.id)


async def test_removal(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """The removed person gets their own removal and nothing after it, on every device; the others all."""
    a, b1, b2, c = [await connect(user) for user in (alice, bob, bob, carol)]
    group = await create(a, bob, carol)
    await a.do("group:member_remove", conversationId=group, userId=bob.id)
    await a.do("chat:message_send", conversationId=group, content="without Bob")
    await a.do("chat:typing", conversationId=group, isTyping=True)
    await c.expect("chat:user_typing")
    for device in (a, b1, b2, c):
        push = await device.expect("group:member_removed", take=False)
        assert push == {
            "conversationId": group,
            "seq": 2,
            "user": {"user_id": bob.id, "username": bob.id},
            "by": alice.id,
        }
        await device.settled()
    everything = [("group:created", 1), ("group:member_removed", 2), ("chat:message_received", 3)]
    assert [heard(device, group) for device in (a, b1, b2, c)] == [
        everything,
        everything[:2],
        everything[:2],
        everything,
    ]
    assert b1.seen("chat:user_typing") == []
    row = await db.fetchrow(
        "SELECT p.joined_seq, p.left_seq, p.left_xact = e.xact AS same FROM participants p "
        "JOIN events e ON e.stream_id = p.conversation_id AND e.seq = p.left_seq "
        "WHERE p.conversation_id = $1 AND p.user_id = $2",
        UUID(group),
        bob.id,
    )
    assert (row["joined_seq"], row["left_seq"], row["same"]) == (1, 2, True)
    shown = (await a.do("chat:conversation_get", conversationId=group))["conversation"]
    assert shown["member_count"] == 2
    assert bob.id not in [p["user_id"] for p in shown["participants"]]


async def test_an_ex_member_sees_nothing(connect: Connect, alice: User, bob: User) -> None:
    """For an ex-member the group does not exist, its history and their own messages included."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    sent = await b.do("chat:message_send", conversationId=group, content="mine")
    await b.do("group:leave", conversationId=group)
    for command, payload in (
        ("chat:conversation_get", {}),
        ("chat:history", {}),
        ("chat:sync", {"afterSeq": 0}),
        ("chat:message_send", {"content": "hello?"}),
        ("chat:typing", {"isTyping": True}),
        ("chat:message_read", {"upToSeq": 1}),
        ("group:member_add", {"userId": bob.id}),
        ("group:leave", {}),
    ):
        error = await b.refused(command, conversationId=group, **payload)
        assert (error["code"], error["message"]) == ("RESOURCE_NOT_FOUND", "Conversation not found")
    error = await b.refused("chat:message_read", messageId=sent["messageId"])
    assert error["code"] == "RESOURCE_NOT_FOUND"
    assert (await b.do("group:list"))["groups"] == []
    assert (await b.do("chat:conversation_list"))["total"] == 0


async def test_leaving(connect: Connect, alice: User, bob: User) -> None:
    """A member leaves, and everybody hears of it, they too; the owner cannot."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    assert await b.do("group:leave", conversationId=group) == {"success": True}
    for device in (a, b):
        assert await device.expect("group:member_left") == {
            "conversationId": group,
            "seq": 2,
            "user": {"user_id": bob.id, "username": bob.id},
            "by": bob.id,
        }
    error = await a.refused("group:leave", conversationId=group)
    assert error["code"] == "CONFLICT"


async def test_being_added_again(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Who is added again receives from their new event on, counts unread from there, and reads all history."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await a.do("chat:message_send", conversationId=group, content="first")  # 2
    await b.do("group:leave", conversationId=group)  # 3
    said = await a.do("chat:message_send", conversationId=group, content="while you were away")  # 4
    await a.do("group:member_add", conversationId=group, userId=bob.id)  # 5
    await a.do("chat:message_send", conversationId=group, content="welcome back")  # 6
    await b.expect("chat:message_received", lambda m: m["seq"] == 6, take=False)
    assert [seq for _, seq in heard(b, group)] == [1, 2, 3, 5, 6]
    (welcome,) = b.seen("group:member_added")
    assert welcome["conversation"]["last_message_at"] == said["message"]["created_at"]
    assert await unread(b, group) == 1
    history = await b.do("chat:history", conversationId=group)
    assert [m["seq"] for m in history["messages"]] == [2, 4, 6]
    rows = await db.fetch(
        "SELECT joined_seq, left_seq FROM participants WHERE conversation_id = $1 AND user_id = $2 "
        "ORDER BY joined_seq",
        UUID(group),
        bob.id,
    )
    assert [tuple(row) for row in rows] == [(1, 3), (5, None)]


async def test_a_welcome_is_as_it_stood(connect: Connect, alice: User, bob: User) -> None:
    """The log shows an ex-member who replays their joining nothing of what came after it; a member's sync, too."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a)
    await a.do("group:member_add", conversationId=group, userId=bob.id)  # 2
    live = await b.expect("group:member_added")
    await a.do("chat:message_send", conversationId=group, content="later")  # 3
    synced = await b.do("chat:sync", conversationId=group, afterSeq=0)
    assert [event["event"] for event in synced["events"]] == [
        "group:created",
        "group:member_added",
        "chat:message_received",
    ]
    created, welcome = (event["data"]["conversation"] for event in synced["events"][:2])
    assert (created["member_count"], created["last_seq"], created["last_message_at"]) == (
        1,
        1,
        None,
    )
    assert welcome == live["conversation"]
    assert (welcome["member_count"], welcome["last_seq"], welcome["last_message_at"]) == (
        2,
        2,
        None,
    )
    synced = await a.do("chat:sync", conversationId=group, afterSeq=1, limit=1)
    assert "conversation" not in synced["events"][0]["data"]


async def test_a_member_whom_the_directory_forgot_can_be_removed(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A person who is gone from the users' table is still a member, and can still be removed."""
    a = await connect(alice)
    group = await create(a, bob)
    await db.execute("DELETE FROM chat_users WHERE user_id = $1", bob.id)
    await a.do("group:member_remove", conversationId=group, userId=bob.id)


async def test_the_roster_is_by_role(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Participants are listed by role, then by how long they are members."""
    a = await connect(alice)
    group = await create(a, bob)
    await a.do("group:member_add", conversationId=group, userId=carol.id)
    await set_role(db, group, carol, "moderator")
    shown = (await a.do("chat:conversation_get", conversationId=group))["conversation"]
    assert [p["user_id"] for p in shown["participants"]] == [alice.id, carol.id, bob.id]
