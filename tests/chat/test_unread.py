"""How many messages are unread, right after everything that may change it; and marking as unread."""

from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Connect, Resume, User
from tests.support.device import Device
from tests.support.groups import create
from tests.support.resuming import Resuming
from tests.support.talks import opened, sync

# Who asks what, and how many messages are unread to each person then; None: the conversation is not in the list.
# A payload's "<name>" is the id of the message that was said under that name, "talk" the conversation.
Row = tuple[str, str, dict[str, Any], dict[str, int | None]]


def _say(who: str, name: str, **unread: int | None) -> Row:
    return who, "chat:message_send", {"conversationId": "talk", "content": name}, unread


def _do(who: str, command: str, about: str, unread: dict[str, int | None], **more: Any) -> Row:
    field = "conversationId" if about == "talk" else "messageId"
    return who, f"chat:{command}", {field: about, **more}, unread


DIRECT: list[Row] = [
    _say("alice", "m1", alice=0, bob=1),
    _say("alice", "m2", alice=0, bob=2),
    _say("alice", "m3", alice=0, bob=3),
    _do("bob", "message_delivered", "m3", {"alice": 0, "bob": 3}),
    _do("bob", "message_read", "m2", {"alice": 0, "bob": 2}),
    _do("alice", "message_edit", "m1", {"alice": 0, "bob": 2}, content="edited"),
    _do("alice", "message_edit", "m2", {"alice": 0, "bob": 2}, content="edited"),
    _do("bob", "reaction_add", "m1", {"alice": 0, "bob": 2}, reaction="👍"),
    _do("bob", "reaction_remove", "m1", {"alice": 0, "bob": 2}),
    _do("alice", "message_pin", "m1", {"alice": 0, "bob": 2}),
    _do("alice", "message_delete", "m1", {"alice": 0, "bob": 1}),
    _do("alice", "message_delete", "m2", {"alice": 0, "bob": 1}),
    _do("bob", "message_delete", "m3", {"alice": 0, "bob": 0}, deleteForEveryone=False),
    _say("bob", "m4", alice=1, bob=0),
    # A mark shows as one, and not beside what is unread anyway.
    _do("bob", "conversation_mark_unread", "talk", {"alice": 1, "bob": 1}),
    _do("bob", "conversation_mark_unread", "talk", {"alice": 1, "bob": 1}),
    _say("alice", "m5", alice=1, bob=1),
    _say("alice", "m6", alice=1, bob=2),
    _do("bob", "message_delivered", "m6", {"alice": 1, "bob": 2}),
    # Any reading takes it away; what else is unread stays so.
    _do("bob", "message_read", "m5", {"alice": 1, "bob": 1}),
    _do("bob", "message_read", "talk", {"alice": 1, "bob": 0}, upToSeq=2**62),
    _do("bob", "conversation_mark_unread", "talk", {"alice": 1, "bob": 1}),
    _do("bob", "message_read", "m6", {"alice": 1, "bob": 0}),
    _do("bob", "conversation_mark_unread", "talk", {"alice": 1, "bob": 1}),
    _do("bob", "message_read", "talk", {"alice": 1, "bob": 0}, upToSeq=1),
    # Hiding hides it all.
    _do("bob", "conversation_mark_unread", "talk", {"alice": 1, "bob": 1}),
    _do("bob", "conversation_delete", "talk", {"alice": 1, "bob": None}),
    _do("alice", "conversation_delete", "talk", {"alice": None, "bob": None}),
    _say("bob", "m7", alice=1, bob=0),
    _do("alice", "conversation_block", "talk", {"alice": 1, "bob": 0}, block=True),
    _do("alice", "message_read", "m7", {"alice": 0, "bob": 0}),
    _do("alice", "conversation_block", "talk", {"alice": 0, "bob": 0}, block=False),
    _say("alice", "m8", alice=0, bob=1),
    _do("bob", "conversation_delete", "talk", {"alice": 0, "bob": None}),
    _do("bob", "message_read", "talk", {"alice": 0, "bob": None}, upToSeq=2**62),
    _say("alice", "m9", alice=0, bob=1),
]


def _member(who: str, command: str, user: str, unread: dict[str, int | None]) -> Row:
    return who, f"group:{command}", {"conversationId": "talk", "userId": user}, unread


GROUP: list[Row] = [
    _say("alice", "m1", alice=0, bob=1),
    # The history is there, and none of it unread.
    _member("alice", "member_add", "carol", {"alice": 0, "bob": 1, "carol": 0}),
    _say("alice", "m2", alice=0, bob=2, carol=1),
    _do("carol", "message_read", "m1", {"alice": 0, "bob": 2, "carol": 1}),
    _do("carol", "message_read", "talk", {"alice": 0, "bob": 2, "carol": 0}, upToSeq=2**62),
    _say("bob", "m3", alice=1, bob=2, carol=1),
    _do("alice", "message_delete", "m3", {"alice": 0, "bob": 2, "carol": 0}),
    _do("carol", "conversation_mark_unread", "talk", {"alice": 0, "bob": 2, "carol": 1}),
    _member("alice", "member_remove", "carol", {"alice": 0, "bob": 2}),
    _say("alice", "m4", alice=0, bob=3),
    _member("alice", "member_add", "carol", {"alice": 0, "bob": 3, "carol": 0}),
    _do("bob", "conversation_delete", "talk", {"alice": 0, "bob": None, "carol": 0}),
    _say("carol", "m5", alice=1, bob=1, carol=0),
]


async def _in_list(device: Device, key: str) -> int | None:
    page = await device.do("chat:conversation_list")
    counts = {card["id"]: card["unread_count"] for card in page["conversations"]}
    return counts.get(key)


async def _in_get(device: Device, key: str) -> int:
    ack = await device.do("chat:conversation_get", conversationId=key)
    count: int = ack["conversation"]["unread_count"]
    return count


async def _in_read_state(client: Resuming, key: str) -> int:
    await client.drop()
    positions = {"epoch": client.ready["epoch"], "me": 2**40, key: 2**40}
    await client.connect(positions=positions)
    (state,) = await client.expect("chat:read_state", conversationId=key)
    count: int = state["unreadCount"]
    return count


@pytest.mark.parametrize("kind", ["direct", "group"])
async def test_unread_after_every_operation(
    kind: str, connect: Connect, resume: Resume, alice: User, bob: User, carol: User
) -> None:
    """After each operation the list, the conversation and the read state of each person say the same count."""
    people = {"alice": alice, "bob": bob, "carol": carol}
    devices = {name: await connect(user) for name, user in people.items()}
    clients = {name: await resume(user) for name, user in people.items()}
    opening = opened(devices["alice"], bob) if kind == "direct" else create(devices["alice"], bob)
    names = {"talk": await opening, **{name: user.id for name, user in people.items()}}
    key = names["talk"]
    for number, (who, command, payload, unread) in enumerate(DIRECT if kind == "direct" else GROUP):
        filled = {
            field: names.get(value, value) if field.endswith("Id") else value
            for field, value in payload.items()
        }
        ack = await devices[who].do(command, **filled)
        if command == "chat:message_send":
            names[payload["content"]] = ack["messageId"]
        for name, count in unread.items():
            found = (
                await _in_list(devices[name], key),
                await _in_get(devices[name], key),
                await _in_read_state(clients[name], key),
            )
            assert found == (count, count or 0, count or 0), (number, who, command, name)


async def test_a_mark_is_told_to_ones_own_devices_alone(
    connect: Connect, alice: User, bob: User
) -> None:
    """Marking as unread is a personal event; reading takes it away, and one's own devices hear of it once."""
    a, b, second = await connect(alice), await connect(bob), await connect(bob)
    key = await opened(a, bob)
    sent = await a.do("chat:message_send", conversationId=key, content="hello")
    await b.do("chat:message_read", messageId=sent["messageId"])
    await a.expect("chat:message_status_updated")
    await second.expect("chat:message_status_updated")
    assert await b.do("chat:conversation_mark_unread", conversationId=key) == {"success": True}
    for device in (b, second):
        assert await device.expect("chat:conversation_marked_unread") == {
            "conversationId": key,
            "upToSeq": 2,
            "personalSeq": 1,
        }
    ack = await b.do("chat:message_read", messageId=sent["messageId"])
    assert ack["updatedCount"] == 0
    update = await second.expect("chat:message_status_updated")
    update.pop("timestamp")
    # Nothing more is read by it than was before.
    assert update == {
        "conversationId": key,
        "upToSeq": 0,
        "messageIds": [],
        "status": "read",
        "userId": bob.id,
        "readBy": bob.id,
    }
    await a.settled()
    assert a.seen("chat:message_status_updated") == []
    assert a.seen("chat:conversation_marked_unread") == []
    # What its sender was told goes one way.
    page = await a.do("chat:history", conversationId=key)
    assert page["messages"][0]["status"] == "read"
    assert len(await sync(a, key, after=2)) == 0


async def test_a_mark_is_repeatable(connect: Connect, alice: User, bob: User) -> None:
    """A late retry of a mark does not mark again what was read since; for another conversation it is refused."""
    a, b = await connect(alice), await connect(bob)
    key = await opened(a, bob)
    mark = {"conversationId": key, "requestId": "r-1"}
    await b.do("chat:conversation_mark_unread", **mark)
    assert await _in_get(b, key) == 1
    await b.do("chat:message_read", conversationId=key, upToSeq=1)
    await b.do("chat:conversation_mark_unread", **mark)
    assert await _in_get(b, key) == 0
    error = await b.refused(
        "chat:conversation_mark_unread", conversationId=str(uuid4()), requestId="r-1"
    )
    assert error["code"] == "IDEMPOTENCY_CONFLICT"
