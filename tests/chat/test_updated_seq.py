"""Which showing of a message is the newer one: by the seq of the last event that changed it."""

from typing import Any

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.groups import create
from tests.support.talks import history, opened, said, sync

Pool = asyncpg.Pool

# What changes a message, and the push that tells of it.
CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("chat:message_edit", {"content": "other words"}, "chat:message_edited"),
    ("chat:reaction_add", {"reaction": "👍"}, "chat:reaction_added"),
    ("chat:reaction_add", {"reaction": "😂"}, "chat:reaction_added"),
    ("chat:reaction_add", {"reaction": "😂"}, "chat:reaction_removed"),
    ("chat:reaction_add", {"reaction": "👍"}, "chat:reaction_added"),
    ("chat:reaction_remove", {}, "chat:reaction_removed"),
    ("chat:message_pin", {}, "chat:message_pinned"),
    ("chat:message_unpin", {}, "chat:message_unpinned"),
    ("chat:message_delete", {}, "chat:message_deleted"),
]


@pytest.mark.parametrize("kind", ["direct", "group"])
async def test_each_change_is_the_newest(
    kind: str, connect: Connect, alice: User, bob: User
) -> None:
    """A message shows the seq of its last change wherever it is shown, at once; what changes nothing leaves it."""
    a, b = await connect(alice), await connect(bob)
    talk = await (opened(a, bob) if kind == "direct" else create(a, bob))
    sent, other = await said(a, talk, "words"), await said(a, talk, "other")
    assert (sent["updated_seq"], other["updated_seq"]) == (2, 3)
    for command, payload, push in CHANGES:
        ack = await a.do(command, messageId=sent["id"], **payload)
        seq = (await b.expect(push))["seq"]
        for device in (a, b):
            assert [m["updated_seq"] for m in await history(device, talk)] == [seq, 3]
        if "message" in ack:
            assert ack["message"]["updated_seq"] == seq
        if command == "chat:message_pin":
            pins = (await b.do("chat:pins", conversationId=talk))["messages"]
            assert [m["updated_seq"] for m in pins] == [seq]
        shown = [data for name, data in await sync(b, talk) if name == "chat:message_received"]
        assert [data["updated_seq"] for data in shown] == [seq, 3]
        # What stands already is no change.
        for nothing in ("chat:message_unpin", "chat:reaction_remove"):
            if command == nothing:
                await a.do(nothing, messageId=sent["id"])
                assert (await history(a, talk))[0]["updated_seq"] == seq
    await b.do("chat:message_read", conversationId=talk, upToSeq=3)
    assert [m["updated_seq"] for m in await history(a, talk)] == [seq, 3], "a receipt is no event"


async def test_the_last_message_of_a_list(connect: Connect, alice: User, bob: User) -> None:
    """The last message of a conversation, and that of a repeated send, are the newest showing of it."""
    a: Device = await connect(alice)
    talk = await opened(a, bob)
    sent = await said(a, talk, "words")
    await a.do("chat:message_edit", messageId=sent["id"], content="other words")
    (listed,) = (await a.do("chat:conversation_list"))["conversations"]
    alone = (await a.do("chat:conversation_get", conversationId=talk))["conversation"]
    for card in (listed, alone):
        assert card["last_message"]["updated_seq"] == card["last_seq"] == 3
    again = await a.do("chat:message_send", conversationId=talk, content="one", clientMessageId="x")
    await a.do("chat:message_pin", messageId=again["messageId"])
    again = await a.do("chat:message_send", conversationId=talk, content="one", clientMessageId="x")
    assert (again["duplicate"], again["message"]["updated_seq"]) == (True, 5)
