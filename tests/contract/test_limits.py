"""What one person may ask for in a minute, on one process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chatserver.store import Database
from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.http import ok, open_direct, request
from tests.support.limits import stop_the_clock
from tests.support.raw import raw_client
from tests.support.servers import Server, local_server

LONG = "x" * 501


@pytest.fixture
async def strict(dsn: str) -> AsyncIterator[Server]:
    """A server that allows three messages and twelve commands a minute."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="3", COMMAND_RATE_LIMIT="12") as server:
        yield server


async def send(device: Device, conversation_id: str, content: str, **more: str) -> dict[str, Any]:
    """The ack of a message."""
    return await device.ask(
        "chat:message_send", {"conversationId": conversation_id, "content": content, **more}
    )


def limited(error: dict[str, Any]) -> int:
    """The seconds to wait of an error that must be about a limit."""
    assert error["code"] == "RATE_LIMIT_EXCEEDED", error
    assert error["message"] == "Rate limit exceeded"
    assert "Please wait" in error["details"]
    assert error["retryable"] is True
    assert isinstance(error["retryAfter"], int)
    assert 1 <= error["retryAfter"] <= 60
    return int(error["retryAfter"])


async def test_messages(strict: Server, connect: Connect, alice: User, bob: User) -> None:
    """Past MESSAGE_RATE_LIMIT a message is refused, is not there, and says when to come back; others go on."""
    conversation_id = await open_direct(strict, alice, bob)
    a, b = await connect(alice, strict.url), await connect(bob, strict.url)
    assert a.ready["limits"]["messagesPerMinute"] == 3
    for number in range(3):
        assert (await send(a, conversation_id, f"{number}"))["success"]
    limited((await send(a, conversation_id, "too much"))["error"])
    assert (await send(b, conversation_id, "not limited"))["success"]
    page = await a.do("chat:history", conversationId=conversation_id)
    assert [m["content"] for m in page["messages"]] == ["0", "1", "2", "not limited"]


async def test_coming_back_in_time(
    strict: Server, connect: Connect, alice: User, bob: User
) -> None:
    """After retryAfter, and not a second earlier, the same message under the same id is accepted."""
    conversation_id = await open_direct(strict, alice, bob)
    a = await connect(alice, strict.url)
    clock = stop_the_clock(strict)
    for number in range(3):
        assert (await send(a, conversation_id, f"{number}"))["success"]
        clock.now += 10
    wait = limited((await send(a, conversation_id, "again", clientMessageId="m-1"))["error"])
    assert wait == 30
    clock.now += wait - 1
    assert limited((await send(a, conversation_id, "again", clientMessageId="m-1"))["error"]) == 1
    clock.now += 1
    ack = await send(a, conversation_id, "again", clientMessageId="m-1")
    assert (ack["success"], ack["duplicate"]) == (True, False)


@pytest.mark.parametrize("field", ["content", "contentEncrypted"])
async def test_long_texts(
    strict: Server, connect: Connect, alice: User, bob: User, field: str
) -> None:
    """Of texts over 500 characters there may be twice as many; what is shorter is past its limit by then."""
    conversation_id = await open_direct(strict, alice, bob)
    a = await connect(alice, strict.url)

    async def accepted(text: str) -> bool:
        payload = {"conversationId": conversation_id, field: text}
        ack = await a.ask("chat:message_send", payload)
        return bool(ack["success"]) or not limited(ack["error"])

    assert [await accepted("x" * 500) for _ in range(4)] == [True] * 3 + [False]
    assert [await accepted(LONG) for _ in range(4)] == [True] * 3 + [False]
    assert not await accepted("short")


async def test_rest_and_sockets_are_one(
    strict: Server, connect: Connect, alice: User, bob: User
) -> None:
    """What a person sends counts together, over whichever door, and REST says when to come back in its header."""
    conversation_id = await open_direct(strict, alice, bob)
    a = await connect(alice, strict.url)
    body = {"conversation_id": conversation_id, "content": "hello"}
    for _ in range(2):
        await ok("POST", f"{strict.url}/api/messages", alice, status=201, json=body)
    assert (await send(a, conversation_id, "hello"))["success"]
    answer = await request("POST", f"{strict.url}/api/messages", alice, json=body)
    assert answer.status == 429
    assert answer.headers["Retry-After"] == str(limited(answer.error))
    limited((await send(a, conversation_id, "hello"))["error"])


async def test_one_device(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """CLIENT_MESSAGE_RATE_LIMIT holds for each connection, beside what all of them may send together."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="3", CLIENT_MESSAGE_RATE_LIMIT="2") as server:
        conversation_id = await open_direct(server, alice, bob)
        one, two = await connect(alice, server.url), await connect(alice, server.url)
        for _ in range(2):
            assert (await send(one, conversation_id, "one"))["success"]
        limited((await send(one, conversation_id, "one"))["error"])
        assert (await send(two, conversation_id, "two"))["success"]
        limited((await send(two, conversation_id, "two"))["error"])


async def test_both_limits_are_heeded(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Where the device and its user are both past their limits, the wait is the longer one."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="3", CLIENT_MESSAGE_RATE_LIMIT="2") as server:
        conversation_id = await open_direct(server, alice, bob)
        clock = stop_the_clock(server)
        one, two = await connect(alice, server.url), await connect(alice, server.url)
        assert (await send(one, conversation_id, "one"))["success"]
        for _ in range(2):
            clock.now += 20
            assert (await send(two, conversation_id, LONG))["success"]
        # Of two's own, the second is the one to wait for; of hers, the first: all three count for short ones.
        assert limited((await send(two, conversation_id, "two"))["error"]) == 40
        clock.now += 40
        assert (await send(two, conversation_id, "two"))["success"]


async def test_every_command_counts(
    strict: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Typing, reading, unknown and malformed commands count, refused ones too; pings do not, and are answered."""
    conversation_id = await open_direct(strict, bob, alice)
    async with raw_client(strict.url, alice.token) as raw:
        typing = f'{{"conversationId":"{conversation_id}","isTyping":true}}'
        for _ in range(2):
            assert (await raw.ask("chat:typing", typing))["success"]
            assert (await raw.ask("chat:history", f'{{"conversationId":"{conversation_id}"}}'))[
                "success"
            ]
            assert (await raw.refused("chat:nothing", "{}"))["code"] == "UNKNOWN_COMMAND"
            for wrong in ("{}", "{", '"x"'):
                error = await raw.refused("chat:message_send", wrong)
                assert error["code"] == "VALIDATION_ERROR"
        for name, payload in (
            ("chat:typing", typing),
            ("chat:nothing", "{}"),
            ("chat:message_send", "{"),
        ):
            limited(await raw.refused(name, payload))
        for _ in range(20):
            await raw.works()


async def test_a_limited_sender_costs_no_query(
    strict: Server, connect: Connect, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is refused for a limit never reaches the database."""
    conversation_id = await open_direct(strict, bob, alice)
    a = await connect(alice, strict.url)
    for _ in range(3):
        assert (await send(a, conversation_id, "hello"))["success"]

    asked: list[str] = []

    def never(_db: Database, name: str, *_: object) -> None:
        asked.append(name)
        raise AssertionError

    with monkeypatch.context() as patch:
        for method in ("one", "all"):
            patch.setattr(Database, method, never)
        for _ in range(9):
            limited((await send(a, conversation_id, "hello"))["error"])
        for name in ("chat:history", "chat:typing", "chat:conversation_list"):
            limited(await a.refused(name, conversationId=conversation_id))
    assert asked == []


async def test_without_an_ack(strict: Server, connect: Connect, alice: User, bob: User) -> None:
    """A limited command that was sent without an ack callback comes back as the push `error`."""
    conversation_id = await open_direct(strict, bob, alice)
    a = await connect(alice, strict.url)
    for _ in range(4):
        await a.sio.emit(
            "chat:message_send", {"conversationId": conversation_id, "content": "hello"}
        )
    limited(await a.expect("error"))
    await a.settled()
    assert len(a.seen("chat:message_received")) == 3
    assert a.seen("error") == []


async def test_a_flood(dsn: str, alice: User) -> None:
    """Who goes on past ten times the limit is cut off, after the last answer."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="1", COMMAND_RATE_LIMIT="2") as server:
        async with raw_client(server.url, alice.token) as raw:
            for _ in range(2):
                assert (await raw.ask("presence:list", "{}"))["success"]
            for _ in range(21):
                limited(await raw.refused("presence:list", "{}"))
            await raw.closed()
        assert server.app is not None
        assert server.app.gate._limiter.hits == 21


async def test_many_at_once(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Of many messages at the same moment, over several devices, exactly as many as allowed are accepted."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="20") as server:
        conversation_id = await open_direct(server, alice, bob)
        devices = [await connect(alice, server.url) for _ in range(3)]
        acks = await asyncio.gather(
            *(send(device, conversation_id, "hello") for device in devices for _ in range(15))
        )
        assert sum(ack["success"] for ack in acks) == 20
        for ack in acks:
            assert ack["success"] or limited(ack["error"])


async def test_no_limit(dsn: str, connect: Connect, alice: User) -> None:
    """COMMAND_RATE_LIMIT=0 lets commands alone."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="1", COMMAND_RATE_LIMIT="0") as server:
        a = await connect(alice, server.url)
        for _ in range(30):
            await a.do("presence:list")
