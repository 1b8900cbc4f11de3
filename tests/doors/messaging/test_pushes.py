"""What clients are told beside the document's examples."""

from uuid import uuid4

import asyncpg
import pytest

from tests.conftest import Connect, MakeUser, User
from tests.support.groups import create
from tests.support.messaging import Opener
from tests.support.talks import opened, said


def _direct(one: User, other: User) -> str:
    return "conv_" + "_".join(sorted((one.id, other.id)))


async def test_one_message_at_all_doors(
    join: Opener, connect: Connect, alice: User, bob: User
) -> None:
    """What is sent at one door arrives at the other, in the words of each."""
    a, b = await join(alice), await connect(bob)
    sent = await a.ask("send_private_message", "message_sent", recipientId=bob.id, content="Hello")
    received = await b.expect("chat:message_received")
    assert (received["id"], received["content"]) == (sent["messageId"], "Hello")
    reply = await said(b, received["conversation_id"], "Hi", replyToMessageId=received["id"])
    told = await a.expect("new_private_message")
    assert told["message"]["content"] == "Hi"
    assert told["message"]["replyToMessageId"] == sent["messageId"]
    assert (told["messageId"], told["conversationId"]) == (reply["id"], _direct(alice, bob))
    await b.do("chat:message_read", messageId=sent["messageId"])
    assert (await a.expect("message_read"))["messageId"] == sent["messageId"]


async def test_who_acts_is_answered_alone(join: Opener, alice: User, bob: User) -> None:
    """The connection that acts has its answer and no push; the same person's other ones have the push."""
    a, other, b = await join(alice), await join(alice), await join(bob)
    sent = await a.ask("send_private_message", "message_sent", recipientId=bob.id, content="Hello")
    fields = {"messageId": sent["messageId"], "conversationId": _direct(alice, bob)}
    await a.ask("edit_message", "message_edited", content="Hello!", **fields)
    await a.ask("add_reaction", "reaction_added", reaction="👍", **fields)
    # The same reaction again removes it.
    removed = await a.ask("add_reaction", "reaction_removed", reaction="👍", **fields)
    assert removed["userId"] == alice.id
    await a.ask("pin_message", "message_pinned", **fields)
    await a.ask("delete_message", "message_deleted", **fields)
    await a.settled()
    assert a.told_else == []
    kinds = [
        "new_private_message", "message_edited", "reaction_added", "reaction_removed",
        "message_pinned", "message_deleted",
    ]  # fmt: skip
    for client in (other, b):
        told = [await client.expect(kind) for kind in kinds]
        assert all(one["conversationId"] == _direct(alice, bob) for one in told)
        assert client.told_else == []


async def test_for_oneself_alone(join: Opener, alice: User, bob: User) -> None:
    """What one deletes or hides for oneself one's other connections are told, and nobody else."""
    a, other, b = await join(alice), await join(alice), await join(bob)
    sent = await a.ask("send_private_message", "message_sent", recipientId=bob.id, content="Hello")
    answer = await a.ask(
        "delete_private_message",
        "message_deleted",
        messageId=sent["messageId"],
        conversationId=_direct(alice, bob),
        deleteForEveryone=False,
    )
    assert answer["deleteForEveryone"] is False
    told = await other.expect("message_deleted")
    assert (told["messageId"], told["deleteForEveryone"]) == (sent["messageId"], False)
    page = await a.ask("get_messages", "private_messages", conversationId=_direct(alice, bob))
    assert page["messages"] == []
    await a.ask("delete_conversation", "conversation_deleted", conversationId=_direct(alice, bob))
    assert (await other.expect("conversation_deleted"))["conversationId"] == _direct(alice, bob)
    await b.settled()
    assert b.seen("message_deleted") == b.seen("conversation_deleted") == []


async def test_what_was_erased_is_not_shown(join: Opener, alice: User, bob: User) -> None:
    """An erased message is on no page: the messaging system has no tombstones."""
    a = await join(alice)
    for text in ("first", "second"):
        sent = await a.ask("send_message", "message_sent", recipientId=bob.id, content=text)
    await a.ask("delete_message", "message_deleted", messageId=sent["messageId"])
    page = await a.ask("get_messages", "private_messages", conversationId=_direct(bob, alice))
    assert [message["content"] for message in page["messages"]] == ["first"]


async def test_end_to_end_encrypted(join: Opener, alice: User, bob: User) -> None:
    """An end-to-end encrypted message shows an empty text, and what only its two people can read."""
    a, b = await join(alice), await join(bob)
    sent = await a.ask(
        "send_private_message", "message_sent", recipientId=bob.id, contentEncrypted="c2VjcmV0"
    )
    told = await b.expect("new_private_message")
    page = await b.ask("get_messages", "private_messages", conversationId=_direct(alice, bob))
    for message in (sent["message"], told["message"], *page["messages"]):
        assert (message["content"], message["contentEncrypted"]) == ("", "c2VjcmV0")


async def test_a_conversation_about_a_product(
    join: Opener, connect: Connect, db: "asyncpg.Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """A conversation about a product is named by its UUID, since the two have another one, and is taken by it."""
    product = f"product-{uuid4().hex[:8]}"
    await db.execute("INSERT INTO products (id, title) VALUES ($1, 'A bicycle')", product)
    a, b = await join(alice), await connect(bob)
    opening = await b.do("chat:conversation_open", recipientId=alice.id, productId=product)
    talk = opening["conversation"]["id"]
    await said(b, talk, "About the bicycle")
    told = await a.expect("new_private_message")
    assert told["conversationId"] == told["message"]["conversationId"] == talk
    sent = await a.ask("send_private_message", "message_sent", conversationId=talk, content="Yes?")
    assert sent["message"]["conversationId"] == talk
    page = await a.ask("get_messages", "private_messages", conversationId=talk)
    assert [message["content"] for message in page["messages"]] == ["About the bicycle", "Yes?"]
    empty = await a.ask("get_messages", "private_messages", conversationId=_direct(alice, bob))
    assert empty["messages"] == []


async def test_ids_that_cannot_be_told_apart(
    join: Opener, make_user: MakeUser, alice: User
) -> None:
    """Where a person's id has an underscore their conversations are named by UUIDs."""
    odd = await make_user("un_der")
    a, o = await join(alice), await join(odd)
    sent = await a.ask("send_private_message", "message_sent", recipientId=odd.id, content="Hello")
    named = sent["message"]["conversationId"]
    assert len(named) == 36
    assert (await o.expect("new_private_message"))["conversationId"] == named
    page = await o.ask("get_messages", "private_messages", conversationId=named)
    assert page["messages"][0]["conversationId"] == named


async def test_people_without_a_conversation(
    join: Opener, make_user: MakeUser, alice: User, bob: User
) -> None:
    """Two people who have no conversation yet have an empty page, and typing tells nobody; neither creates one."""
    a, b = await join(alice), await join(bob)
    page = await a.ask(
        "get_private_messages", "private_messages", conversationId=_direct(alice, bob), limit=500
    )
    assert (page["messages"], page["pagination"]["limit"]) == ([], 200)
    await a.say("typing", recipientId=bob.id, isTyping=True)
    error = await a.refused("delete_conversation", conversationId=_direct(alice, bob))
    assert error["code"] == "RESOURCE_NOT_FOUND"
    await b.settled()
    assert a.told == b.told == []
    # A name that does not have them in it is none of theirs.
    error = await a.refused("get_messages", conversationId="conv_1_2")
    assert error["code"] == "RESOURCE_NOT_FOUND"


async def test_groups(join: Opener, connect: Connect, alice: User, bob: User, carol: User) -> None:
    """A group is named ``group_<uuid>``, and whoever is added to it is told what it is."""
    a, b, c = await connect(alice), await join(bob), await join(carol)
    group = await create(a, bob)
    created = await b.expect("group_created")
    assert (created["groupId"], created["createdBy"]) == (f"group_{group}", alice.id)
    await a.do("group:member_add", conversationId=group, userId=carol.id)
    welcome, told = await c.expect("member_added"), await b.expect("member_added")
    assert welcome["group"]["groupId"] == told["groupId"] == f"group_{group}"
    assert "group" not in told
    await a.do("group:transfer", conversationId=group, userId=bob.id)
    promoted = await c.expect("member_promoted")
    assert (promoted["userId"], promoted["newRole"]) == (bob.id, "owner")
    sent = await b.ask(
        "send_message", "message_sent", conversationId=f"group_{group}", content="Hi"
    )
    assert sent["message"]["groupId"] == f"group_{group}"
    # Who types in a group is told to nobody here: there is no word for where.
    await a.do("chat:typing", conversationId=group, isTyping=True)
    await b.ask("leave_group", "error", groupId=f"group_{group}")
    await c.settled()
    assert c.seen("user_typing") == []


async def test_messages_of_groups(join: Opener, alice: User, bob: User) -> None:
    """What becomes of a group's message is told, and answered, with the group's name."""
    a, b = await join(alice), await join(bob)
    created = await a.ask("create_group", "group_created", groupName="A", initialMembers=[bob.id])
    group = created["group"]["groupId"]
    sent = await a.ask("send_group_message", "group_message_sent", groupId=group, content="Hello")
    for type_, answer, more in (
        ("edit_message", "message_edited", {"content": "Hello!"}),
        ("add_reaction", "reaction_added", {"reaction": "👍"}),
        ("remove_reaction", "reaction_removed", {}),
        ("pin_message", "message_pinned", {}),
        ("unpin_message", "message_unpinned", {}),
        ("delete_message", "message_deleted", {}),
    ):
        fields = {"messageId": sent["messageId"], "groupId": group, **more}
        assert (await a.ask(type_, answer, **fields))["groupId"] == group
        told = await b.expect(answer)
        assert (told["groupId"], told["conversationId"]) == (group, group)
    page = await b.ask("get_group_messages", "group_messages", groupId=group.removeprefix("group_"))
    assert (page["messages"], page["groupId"]) == ([], group)


@pytest.mark.parametrize("count", [2, 30, 230])
async def test_several_messages_read(
    join: Opener, connect: Connect, alice: User, bob: User, count: int
) -> None:
    """Of several messages that were read at once each is told by itself: these clients know no other word."""
    a, b = await join(alice), await connect(bob)
    for number in range(count):
        await a.say("send_message", recipientId=bob.id, content=f"text {number}")
    ids = [(await a.expect("message_sent"))["messageId"] for _ in range(count)]
    talk = await opened(b, alice)
    await b.do("chat:message_read", conversationId=talk, upToSeq=1_000)
    told = [await a.expect("message_read") for _ in ids]
    assert [one["messageId"] for one in told] == ids
    assert {one["readBy"] for one in told} == {bob.id}


async def test_who_comes_and_goes(join: Opener, connect: Connect, alice: User, bob: User) -> None:
    """A contact who comes or goes is told with the names that the document has."""
    a = await join(alice)
    await a.ask("start_conversation", "conversation_started", recipientId=bob.id)
    b = await connect(bob)
    user = {"id": bob.id, "userId": bob.id, "username": bob.id, "displayName": "Bob"}
    assert (await a.expect("user_online"))["user"] == user
    await b.do("presence:offline")
    assert (await a.expect("user_offline"))["user"] == user


async def test_repeated_requests(join: Opener, alice: User, bob: User) -> None:
    """The same ``clientMessageId`` or ``requestId`` again has no second effect, and is answered the same."""
    a, b = await join(alice), await join(bob)
    fields = {"recipientId": bob.id, "content": "once", "clientMessageId": "one"}
    first = await a.ask("send_private_message", "message_sent", **fields)
    again = await a.ask("send_private_message", "message_sent", **fields)
    assert (again["messageId"], again["duplicate"]) == (first["messageId"], True)
    error = await a.refused("send_private_message", **{**fields, "content": "twice"})
    assert error["code"] == "IDEMPOTENCY_CONFLICT"
    react = {"messageId": first["messageId"], "reaction": "👍", "requestId": "two"}
    for _ in range(2):
        await a.ask("add_reaction", "reaction_added", **react)
    await b.expect("new_private_message")
    await b.expect("reaction_added")
    await b.settled()
    assert b.told_else == []


async def test_refusals(join: Opener, connect: Connect, alice: User, bob: User) -> None:
    """A refusal is an ``error`` with a sentence, details and a code, and fields are named as the client does."""
    a, b = await join(alice), await connect(bob)
    talk = await opened(b, alice)
    await b.do("chat:conversation_block", conversationId=talk, block=True)
    error = await a.refused("send_private_message", recipientId=bob.id, content="Hello")
    assert error == {
        "type": "error",
        "message": "Message blocked",
        "details": "You cannot send messages to this user.",
        "code": "USER_BLOCKED",
    }
    error = await a.refused("create_group", groupName=" ")
    assert error["details"] == "groupName: Must not be blank."
    error = await a.refused("promote_member", groupId=talk, userId=bob.id)
    assert error["fields"] == {"groupId": ["Is not a group."]}
    error = await a.refused("send_mesage", content="Hello")
    assert (error["code"], error["message"]) == ("UNKNOWN_COMMAND", "Unknown message type")
    other = {"recipientId": alice.id, "conversationId": _direct(alice, bob), "content": "x"}
    error = await a.refused("send_private_message", **other)
    assert list(error["fields"]) == ["recipientId"]


async def test_limits_are_cut(join: Opener, alice: User, bob: User) -> None:
    """A ``limit`` beyond its bounds is cut to them, as the messaging system does."""
    a = await join(alice)
    await a.ask("send_message", "message_sent", recipientId=bob.id, content="Hello")
    for asked, cut in ((1_000, 200), (0, 1), (-5, 1), (7, 7)):
        page = await a.ask(
            "get_messages", "private_messages", conversationId=_direct(alice, bob), limit=asked
        )
        assert page["pagination"]["limit"] == cut
