"""What was moved in from the messaging system, read through a server."""

from uuid import UUID

from chatserver.core.imported_ids import imported_direct_id, imported_id
from tests.ops.importing.conftest import CLIMBERS, KEPT, Moved
from tests.ops.importing.moved import history, person, rows, talks, texts
from tests.support.device import Device
from tests.support.http import ok, post, request
from tests.support.messaging import opener

ANN, BOB, CID, DAN, EVE = map(person, range(1, 6))


async def test_direct_history(moved: Moved) -> None:
    """A direct conversation has its messages in their order, with replies, edits, reactions and pins."""
    talk = (await talks(moved.server, ANN))["bob"]
    assert talk["id"] == str(imported_direct_id("messaging", "1", "2", ""))
    said = await history(moved.server, ANN, talk["id"])
    assert texts(said) == ["hello bob", "hello ann", "how are you?", "edited", "to nothing"]
    assert [m["id"] for m in said[:3]] == [
        str(imported_id("messaging", "message", "msg_1")),
        str(KEPT),
        str(imported_id("messaging", "message", "msg_3")),
    ]
    assert [m["sender_id"] for m in said] == ["1", "2", "1", "1", "1"]
    assert [m["seq"] for m in said] == [2, 3, 4, 5, 6]
    assert [m["created_at"] for m in said[:2]] == [
        "2024-01-15T10:31:00.000Z",
        "2024-01-15T10:32:00.000Z",
    ]
    assert [m["reply_to_message_id"] for m in said] == [None, None, str(KEPT), None, None]
    assert [m["is_edited"] for m in said] == [False, False, False, True, False]
    assert said[3]["edited_at"] == "2024-01-15T10:35:00.000Z"
    assert [(r["user_id"], r["reaction"]) for r in said[0]["reactions"]] == [("2", "🎉")]
    assert [(r["username"], r["reaction"]) for r in said[1]["reactions"]] == [("ann", "❤️")]
    assert [m["is_pinned"] for m in said] == [False, True, False, False, False]


async def test_read_state(moved: Moved) -> None:
    """What was read is read, what was not is unread, and what people deleted for themselves is gone for them."""
    mine, theirs = (await talks(moved.server, ANN))["bob"], (await talks(moved.server, BOB))["ann"]
    assert (mine["unread_count"], theirs["unread_count"]) == (0, 2)
    said = await history(moved.server, ANN, mine["id"])
    assert [m["status"] for m in said] == ["read", "read", "delivered", "delivered", "delivered"]
    seen = await history(moved.server, BOB, mine["id"])
    assert texts(seen) == ["hello bob", "hello ann", "edited", "to nothing"]


async def test_hidden_conversations(moved: Moved) -> None:
    """A conversation that somebody deleted is hidden from them until what came after it, and from nobody else."""
    assert "cid" not in await talks(moved.server, ANN)
    with_ann = (await talks(moved.server, CID))["ann"]
    assert texts(await history(moved.server, CID, with_ann["id"])) == ["hidden by ann"]
    with_cid = (await talks(moved.server, BOB))["cid"]
    assert texts(await history(moved.server, BOB, with_cid["id"])) == ["seen by bob"]
    assert with_cid["unread_count"] == 1
    assert len(await history(moved.server, CID, with_cid["id"])) == 2


async def test_groups(moved: Moved) -> None:
    """A group keeps its id, name, roles and permissions, and has one owner; one that has ended is nobody's."""
    climbers = (await talks(moved.server, ANN))["Climbers"]
    assert climbers["id"] == str(CLIMBERS)
    assert (climbers["description"], climbers["max_members"]) == ("On walls", 7)
    assert (climbers["member_count"], climbers["my_role"]) == (4, "owner")
    roles = {p["username"]: p["role"] for p in climbers["participants"]}
    assert roles == {"ann": "owner", "bob": "admin", "cid": "member", "dan": "member"}
    adders = await rows(
        moved.target,
        "SELECT user_id FROM participants WHERE conversation_id = $1 AND can_add_members ORDER BY 1",
        CLIMBERS,
    )
    assert adders == [("1",), ("2",), ("3",)]
    assert "Over" not in await talks(moved.server, BOB)
    empty = (await talks(moved.server, CID))["Empty"]
    assert empty["id"] == str(imported_id("messaging", "group", "group_empty"))
    assert await history(moved.server, CID, empty["id"]) == []
    answer = await request("GET", f"{moved.server.url}/api/messages/{CLIMBERS}", EVE)
    assert answer.status == 404


async def test_group_messages(moved: Moved) -> None:
    """A group's messages have their mentions, kept or as the text says, and its announcements are some."""
    said = await history(moved.server, DAN, CLIMBERS)
    assert [m["sender_username"] for m in said] == ["ann", "bob", "cid", "ann", "eve"]
    assert [[n["user_id"] for n in m["mentions"]] for m in said] == [[], ["3"], ["4"], [], []]
    assert [m["is_announcement"] for m in said] == [False, False, False, True, False]
    unread = {
        user.id: (await talks(moved.server, user))["Climbers"]["unread_count"]
        for user in (ANN, CID, DAN)
    }
    # What waits for somebody in the event queue has not reached them; what else was said has.
    assert unread == {"1": 0, "3": 0, "4": 1}


async def test_blocks(moved: Moved) -> None:
    """Blocks between people stand."""
    talk = (await talks(moved.server, ANN))["dan"]
    assert (talk["is_blocked"], talk["blocked_by_me"]) == (True, True)
    body = {"conversation_id": talk["id"], "content": "hello?"}
    answer = await request("POST", f"{moved.server.url}/api/messages", DAN, json=body)
    assert (answer.status, answer.error["code"]) == (403, "USER_BLOCKED")


async def test_sealed_anew(moved: Moved) -> None:
    """What is stored is in our form, whichever it was in before; nothing of it can be read without the key."""
    stored = await rows(moved.target, "SELECT version, ciphertext FROM messages")
    assert {version for version, _ in stored} == {3}
    assert not any(b"hello" in ciphertext for _, ciphertext in stored)
    titles = await rows(moved.target, "SELECT title FROM conversations WHERE type = 'group'")
    assert len(titles) == 3
    assert all(title.startswith("s1.") for (title,) in titles)


async def test_report(moved: Moved) -> None:
    """Every row that was not carried is named with the reason, and nothing that anybody wrote is shown."""
    refused = {
        (table, row_id): reason
        for (table, reason), those in moved.report.refused.items()
        for row_id in those.ids
    }
    assert refused == {
        ("private_messages", "bad_text"): "does not open with the old key",
        ("private_messages", "bad_hex"): "does not open with the old key",
        ("private_messages", "bad_iv"): "does not open with the old key",
        ("private_messages", "to_self"): "is of one person with themselves",
        ("private_messages", "nowhere"): "belongs to a group that does not exist",
        ("group_members", "group_gone/1"): "belongs to a group that does not exist",
        ("message_reactions", "msg_erased/2"): "is about something that does not exist",
    }
    lines = "\n".join(moved.report.lines(is_dry=False))
    assert "secret" not in lines
    assert "replies to messages that are gone, carried without the reference: 1" in lines
    assert "not carried: private_messages (1), is of one person with themselves: to_self" in lines
    read = {name: (count.read, count.carried) for name, count in moved.report.tables.items()}
    assert read == {
        "private_messages": (22, 17),
        "chat_groups": (3, 3),
        "group_members": (7, 6),
        "message_reactions": (4, 3),
        "message_deletions": (1, 1),
        "conversation_deletions": (2, 2),
        "event_queue": (2, 2),
        "pinned_messages": (1, 1),
        "blocked_relationships": (1, 1),
    }
    for name, count in moved.report.tables.items():
        there = await rows(moved.source, f"SELECT count(*) FROM {name}")
        if name != "event_queue":
            assert count.read == there[0][0], name


async def test_sync_and_recovery(moved: Moved) -> None:
    """What was imported is older than the log: a sync from before it is `limited`, one from after it is not."""
    device = await Device(moved.server.url, BOB.token).connect()
    try:
        talk = (await talks(moved.server, BOB))["ann"]
        ask = {"conversationId": talk["id"]}
        first = await device.do("chat:sync", **ask, afterSeq=0)
        assert (first["limited"], first["events"]) == (True, [])
        rest = await device.do("chat:sync", **ask, afterSeq=talk["last_seq"] - 1)
        assert [event["event"] for event in rest["events"]] == ["chat:conversation_created"]
        assert rest["limited"] is False
        assert device.ready["resync"] == []
    finally:
        await device.close()


async def test_undelivered(moved: Moved) -> None:
    """Somebody for whom messages wait is told to reload their conversation, and is sent what else waits."""
    device = await Device(moved.server.url, DAN.token).connect()
    try:
        assert device.ready["resync"] == [str(CLIMBERS)]
        created = await device.expect("chat:conversation_created")
        assert created["conversationId"] == (await talks(moved.server, DAN))["ann"]["id"]
    finally:
        await device.close()


async def test_going_on(moved: Moved) -> None:
    """People go on where they were: the next message has the next seq, and pages by offset are whole."""
    talk = (await talks(moved.server, EVE))["dan"]
    posted = await post(moved.server, EVE, talk["id"], "here we are")
    assert posted["seq"] == talk["last_seq"] + 1
    numbers = await rows(
        moved.target,
        "SELECT number FROM messages WHERE conversation_id = $1 ORDER BY seq",
        UUID(talk["id"]),
    )
    assert numbers == [(1,), (2,), (3,)]
    url = f"{moved.server.url}/api/messages/{talk['id']}"
    pages = [await ok("GET", f"{url}?limit=1&offset={offset}", DAN) for offset in range(3)]
    assert [texts(page["messages"]) for page in pages] == [
        ["here we are"],
        ["second"],
        ["first"],
    ]


async def test_names_of_old_ids(moved: Moved) -> None:
    """What an old client calls a message, a group or a conversation finds it at the messaging system's door."""
    async with opener(moved.server.url) as join:
        client = await join(CID)
        await client.say(
            "add_reaction", messageId="msg_8", conversationId="conv_2_3", reaction="👍"
        )
        added = await client.expect("reaction_added")
        assert added["messageId"] == str(imported_id("messaging", "message", "msg_8"))
        await client.say("get_group_messages", groupId=f"group_{CLIMBERS}")
        assert len((await client.expect("group_messages"))["messages"]) == 5
        await client.say("get_private_messages", conversationId="conv_1_3")
        (only,) = (await client.expect("private_messages"))["messages"]
        assert only["content"] == "hidden by ann"
    kept = await rows(
        moved.target,
        "SELECT source_id FROM imported_conversations WHERE conversation_id = $1 AND messages = 0",
        UUID((await talks(moved.server, ANN))["bob"]["id"]),
    )
    assert kept == [("conv_1_2",)]
