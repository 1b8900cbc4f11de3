"""Pins: moderators and up in a group, both people in a direct conversation."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.talks import group_of, history, opened, said, sync

Pool = asyncpg.Pool

BOTH = ("chat:message_pin", "chat:message_unpin")


async def _pins(device: Device, conversation_id: str, **page: int) -> dict[str, Any]:
    return await device.do("chat:pins", conversationId=conversation_id, **page)


async def _pinned(device: Device, conversation_id: str) -> list[str]:
    return [message["id"] for message in (await _pins(device, conversation_id))["messages"]]


async def test_a_pin_reaches_every_device_of_both(connect: Connect, alice: User, bob: User) -> None:
    """A pin is acked, pushed to all devices of both people in the next seq, and part of the message."""
    devices = [await connect(user) for user in (alice, alice, bob, bob)]
    a, b = devices[0], devices[2]
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "the plan")
    for device, command, push, seq in (
        (b, "chat:message_pin", "chat:message_pinned", 3),
        (a, "chat:message_unpin", "chat:message_unpinned", 4),
    ):
        assert await device.do(command, messageId=sent["id"]) == {"success": True}
        for other in devices:
            assert await other.expect(push) == {
                "conversationId": conversation_id,
                "seq": seq,
                "messageId": sent["id"],
                "by": (bob if device is b else alice).id,
            }
        shown = [{**sent, "is_pinned": seq == 3, "updated_seq": seq}]
        assert await history(a, conversation_id) == shown
        pins = await _pins(a, conversation_id)
        assert pins["messages"] == (shown if seq == 3 else [])
        assert pins["total"] == len(pins["messages"])


async def test_the_last_one_pinned_is_first(connect: Connect, alice: User, bob: User) -> None:
    """Pins are listed by when they were set, the last one first, page by page."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = [(await said(a, conversation_id, f"text {n}"))["id"] for n in range(4)]
    order = [sent[2], sent[0], sent[3]]
    for message_id in order:
        await a.do("chat:message_pin", messageId=message_id)
    assert await _pinned(b, conversation_id) == order[::-1]
    page = await _pins(b, conversation_id, limit=2, offset=1)
    assert [message["id"] for message in page["messages"]] == [order[1], order[0]]
    assert (page["total"], page["pagination"]) == (3, {"limit": 2, "offset": 1, "hasMore": False})
    page = await _pins(b, conversation_id, limit=2)
    assert page["pagination"]["hasMore"] is True


async def test_what_stands_already_is_done(connect: Connect, alice: User, bob: User) -> None:
    """Pinning twice is one pin and one event, whoever does it; unpinning what is not pinned is none."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "the plan")
    await a.do("chat:message_unpin", messageId=sent["id"])
    await asyncio.gather(
        *(device.do("chat:message_pin", messageId=sent["id"]) for device in (a, b) for _ in "123")
    )
    pin = {"messageId": sent["id"], "requestId": "r-1"}
    await a.do("chat:message_pin", **pin)
    await b.do("chat:message_unpin", messageId=sent["id"])
    # A retry of the pin, after somebody took it away, does not set it again.
    await a.do("chat:message_pin", **pin)
    assert [name for name, _ in await sync(a, conversation_id, after=2)] == [
        "chat:message_pinned",
        "chat:message_unpinned",
    ]
    error = await a.refused("chat:message_pin", messageId=str(uuid4()), requestId="r-1")
    assert error["code"] == "IDEMPOTENCY_CONFLICT"


@pytest.mark.parametrize(
    ("role", "refusal"),
    [("owner", None), ("admin", None), ("moderator", None), ("member", "PERMISSION_DENIED")],
)
async def test_moderators_and_up_pin_in_a_group(
    role: str,
    refusal: str | None,
    connect: Connect,
    db: "Pool[asyncpg.Record]",
    alice: User,
    bob: User,
    carol: User,
) -> None:
    """In a group a moderator and up pin and unpin anybody's message; to who is no member it does not exist."""
    roles = {alice: "owner", bob: role} if role != "owner" else {bob: "owner", alice: "member"}
    group_id = await group_of(db, roles)
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    sent = await said(a, group_id, "the plan")
    for command in BOTH:
        error = await c.refused(command, messageId=sent["id"])
        assert error == await c.refused(command, messageId=str(uuid4()))
        assert error["code"] == "RESOURCE_NOT_FOUND"
        if refusal:
            assert (await b.refused(command, messageId=sent["id"]))["code"] == refusal
        else:
            await b.do(command, messageId=sent["id"])
    assert await _pinned(b, group_id) == []
    assert (await c.refused("chat:pins", conversationId=group_id))["code"] == "RESOURCE_NOT_FOUND"
    assert len(await sync(a, group_id, after=2)) == (0 if refusal else 2)


async def test_pins_of_what_is_gone(connect: Connect, alice: User, bob: User) -> None:
    """An erased message loses its pin for everyone; one deleted for oneself is no pin to that person alone."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    first, second = [(await said(a, conversation_id, text))["id"] for text in ("one", "two")]
    for message_id in (first, second):
        await a.do("chat:message_pin", messageId=message_id)
    await b.do("chat:message_delete", messageId=second, deleteForEveryone=False)
    assert await _pinned(a, conversation_id) == [second, first]
    assert (await _pins(b, conversation_id))["total"] == 1
    assert await _pinned(b, conversation_id) == [first]
    await a.do("chat:message_delete", messageId=first)
    assert await _pinned(a, conversation_id) == [second]
    assert (await _pins(b, conversation_id))["messages"] == []
    for device, message_id in ((a, first), (b, second)):
        for command in BOTH:
            error = await device.refused(command, messageId=message_id)
            assert error["code"] == "RESOURCE_NOT_FOUND"
