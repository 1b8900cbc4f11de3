"""What a block does to each command, whichever kind it is and whoever of the two set it."""

from typing import Any

import pytest

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.talks import opened, said

# With a block between two people: what each asks of their conversation, and whether it is refused. "{mine}" and
# "{theirs}" are messages of both, "{talk}" is the conversation, "{other}" the other person.
TABLE: list[tuple[str, dict[str, Any], str | None]] = [
    ("chat:message_send", {"conversationId": "{talk}", "content": "hi"}, "USER_BLOCKED"),
    ("chat:message_send", {"recipientId": "{other}", "content": "hi"}, "USER_BLOCKED"),
    ("chat:conversation_open", {"recipientId": "{other}"}, "USER_BLOCKED"),
    ("chat:message_edit", {"messageId": "{mine}", "content": "hi"}, "USER_BLOCKED"),
    ("chat:reaction_add", {"messageId": "{theirs}", "reaction": "👍"}, "USER_BLOCKED"),
    ("chat:reaction_add", {"messageId": "{mine}", "reaction": "👍"}, "USER_BLOCKED"),
    ("chat:reaction_remove", {"messageId": "{theirs}"}, "USER_BLOCKED"),
    ("chat:message_pin", {"messageId": "{theirs}"}, "USER_BLOCKED"),
    ("chat:message_unpin", {"messageId": "{mine}"}, "USER_BLOCKED"),
    # Acked, and dropped.
    ("chat:typing", {"conversationId": "{talk}", "isTyping": True}, None),
    # Reading goes on, and so does what one does for oneself, or takes back.
    ("chat:history", {"conversationId": "{talk}"}, None),
    ("chat:sync", {"conversationId": "{talk}", "afterSeq": 0}, None),
    ("chat:pins", {"conversationId": "{talk}"}, None),
    ("chat:conversation_get", {"conversationId": "{talk}"}, None),
    ("chat:message_read", {"messageId": "{theirs}"}, None),
    ("chat:message_delivered", {"messageId": "{theirs}"}, None),
    ("chat:conversation_mark_unread", {"conversationId": "{talk}"}, None),
    ("chat:message_delete", {"messageId": "{theirs}", "deleteForEveryone": False}, None),
    ("chat:message_delete", {"messageId": "{mine}"}, None),
    ("chat:conversation_delete", {"conversationId": "{talk}"}, None),
]
WAYS = {
    "person": ("user:block", "user:unblock", {"userId": "{other}"}, {}, {}),
    "conversation": (
        "chat:conversation_block",
        "chat:conversation_block",
        {"conversationId": "{talk}"},
        {"block": True},
        {"block": False},
    ),
}


async def _outcome(device: Device, command: str, payload: dict[str, Any]) -> str | None:
    ack = await device.ask(command, payload)
    return None if ack["success"] else ack["error"]["code"]


@pytest.mark.parametrize("by_sender", [True, False], ids=["mine", "theirs"])
@pytest.mark.parametrize("way", WAYS)
async def test_each_command_against_a_block(
    way: str, by_sender: bool, connect: Connect, alice: User, bob: User
) -> None:
    """Each command of either person is refused or done as the table says, whoever has blocked and how."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    mine = {user: (await said(device, talk, "hi"))["id"] for user, device in ((alice, a), (bob, b))}

    def filled(payload: dict[str, Any], user: User, other: User) -> dict[str, Any]:
        names = {"{talk}": talk, "{other}": other.id, "{mine}": mine[user], "{theirs}": mine[other]}
        return {name: names.get(value, value) for name, value in payload.items()}

    for device, other in ((a, b), (b, a)):
        # Without a block they may type and see each other; nothing of that is remembered past the block.
        await device.do("chat:typing", conversationId=talk, isTyping=False)
        await other.expect("chat:user_typing")
        assert len((await device.do("presence:list"))["users"]) == 1
    for device in (a, b):
        await device.settled()
        device.pushes.clear()
    blocker, (user, other) = (a, (alice, bob)) if by_sender else (b, (bob, alice))
    block, unblock, payload, on, off = WAYS[way]
    await blocker.do(block, **filled(payload, user, other), **on)
    people = ((a, alice, bob), (b, bob, alice))
    for command, asked, refusal in TABLE:
        if command == "chat:message_delete" and asked["messageId"] == "{mine}":
            # So far nothing was written that the other could see, but for the block.
            card = await a.do("chat:conversation_get", conversationId=talk)
            assert card["conversation"]["last_seq"] == 4
        for device, user, other in people:
            found = await _outcome(device, command, filled(asked, user, other))
            assert found == refusal, (command, user.id)
    for device, _, _ in people:
        assert (await device.do("presence:list"))["users"] == []
        await device.settled()
        assert device.seen("chat:user_typing") == []
        assert device.seen("chat:message_received") == []
    user, other = (alice, bob) if by_sender else (bob, alice)
    await blocker.do(unblock, **filled(payload, user, other), **off)
    for device, _, _ in people:
        assert len((await device.do("presence:list"))["users"]) == 1
        await said(device, talk, "again")
