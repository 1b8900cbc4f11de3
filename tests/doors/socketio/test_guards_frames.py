"""What is no packet, or out of place, closes its connection at once, and leaves nothing behind."""

import asyncio
import logging
import random
import tracemalloc
from contextlib import suppress

import pytest
from engineio.packet import Packet

from tests.conftest import User
from tests.support.inside import empty, sockets
from tests.support.polling import SEPARATOR, polling
from tests.support.raw import all_closed, raw_client
from tests.support.servers import Server, local_server
from tests.support.wire import BINARY, CLOSE, TEXT, Wire, frame, handshake, text

_MAX = 100_000

# Frames that close a WebSocket, with a Socket.IO session or without.
_GARBAGE: tuple[str | bytes, ...] = (
    "",
    " ",
    "9",
    "x",
    "hello",
    '٤2["system:ping"]',  # an Arabic four
    '0{"sid":"mine"}',
    "2",
    "2probe",
    "5",
    "6",
    "4",
    "47",
    "4x",
    "4-",
    '44{"message":"mine"}',
    "b",
    "b!!!",
    b"",
    b"junk",
    b"\x04\x00",
    '45999-["chat:message_send",{"_placeholder":true,"num":0}]',
)


@pytest.fixture(scope="module")
async def small(dsn: str) -> "Server":
    """A server that takes small payloads."""
    async with local_server(dsn, MAX_PAYLOAD_SIZE=str(_MAX)) as server:
        yield server


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever clients send is no error of ours."""
    yield
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == []


@pytest.mark.parametrize("garbage", _GARBAGE, ids=repr)
async def test_garbage(small: Server, alice: User, garbage: str | bytes) -> None:
    """A frame that is no packet, or one that no client sends there, closes the connection at once."""
    for token in (None, alice.token):
        await all_closed(small.url, garbage, token)
        await empty(small)


async def test_a_second_connect(small: Server, alice: User) -> None:
    """So does a second CONNECT."""
    await all_closed(small.url, "40{}", alice.token)
    await empty(small)


async def test_broken_websocket_frames(small: Server, alice: User) -> None:
    """Invalid UTF-8 is closed with 1007, an oversized frame with 1009, other broken frames with 1002."""
    for sent, code in (
        (frame(TEXT, b"4\xff\xfe"), 1007),
        (frame(TEXT, b"4\xed\xa0\x80"), 1007),
        (frame(TEXT, b"4" * (_MAX + 1)), 1009),
        (frame(BINARY, b"4" * (_MAX + 1)), 1009),
        (frame(TEXT, b"4", first_byte=0xF1), 1002),
        (frame(3, b""), 1002),
        (text("9"), 1002),
    ):
        async with Wire(small.url) as wire:
            await wire.connect(alice.token)
            await wire.send(sent)
            assert await wire.close_code() == code
            # The server waits a little for this, unless the frames cannot be told apart any more.
            with suppress(ConnectionError):
                await wire.send(frame(CLOSE, code.to_bytes(2)))
            await wire.ended()
    await empty(small)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"x", 400),
        (b"9", 400),
        (b"2", 400),
        (b"d=4", 400),
        (b"4\xff", 400),
        (b"bAAAA", 400),
        (b'42["system:ping"]' + SEPARATOR.encode(), 400),
        (b"4" * (_MAX + 1), 413),
        (b"1", 200),
    ],
    ids=lambda value: repr(value)[:20],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
async def test_garbage_posted(
    small: Server, alice: User, body: bytes, status: int, chunked: bool
) -> None:
    """A post that is no payload, or a too long one, is refused, and ends its session."""

    async def chunks() -> object:
        yield body

    async with polling(small.url) as client:
        await client.connect(alice.token)
        assert await client.post(chunks() if chunked else body) == status
        await client.gone()
    await empty(small)


async def test_a_wrong_content_length(small: Server, alice: User) -> None:
    """A post whose Content-Length is no length is refused; one that is cut short ends its session."""
    async with polling(small.url) as client:
        await client.connect(alice.token)
        path = client.url.removeprefix(small.url)
        start = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: "
        for length in ("x", "-1", "1, 2", "0x10", "9" * 30):
            async with Wire(small.url) as wire:
                await wire.send(f"{start}{length}\r\n\r\n42[]".encode())
                assert " 400 " in await wire.head()
        assert await client.post('421["system:ping"]') == 200
        async with Wire(small.url) as wire:
            await wire.send(f"{start}100\r\n\r\n42[".encode())
        await empty(small)
        await client.gone()


async def test_two_polls_at_once(small: Server, alice: User) -> None:
    """A second poll beside one that waits is refused, and ends the session: packets would go astray."""
    async with polling(small.url) as client:
        await client.connect(alice.token)
        answers = await asyncio.gather(client.poll(), client.poll())
        assert sorted(status for status, _ in answers) == [200, 400]
    await empty(small)


async def test_a_long_payload(small: Server, alice: User) -> None:
    """Commands that a polling client has buffered are all answered, however many they are: bytes have a bound."""
    async with polling(small.url) as client:
        await client.connect(alice.token)
        commands = SEPARATOR.join(f'42{number}["system:ping"]' for number in range(1500))
        assert await client.post(commands) == 200
        acks: list[str] = []
        while len(acks) < 1500:
            acks += (await client.poll())[1]
        assert {ack.partition("[")[0] for ack in acks} == {f"43{number}" for number in range(1500)}


@pytest.mark.parametrize(
    "name", ["connect", "disconnect", "connect_error", "*", "message", "error"]
)
async def test_forged_events(small: Server, alice: User, name: str) -> None:
    """An event by a name that the library reserves is an unknown command, and nothing else."""
    async with raw_client(small.url, alice.token) as raw:
        assert (await raw.refused(name, "{}"))["code"] == "UNKNOWN_COMMAND"
        await raw.works()


async def test_a_binary_bomb(small: Server, alice: User) -> None:
    """Attachments of an event that was answered already are thrown away as they come, and cost no memory."""
    async with raw_client(small.url, alice.token) as raw:
        tracemalloc.start()
        try:
            for _ in range(5):
                ack = await raw.ack('4510-{id}["chat:message_send",{"_placeholder":true,"num":0}]')
                assert "VALIDATION_ERROR" in ack
                (socket,) = sockets(small)
                for _ in range(10):
                    await raw.blob(b"\0" * _MAX)
                await raw.works()
                assert socket.attachments == 0
            # 5 MB came.
            assert tracemalloc.get_traced_memory()[0] < 1_000_000
        finally:
            tracemalloc.stop()


async def test_text_between_attachments(small: Server, alice: User) -> None:
    """Text where attachments were announced closes the connection: no client sends that."""
    async with raw_client(small.url, alice.token) as raw:
        await raw.ack('451-{id}["chat:message_send",{}]')
        await raw.frame('421["system:ping"]')
        await raw.closed()
    await empty(small)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"'])
async def test_json_is_strict(small: Server, alice: User, value: str) -> None:
    """What the standard library takes for JSON and is none never reaches a command."""
    async with raw_client(small.url, alice.token) as raw:
        error = await raw.refused("chat:history", f'{{"conversationId":{value}}}')
        assert error["code"] == "VALIDATION_ERROR"
        assert list(error["fields"]) == ["conversationId"]


async def test_engineio_parses_no_json(
    small: Server, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The JSON parser of the Engine.IO library sees nothing that a client sends."""
    seen: list[object] = []
    monkeypatch.setattr(Packet, "decode", lambda _self, encoded: seen.append(encoded))
    await all_closed(small.url, '4{"a":NaN}', alice.token)
    await all_closed(small.url, "4[Infinity]", alice.token)
    async with raw_client(small.url, alice.token) as raw, polling(small.url) as client:
        await client.connect(alice.token)
        assert await client.post('421["system:ping",{"a":NaN}]') == 200
        await raw.works()
    assert seen == []


def _random_frame(chance: random.Random) -> bytes:
    kind = chance.random()
    if kind < 0.4:
        # Nearly a command.
        good = list('42123["chat:message_send",{"content":"x"}]')
        for _ in range(chance.randint(1, 4)):
            good[chance.randrange(2, len(good))] = chr(chance.randint(32, 1000))
        return text("".join(good))
    if kind < 0.6:
        types = "".join(
            chance.choice('0123456789b4-,/[]{}"x') for _ in range(chance.randint(0, 12))
        )
        return text(types)
    opcode = chance.choice((0, 1, 1, 2, 8, 9, 10, 11))
    first_byte = chance.choice((None, None, None, chance.randrange(256)))
    return frame(opcode, chance.randbytes(chance.randint(0, 120)), first_byte=first_byte)


async def test_random_frames(small: Server, alice: User) -> None:
    """Ten thousand random frames leave no transport, no session and no error in the log; others are served."""
    chance = random.Random(5)
    connect = text(f'40{{"token":"{alice.token}"}}')
    async with raw_client(small.url, alice.token) as bystander:

        async def client(number: int) -> None:
            async with Wire(small.url) as wire:
                sent = handshake(wire.host) + (connect if number % 2 else b"")
                await wire.send(sent + b"".join(_random_frame(chance) for _ in range(20)))
                # A polite end, for those that had nothing wrong in them.
                await wire.send(frame(CLOSE, b"\x03\xe8"))
                await wire.ended()

        for start in range(0, 500, 50):
            await asyncio.gather(*(client(start + number) for number in range(50)))
        await bystander.works()
    await empty(small)
