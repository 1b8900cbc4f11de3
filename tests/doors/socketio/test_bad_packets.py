"""Frames that are no commands: answered where they can be, else their connection ends and no other."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.conftest import User
from tests.support.patience import PATIENCE
from tests.support.raw import Raw, all_closed, raw_client, raw_socket
from tests.support.servers import Server


@pytest.fixture
async def raw(server: Server, alice: User) -> AsyncIterator[Raw]:
    """A connected device that is as good as new in the end."""
    async with raw_client(server.url, alice.token) as connected:
        yield connected
        await connected.works()


@pytest.mark.parametrize(
    "event",
    [
        '["no:such",{}]',
        '["connect",{}]',
        '["connect"]',
        '["disconnect"]',
        '["disconnect","transport close"]',
        '["connect_error",{"message":"no"}]',
        '["error",{}]',
        '["message","hello"]',
        '["session:ready",{}]',
        '["*",{}]',
        '["chat:",{}]',
        '["chat:MESSAGE_SEND",{}]',
        '["__class__",{}]',
        '["",{}]',
        '["\\u0000\\ud800",{}]',
        '["system:ping\\u0000",{}]',
        "[5]",
        "[null,{}]",
        "[true]",
        "[NaN]",
        "[1e400]",
        '[["system:ping"],{}]',
        '[{"system:ping":1},{}]',
        f"[{'9' * 400}]",
    ],
)
async def test_what_is_no_command_is_unknown(raw: Raw, event: str) -> None:
    """An event that is no command, also a reserved one or one without a name, is answered UNKNOWN_COMMAND."""
    (answer,) = json.loads(await raw.ack("42{id}" + event))
    assert answer["error"]["code"] == "UNKNOWN_COMMAND"


@pytest.mark.parametrize(
    "data",
    [
        "",
        "[]",
        "{}",
        "+5",
        '"system:ping"',
        "null",
        "[",
        '["system:ping",{}',
        '["system:ping",{}]]',
        '["system:ping",{}] ["system:ping",{}]',
        "['system:ping']",
        '["system:ping",{a:1}]',
        '["system:ping",{"a":}]',
        '["system:ping",{},]',
        '["system:ping","\n"]',
        "\\u0000",
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 50_000,
        f"[{'9' * 5000}]",
    ],
    ids=lambda data: repr(data[:40]),
)
async def test_what_is_no_event_is_refused(raw: Raw, data: str) -> None:
    """An event whose JSON is wrong, empty or no event still has its id: VALIDATION_ERROR naming `payload`."""
    (answer,) = json.loads(await raw.ack("42{id}" + data))
    assert answer["error"]["code"] == "VALIDATION_ERROR"
    assert list(answer["error"]["fields"]) == ["payload"]


async def test_binary_is_refused(raw: Raw) -> None:
    """A payload with binary attachments is refused at once, and the attachments are swallowed."""
    for attachments in (1, 3):
        holder = ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in range(attachments))
        packet = f'45{attachments}-{{id}}["chat:typing",{holder}]'
        (answer,) = json.loads(await raw.ack(packet))
        assert answer["error"]["code"] == "VALIDATION_ERROR"
        assert list(answer["error"]["fields"]) == ["payload"]
        for _ in range(attachments):
            await raw.blob(b"\0\xff")
        await raw.works()
    (answer,) = json.loads(await raw.ack('45{id}["chat:typing",{}]'))
    assert answer["error"]["code"] == "VALIDATION_ERROR"
    await raw.frame('451-["chat:typing",{"_placeholder":true,"num":0}]')
    await raw.blob(b"x")
    assert (await raw.push("error"))["code"] == "VALIDATION_ERROR"


async def test_ids_are_echoed(raw: Raw) -> None:
    """An ack has its command's own id, up to the largest that JavaScript counts to, and 0."""
    for packet_id in (0, 7, 2**53 - 1):
        await raw.frame(f'42{packet_id}["system:ping"]')
        assert (await raw.packet()).startswith(f'3{packet_id}[{{"success":true')


async def test_acks_of_nothing_are_dropped(raw: Raw) -> None:
    """An ack from a client, which was asked for none, does nothing."""
    await raw.frame("430[]")
    await raw.frame("43nonsense")


async def test_other_namespaces_do_not_exist(raw: Raw) -> None:
    """Connecting to another namespace is refused there, and events in it go nowhere."""
    assert json.loads((await raw.connect('/admin,{"token":"x"}')).removeprefix("4/admin,")) == {
        "message": "Invalid namespace"
    }
    await raw.frame('42/admin,5["system:ping"]')


@pytest.mark.parametrize(
    "auth", ["", "{}", "[]", '"x"', "{", "5", "null", '{"token":5}', '{"token":NaN}', "[" * 9000]
)
async def test_a_senseless_connect_is_refused(server: Server, auth: str) -> None:
    """A CONNECT without a token, with a senseless one or that is no JSON is answered with a code."""
    async with raw_socket(server.url) as raw:
        answer = await raw.connect(auth)
        assert answer.startswith("4{"), answer
        data = json.loads(answer[1:])["data"]
        assert data["code"] in ("AUTH_REQUIRED", "AUTH_FAILED")


@pytest.mark.parametrize(
    "token", ['"\\ud800"', '"a.b.c"', '"\\u0000"', '"eyJhbGciOiJub25lIn0.e30."']
)
async def test_a_hostile_token_is_refused(server: Server, token: str) -> None:
    """A token that is none, also one that nobody can write down, is answered AUTH_FAILED."""
    async with raw_socket(server.url) as raw:
        answer = await raw.connect(f'{{"token":{token}}}')
        assert json.loads(answer[1:])["data"]["code"] == "AUTH_FAILED"


async def test_events_before_connecting_go_nowhere(server: Server, alice: User) -> None:
    """Events before CONNECT are dropped, and connecting still works."""
    async with raw_socket(server.url) as raw:
        await raw.frame('420["system:ping"]')
        await raw.frame('42["system:ping"]')
        assert (await raw.connect(json.dumps({"token": alice.token}))).startswith("0{")
        await raw.push("session:ready")
        await raw.works()
        assert raw.pushes == []


GARBAGE: dict[str, str | bytes] = {
    "no such packet type": "49",
    "empty message": "4",
    "letters": "4x",
    "JSON without a type": '4["system:ping"]',
    "an object": "4{}",
    "deep nesting without a type": "4" + "[" * 100_000,
    "a long number": "4" + "9" * 10_000,
    "a connect error": "44{}",
    "binary out of the blue": b"\0\1\2",
    "an empty frame": "",
    "no Engine.IO type": "x",
    "no such Engine.IO type": "9",
    "an Engine.IO type that is no ASCII digit": "²",
    "broken base64": "b!",
    "an oversized frame": "42" + "x" * 2_000_000,
}


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "before connecting"])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_ends_its_connection_only(
    server: Server, alice: User, raw: Raw, garbage: str | bytes, connected: bool
) -> None:
    """Garbage ends the connection that it came by, which is forgotten; others and new ones live on."""
    assert server.app is not None
    reception = server.app.reception
    before = reception.connections
    await all_closed(server.url, garbage, alice.token if connected else None)
    async with raw_client(server.url, alice.token) as another:
        while (
            reception.connections > before + 1
        ):  # the client hears of the end before the server does
            await another.works()


@asynccontextmanager
async def polling(url: str) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """An HTTP client, and the address of its Engine.IO session."""
    url = f"{url}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
        async with session.get(url) as opened:
            sid = json.loads((await opened.text())[1:])["sid"]
        yield session, f"{url}&sid={sid}"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"x", b"9", b"b!", b"\xff\xfe", b"4", b"4x", b"49", b"1", b"\x1e", b"4\x1e" * 40),
        *(b"4" + b"[" * 100_000, b"4" + b"9" * 10_000, b"40{}\x1e42[", b"2" * 1_100_000),
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_garbage_by_polling_is_answered(server: Server, raw: Raw, body: bytes) -> None:
    """Garbage that is posted by HTTP long-polling gets an HTTP answer that tells nothing of the inside."""
    async with (
        polling(server.url) as (session, url),
        session.post(url, data=io.BytesIO(body)) as answer,
    ):
        assert answer.status in (200, 400, 413)
        text = await answer.text()
    assert "Traceback" not in text
    assert ".py" not in text


async def test_a_body_that_comes_in_pieces_is_read_whole(server: Server) -> None:
    """A post of HTTP long-polling is read to its end, however the network cuts it up."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"4"
        await asyncio.sleep(0.05)  # let the server begin to read
        yield b"0{}"

    async with polling(server.url) as (session, url):
        async with session.post(url, data=pieces(), headers={"Content-Length": "4"}) as posted:
            assert posted.status == 200
        async with session.get(url) as polled:
            assert "AUTH_REQUIRED" in await polled.text()
