"""Announcements: a group's admins and owner speak to all."""

from tests.conftest import Connect, User
from tests.support.groups import create
from tests.support.talks import history, opened, said


async def test_an_announcement(connect: Connect, alice: User, bob: User) -> None:
    """An announcement is a message like others, and marked as one wherever it is read."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    ack = await a.do("group:announce", conversationId=group, content="We meet at eight")
    message = ack["message"]
    assert (message["is_announcement"], message["message_type"]) == (True, "text")
    assert (message["content"], message["seq"], ack["duplicate"]) == ("We meet at eight", 2, False)
    for device in (a, b):
        received = await device.expect("chat:message_received")
        assert received == {**message, "conversationId": group}
    assert await history(b, group) == [message]
    assert not (await said(a, group, "By the way"))["is_announcement"]


async def test_an_announcement_is_edited_and_erased_as_one(
    connect: Connect, alice: User, bob: User
) -> None:
    """An edit leaves it an announcement, and so does its erasure."""
    a = await connect(alice)
    group = await create(a, bob)
    sent = (await a.do("group:announce", conversationId=group, content="At eight"))["message"]
    ack = await a.do("chat:message_edit", messageId=sent["id"], content="At nine")
    assert ack["message"]["is_announcement"] is True
    await a.do("chat:message_delete", messageId=sent["id"])
    (tombstone,) = await history(a, group)
    assert (tombstone["is_deleted"], tombstone["is_announcement"]) == (True, True)


async def test_an_announcement_mentions(connect: Connect, alice: User, bob: User) -> None:
    """Whom an announcement names is told, as by any message."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    ack = await a.do("group:announce", conversationId=group, content="@everyone: at eight")
    assert (await b.expect("chat:mentioned"))["message"] == ack["message"]


async def test_one_id_is_one_announcement(connect: Connect, alice: User, bob: User) -> None:
    """The same clientMessageId, or requestId, is one announcement, and not another text or a plain message."""
    a = await connect(alice)
    group = await create(a, bob)
    for name in ("clientMessageId", "requestId"):
        payload = {"conversationId": group, "content": "At eight", name: f"once by {name}"}
        acks = [await a.do("group:announce", **payload) for _ in range(2)]
        assert [ack["duplicate"] for ack in acks] == [False, True]
        assert acks[0]["message"] == acks[1]["message"]
        error = await a.refused("group:announce", **payload | {"content": "At nine"})
        assert error["code"] == "IDEMPOTENCY_CONFLICT"
        plain = payload | {"clientMessageId": f"once by {name}"}
        plain.pop("requestId", None)
        error = await a.refused("chat:message_send", **plain)
        assert error["code"] == "IDEMPOTENCY_CONFLICT"
    assert len(await history(a, group)) == 2


async def test_a_retry_by_who_is_no_admin_any_more(
    connect: Connect, alice: User, bob: User
) -> None:
    """An announcement that was accepted is answered as such, also after its sender was demoted."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    about = {"conversationId": group, "userId": bob.id}
    await a.do("group:promote", **about)
    payload = {"conversationId": group, "content": "At eight", "clientMessageId": "once"}
    first = await b.do("group:announce", **payload)
    await a.do("group:demote", **about)
    again = await b.do("group:announce", **payload)
    assert (again["duplicate"], again["message"]) == (True, first["message"])
    error = await b.refused("group:announce", conversationId=group, content="At nine")
    assert error["code"] == "PERMISSION_DENIED"


async def test_a_direct_conversation(connect: Connect, alice: User, bob: User) -> None:
    """A conversation of two is no group to announce in, whether it is blocked or not."""
    a, b = await connect(alice), await connect(bob)
    conversation = await opened(a, bob)
    for _ in range(2):
        error = await a.refused("group:announce", conversationId=conversation, content="All of you")
        assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", ["conversationId"])
        await b.do("user:block", userId=alice.id)
