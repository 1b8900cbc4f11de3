"""What those who are connected ask, and what they are told."""

import asyncio
from typing import Any

import asyncpg

from tests.conftest import User
from tests.scenarios.ways import Way
from tests.support.port import DevicePort
from tests.support.talks import holding, opened, said


def _seqs(device: DevicePort, conversation_id: str) -> list[int]:
    return [
        data["seq"]
        for _, data in device.pushes
        if isinstance(data, dict)
        and data.get("conversationId") == conversation_id
        and "seq" in data
    ]


async def test_who_is_let_in(way: Way, alice: User) -> None:
    """Who has a token is told who they are, and what holds; what they ask is answered once."""
    device = await way.connect(alice)
    assert device.ready["user"]["userId"] == alice.id
    assert (device.ready["recovered"], device.ready["limited"]) == (False, False)
    assert (await device.do("system:ping"))["success"] is True


async def test_a_message(way: Way, alice: User, bob: User) -> None:
    """A message is acked to its sender, and pushed once to all other devices, in order."""
    a, other, b = await way.connect(alice), await way.connect(alice), await way.connect(bob)
    talk = await opened(a, bob)
    for device in (other, b):
        await device.follow(talk)
    for number in range(5):
        await said(a, talk, f"text {number}")
    for device in (other, b):
        await device.expect("chat:message_received", lambda m: m["content"] == "text 4", take=False)
        seqs = _seqs(device, talk)
        assert seqs == sorted(set(seqs))
        texts = [m["content"] for m in device.seen("chat:message_received")]
        assert texts == [f"text {number}" for number in range(5)]
        assert (device.offset is not None) is way.has_offsets


async def test_what_is_wrong(way: Way, alice: User) -> None:
    """What is no command, or has a wrong payload, is answered with a code; without an id it is pushed."""
    device = await way.connect(alice)
    assert (await device.refused("chat:nothing"))["code"] == "UNKNOWN_COMMAND"
    error = await device.refused("chat:message_send", content=7)
    assert (error["code"], "content" in error["fields"]) == ("VALIDATION_ERROR", True)
    await device.tell("chat:message_send", content=7)
    assert (await device.expect("error"))["code"] == "VALIDATION_ERROR"


async def test_who_types(way: Way, alice: User, bob: User) -> None:
    """Who is talked to is told who types; who types is not told so."""
    a, b = await way.connect(alice), await way.connect(bob)
    talk = await opened(a, bob)
    await b.do("chat:typing", conversationId=talk, isTyping=True)
    typing = await a.expect("chat:user_typing")
    assert (typing["userId"], typing.get("isTyping", True)) == (bob.id, True)
    await b.settled()
    assert b.seen("chat:user_typing") == []


async def test_who_comes(way: Way, alice: User, bob: User) -> None:
    """Contacts are told who comes."""
    a = await way.connect(alice)
    await opened(a, bob)
    await way.connect(bob)
    change = await a.expect("user:status_changed")
    assert (change["userId"], change["status"]) == (bob.id, "online")


async def test_who_goes(way: Way, alice: User, bob: User) -> None:
    """Contacts are told who goes."""
    a = await way.connect(alice)
    await opened(a, bob)
    b = await way.connect(bob)
    await b.do("presence:offline")
    await a.expect("user:status_changed", lambda change: change["status"] == "offline")


async def test_what_was_read(way: Way, alice: User, bob: User) -> None:
    """Who wrote is told what was read."""
    a, b = await way.connect(alice), await way.connect(bob)
    talk = await opened(a, bob)
    message = await said(a, talk, "text")
    await b.do("chat:message_read", messageId=message["id"])
    update = await a.expect("chat:message_status_updated")
    assert (update["status"], update["userId"]) == ("read", bob.id)


async def test_one_lane(
    way: Way, db: "asyncpg.Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """Changes are made in the order in which they came, what is read comes behind them, and pings beside all."""
    device = await way.connect(alice)
    talk = await opened(device, bob)
    order: list[str] = []

    async def ask(what: str, name: str, **payload: Any) -> dict[str, Any]:
        answer = await device.do(name, **payload)
        order.append(what)
        return answer

    async with holding(db, talk):
        asked = [
            asyncio.create_task(ask(text, "chat:message_send", conversationId=talk, content=text))
            for text in ("first", "second", "third")
        ]
        read = asyncio.create_task(ask("history", "chat:history", conversationId=talk))
        await asyncio.sleep(0)
        await ask("ping", "system:ping")
    await asyncio.gather(*asked)
    texts = [m["content"] for m in (await read)["messages"]]
    assert texts == ["first", "second", "third"]
    assert order == ["ping", "first", "second", "third", "history"]
