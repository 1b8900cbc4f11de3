"""The same id again: no second effect, the same answer."""

import asyncio
from uuid import uuid4

from tests.conftest import Connect, User
from tests.support.groups import create
from tests.support.http import request
from tests.support.servers import Server
from tests.support.talks import opened


async def test_a_hundred_sends_of_one_id_are_one_message(
    connect: Connect, alice: User, bob: User
) -> None:
    """A hundred concurrent sends of one id, from four devices, are one message and a hundred like acks."""
    devices = [await connect(alice) for _ in range(4)]
    receiver = await connect(bob)
    conversation_id = await opened(devices[0], bob)
    client_id = str(uuid4())
    acks = await asyncio.gather(
        *(
            device.do(
                "chat:message_send",
                conversationId=conversation_id,
                content="once",
                clientMessageId=client_id,
            )
            for device in devices
            for _ in range(25)
        )
    )
    assert len({ack["messageId"] for ack in acks}) == 1
    assert sorted(ack["duplicate"] for ack in acks) == [False] + [True] * 99
    history = await devices[0].do("chat:history", conversationId=conversation_id)
    assert [message["seq"] for message in history["messages"]] == [2], "no seq was burnt"
    await receiver.expect("chat:message_received")
    await receiver.settled()
    assert receiver.seen("chat:message_received") == []


async def test_an_id_belongs_to_its_sender_and_conversation(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """The same id from another sender, or in another conversation, is another message."""
    a, b = await connect(alice), await connect(bob)
    with_bob, with_carol = await opened(a, bob), await opened(a, carol)
    sends = [(a, with_bob), (b, with_bob), (a, with_carol)]
    acks = [
        await device.do("chat:message_send", conversationId=c, content="hi", clientMessageId="same")
        for device, c in sends
    ]
    assert len({ack["messageId"] for ack in acks}) == 3
    assert not any(ack["duplicate"] for ack in acks)


async def test_the_same_id_with_another_body_is_a_conflict(
    connect: Connect, alice: User, bob: User
) -> None:
    """The same id with another content, type, reply or metadata is IDEMPOTENCY_CONFLICT, and changes nothing."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    first = await a.do("chat:message_send", conversationId=conversation_id, content="base")
    original = {"conversationId": conversation_id, "content": "one", "clientMessageId": "id-1"}
    sent = await a.do("chat:message_send", **original)
    for change in (
        {"content": "two"},
        {"messageType": "image"},
        {"replyToMessageId": first["messageId"]},
        {"metadata": {"a": 1}},
        {"content": None, "contentEncrypted": "one"},
    ):
        error = await a.refused("chat:message_send", **{**original, **change})
        assert error["code"] == "IDEMPOTENCY_CONFLICT"
        assert error["retryable"] is False
    again = await a.do("chat:message_send", **original)
    assert (again["messageId"], again["duplicate"]) == (sent["messageId"], True)
    assert again["message"] == sent["message"]


async def test_a_repeated_send_answers_with_the_message_as_it_is_now(
    connect: Connect, alice: User, bob: User
) -> None:
    """The ack of a repeated send shows the message as it is now: read, by now."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    original = {"conversationId": conversation_id, "content": "read me", "clientMessageId": "id-1"}
    sent = await a.do("chat:message_send", **original)
    await b.do("chat:message_read", messageId=sent["messageId"])
    again = await a.do("chat:message_send", **original)
    assert (sent["message"]["status"], again["message"]["status"]) == ("sent", "read")


async def test_a_retry_is_answered_even_after_a_block(
    connect: Connect, alice: User, bob: User
) -> None:
    """A send that was accepted is acked again after the other person blocked the sender; a new one is not."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    original = {"conversationId": conversation_id, "content": "before", "clientMessageId": "id-1"}
    sent = await a.do("chat:message_send", **original)
    await b.do("user:block", userId=alice.id)
    again = await a.do("chat:message_send", **original)
    assert (again["messageId"], again["duplicate"]) == (sent["messageId"], True)
    error = await a.refused("chat:message_send", conversationId=conversation_id, content="after")
    assert error["code"] == "USER_BLOCKED"


async def test_a_request_id_makes_opening_repeatable(
    connect: Connect, alice: User, bob: User
) -> None:
    """A hundred concurrent opens with one requestId are one conversation, one event, a hundred like acks."""
    devices = [await connect(alice) for _ in range(2)]
    receiver = await connect(bob)
    acks = await asyncio.gather(
        *(
            device.do("chat:conversation_open", recipientId=bob.id, requestId="r-1")
            for device in devices
            for _ in range(50)
        )
    )
    assert len({ack["conversation"]["id"] for ack in acks}) == 1
    assert {ack["conversation"]["last_seq"] for ack in acks} == {1}
    await receiver.expect("chat:conversation_created")
    await receiver.settled()
    assert receiver.seen("chat:conversation_created") == []


async def test_a_request_id_keeps_the_first_answer_of_a_receipt(
    connect: Connect, alice: User, bob: User
) -> None:
    """A receipt repeated with its requestId answers the count of the first, and without it what is new: 0."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    for text in ("one", "two"):
        await a.do("chat:message_send", conversationId=conversation_id, content=text)
    receipt = {"conversationId": conversation_id, "upToSeq": 3}
    first = await b.do("chat:message_read", **receipt, requestId="r-1")
    again = await b.do("chat:message_read", **receipt, requestId="r-1")
    bare = await b.do("chat:message_read", **receipt)
    assert [ack["updatedCount"] for ack in (first, again, bare)] == [2, 2, 0]


async def test_a_request_id_with_another_payload_is_a_conflict(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """A requestId used for one payload is refused for another of the same command, and free for another."""
    a = await connect(alice)
    await a.do("chat:conversation_open", recipientId=bob.id, requestId="r-1")
    error = await a.refused("chat:conversation_open", recipientId=carol.id, requestId="r-1")
    assert (error["code"], list(error["fields"])) == ("IDEMPOTENCY_CONFLICT", ["requestId"])
    await a.do("user:block", userId=carol.id, requestId="r-1")


async def test_a_failure_is_not_kept(connect: Connect, alice: User, bob: User) -> None:
    """A refused request is forgotten: the same requestId succeeds once its reason is gone."""
    a, b = await connect(alice), await connect(bob)
    await b.do("user:block", userId=alice.id)
    error = await a.refused("chat:conversation_open", recipientId=bob.id, requestId="r-1")
    assert error["code"] == "USER_BLOCKED"
    await b.do("user:unblock", userId=alice.id)
    await a.do("chat:conversation_open", recipientId=bob.id, requestId="r-1")


async def test_blocking_twice_with_one_request_id_is_one_event(
    connect: Connect, alice: User, bob: User
) -> None:
    """A block repeated, with its requestId or without, is one personal event; personalSeq has no gaps."""
    a, other = await connect(alice), await connect(alice)
    for _ in range(2):
        await a.do("user:block", userId=bob.id, requestId="r-1")
    await a.do("user:block", userId=bob.id)
    await a.do("user:unblock", userId=bob.id)
    blocked, unblocked = await other.expect("user:blocked"), await other.expect("user:unblocked")
    assert (blocked, unblocked) == (
        {"userId": bob.id, "personalSeq": 1},
        {"userId": bob.id, "personalSeq": 2},
    )
    assert other.seen("user:blocked") == []


async def test_a_retry_by_who_may_not_see_the_message_any_more(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Removed, or after hiding or deleting it for oneself, a retry has the message's id alone."""
    a, b = await connect(alice), await connect(bob)
    for leave in ("removed", "left", "ended", "hidden", "deleted"):
        group = await create(a, bob)
        send = {"conversationId": group, "content": "mine", "clientMessageId": "id-1"}
        sent = await b.do("chat:message_send", **send)
        message = {"messageId": sent["messageId"]}
        edit = {**message, "content": "mine, again", "requestId": f"edit {leave}"}
        await b.do("chat:message_edit", **edit)
        if leave == "removed":
            await a.do("group:member_remove", conversationId=group, userId=bob.id)
        elif leave == "left":
            await b.do("group:leave", conversationId=group)
        elif leave == "hidden":
            await b.do("chat:conversation_delete", conversationId=group)
        elif leave == "deleted":
            await b.do("chat:message_delete", **message, deleteForEveryone=False)
        # What has become of it since is nobody's who is gone.
        await a.do("chat:message_pin", **message)
        await a.do("chat:reaction_add", **message, reaction="👍")
        if leave == "ended":
            await a.do("group:delete", conversationId=group)
        ids = {"success": True, **message, "duplicate": True}
        assert await b.do("chat:message_send", **send) == ids
        assert await b.do("chat:message_edit", **edit) == ids
        body = {"conversation_id": group, "content": "mine", "client_message_id": "id-1"}
        answer = await request("POST", f"{server.url}/api/messages", bob, json=body)
        assert answer.status == 201
        assert answer.headers["Idempotency-Replayed"] == "true"
        assert answer.body == {"message_id": sent["messageId"], "duplicate": True}
        error = await b.refused("chat:message_send", **{**send, "content": "another"})
        assert error["code"] == "IDEMPOTENCY_CONFLICT"
