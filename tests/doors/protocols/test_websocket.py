"""A WebSocket by itself: what is agreed on, what is heard, and how it ends."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType, web

from chatserver.core.caller import Session, User
from chatserver.core.errors import ErrorCode
from chatserver.delivery.pushes import Frame
from chatserver.doors.connection import Device, Dialect, PingingLine, SendQueue
from chatserver.doors.connection.due import Dues
from chatserver.doors.protocols import WebSocket, websocket_frames
from tests.doors.protocols.serving import Host, serving
from tests.support.inside import until
from tests.support.patience import PATIENCE
from tests.support.wire import CLOSE, TEXT, Wire, frame, handshake, text

PING, PONG = 9, 10
_MAX = 1_000
_BOUND = 200_000
_numbers = itertools.count()

_DIALECT = Dialect(
    event=lambda push: websocket_frames.text(push.name.encode()),
    event_with_offset=lambda push: websocket_frames.text(push.name.encode()),
    answer=lambda asked, _answer: websocket_frames.text(str(asked).encode()),
)


class EchoLine(PingingLine):
    """Says what it hears, unless it begins with ``#``.

    ``close`` and ``crash`` are done at once, ``slow …`` as soon as `patience` is set.
    """

    dialect = _DIALECT

    def __init__(self, host: Host, compress: bool) -> None:
        super().__init__(host, f"echo-{next(_numbers)}", SendQueue(_BOUND), "192.0.2.1")
        self.patience = asyncio.Event()
        self.taken: list[str] = []

    def take(self, text: str) -> bool:
        """Take what need not wait."""
        if text == "crash at once":
            raise RuntimeError(text)
        if text in ("close", "crash") or text.startswith("slow"):
            return False
        self.taken.append(text)
        if not text.startswith("#"):
            self.push(websocket_frames.text(text.encode()))
        return True

    async def text(self, text: str) -> None:
        """Take what may wait."""
        if text == "crash":
            raise RuntimeError(text)
        if text == "close":
            self.close_with(4000, b"as you wish")
        elif text.startswith("slow"):
            await self.patience.wait()
            self.push(websocket_frames.text(text.encode()))
        elif not text.startswith("#"):
            self.push(websocket_frames.text(text.encode()))


@dataclass
class Echo:
    """A server of echoing lines."""

    host: Host
    url: str = ""
    lines: list[EchoLine] = field(default_factory=list)

    @property
    def line(self) -> EchoLine:
        """The latest."""
        return self.lines[-1]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket."""
        compress = "compress" in request.query
        protocols = tuple(filter(None, request.query.get("protocols", "").split(",")))
        socket = WebSocket(request, max_size=_MAX, compress=compress, protocols=protocols)
        await socket.accept()
        line = EchoLine(self.host, compress)
        self.lines.append(line)
        line.schedule_ping()
        await socket.run(line)
        return socket.response


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    found = Echo(Host())
    app = web.Application()
    app.router.add_get("/echo", found.serve)
    async with serving(app) as url:
        found.url = url
        yield found


@pytest.fixture
async def wire(echo: Echo) -> AsyncIterator[Wire]:
    """An open WebSocket by hand."""
    async with Wire(echo.url) as opened:
        await opened.send(handshake(opened.host, path="/echo"))
        assert " 101 " in await opened.head()
        yield opened


async def test_echo(wire: Wire) -> None:
    """Text is heard, and what is said goes out, in its order."""
    await wire.send(text("one") + text("slöw") + text("three"))
    assert [await wire.receive() for _ in range(3)] == [
        (TEXT, b"one"),
        (TEXT, "slöw".encode()),
        (TEXT, b"three"),
    ]


async def test_what_waits_is_not_overtaken(wire: Wire, echo: Echo) -> None:
    """A message that has to wait holds up those behind it, and no ping."""
    await wire.send(text("slow") + text("quick") + frame(PING, b"there?"))
    assert await wire.receive() == (PONG, b"there?")
    assert echo.line.taken == []
    echo.line.patience.set()
    assert [(await wire.receive())[1] for _ in range(2)] == [b"slow", b"quick"]


async def test_fragments(wire: Wire) -> None:
    """A message in fragments is one, with control frames between them; a character may be cut in two."""
    first = frame(TEXT, "grü".encode()[:-1], first_byte=0x01)
    last = frame(TEXT, "grüße".encode()[3:], first_byte=0x80)
    await wire.send(first + frame(PING, b"between") + last)
    assert await wire.receive() == (PONG, b"between")
    assert await wire.receive() == (TEXT, "grüße".encode())


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),  # half a surrogate pair
        (frame(TEXT, b"x" * (_MAX + 1)), 1009),
        (
            frame(TEXT, b"x" * _MAX, first_byte=0x01) + frame(TEXT, b"x", first_byte=0x80),
            1009,
        ),
        (frame(TEXT, b"x", first_byte=0xF1), 1002),
        (frame(2, b"x"), 1003),
        (text("close"), 4000),
        (text("crash"), 1011),
        (text("crash at once"), 1011),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_closed(
    wire: Wire, echo: Echo, sent: bytes, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What is wrong is closed with the code that says so; a crash is logged without what came."""
    await wire.send(sent)
    assert await wire.close_code() == code
    await wire.send(frame(CLOSE, code.to_bytes(2)))
    await wire.ended()
    await until(lambda: echo.host.over)
    assert [record.levelno for record in caplog.records if record.levelno >= logging.ERROR] == (
        [logging.ERROR] if code == WSCloseCode.INTERNAL_ERROR else []
    )


async def test_the_largest_message(wire: Wire) -> None:
    """A message of the bound's size is taken, whole or in fragments."""
    await wire.send(frame(TEXT, b"x" * _MAX))
    assert (await wire.receive())[1] == b"x" * _MAX
    await wire.send(frame(TEXT, b"x", first_byte=0x01))
    await wire.send(frame(TEXT, b"y" * (_MAX - 1), first_byte=0x80))
    assert (await wire.receive())[1] == b"x" + b"y" * (_MAX - 1)


async def test_goodbyes(echo: Echo) -> None:
    """Each way to hang up has its code, and what was queued comes before it."""
    for end, code, reason in (
        (lambda line: line.hang_up(), 1000, ""),
        (lambda line: line.hang_up(for_good=True), 1008, ""),
        (lambda line: line.hang_up(come_back=ErrorCode.UNAVAILABLE), 1013, "UNAVAILABLE"),
        (lambda line: line.close_with(1001, b"draining"), 1001, "draining"),
        (lambda line: line.close_with(1008, b"x" * 200), 1008, "x" * 123),
    ):
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{echo.url}/echo") as client:
            await client.send_str("hello")
            await client.receive_str(timeout=PATIENCE)
            echo.line.push(websocket_frames.text(b"last"))
            end(echo.line)
            assert await client.receive_str(timeout=PATIENCE) == "last"
            goodbye = await client.receive(timeout=PATIENCE)
            assert (goodbye.type, goodbye.data, goodbye.extra) == (WSMsgType.CLOSE, code, reason)


async def test_a_client_that_leaves(wire: Wire, echo: Echo) -> None:
    """A client's close is answered, and a client that vanishes is forgotten."""
    await wire.send(frame(CLOSE, b"\x03\xe9"))
    assert (await wire.receive())[0] == CLOSE
    await wire.ended()
    await until(lambda: echo.host.over)
    async with Wire(echo.url) as other:
        await other.send(handshake(other.host, path="/echo"))
        await other.head()
    await until(lambda: len(echo.host.over) == 2)
    assert echo.host.left == [line.sid for line in echo.lines]


@pytest.mark.parametrize(
    ("offered", "known", "agreed"),
    [
        ("v10.stomp, v11.stomp, v12.stomp", "v12.stomp,v11.stomp,v10.stomp", "v10.stomp"),
        ("else, v11.stomp", "v12.stomp,v11.stomp", "v11.stomp"),
        ("whatever, more", "", "whatever"),
        (None, "v12.stomp", None),
    ],
)
async def test_subprotocols(
    echo: Echo, offered: str | None, known: str, agreed: str | None
) -> None:
    """The first that both know is agreed on; where none means anything, the first that is offered."""
    headers = {"Sec-WebSocket-Protocol": offered} if offered else {}
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(
            f"{echo.url}/echo?protocols={known}", headers=headers, protocols=(agreed or "",)
        ) as client,
    ):
        assert client.protocol == agreed


async def test_an_unknown_subprotocol(echo: Echo, caplog: pytest.LogCaptureFixture) -> None:
    """Where none is known the handshake fails, with those that are; nothing of it is logged."""
    async with Wire(echo.url) as wire:
        header = "Sec-WebSocket-Protocol: secret, else"
        await wire.send(handshake(wire.host, header, path="/echo?protocols=v12.stomp"))
        head = await wire.head()
        assert head.startswith("HTTP/1.1 400 Sec-WebSocket-Protocol: none is known here")
        assert "v12.stomp" in head
        assert "secret" not in head + caplog.text


async def test_deflate(echo: Echo) -> None:
    """Messages are deflated where both agree, in their order, with pings and a farewell between them."""
    url = f"{echo.url}/echo?compress"
    async with aiohttp.ClientSession() as http, http.ws_connect(url, compress=15) as client:
        for said in ("one", "two" * 300):
            await client.send_str(said)
            assert await client.receive_str(timeout=PATIENCE) == said
        assert client.compress
        line = echo.line
        assert line.transport is None
        line._ping()
        line.push(websocket_frames.text(b"behind"))
        assert await client.receive_str(timeout=PATIENCE) == "behind"
        await until(lambda: not line._pinged)
        line.push(websocket_frames.text(b"last"))
        line.close_with(1001)
        assert await client.receive_str(timeout=PATIENCE) == "last"
        assert (await client.receive(timeout=PATIENCE)).data == 1001


async def test_a_deflated_message_that_is_too_long(echo: Echo) -> None:
    """The bound is that of the inflated message."""
    url = f"{echo.url}/echo?compress"
    async with aiohttp.ClientSession() as http, http.ws_connect(url, compress=15) as client:
        await client.send_str("x" * 1_000_000)
        assert (await client.receive(timeout=PATIENCE)).data == 1009


async def test_a_client_that_does_not_read(echo: Echo) -> None:
    """A client for which too much waits is cut off, also where all of it are pongs."""
    async with Wire(echo.url) as wire:
        await wire.send(handshake(wire.host, path="/echo"))
        await wire.head()
        pings = frame(PING, b"x" * 125) * 100

        async def flood() -> None:
            while True:
                await wire.send(pings)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(flood(), PATIENCE)
        await until(lambda: echo.host.over)
        assert echo.host.traffic.aborted == 1


# -- what a pong proves ---------------------------------------------------------------------------


def _device(line: EchoLine) -> Device:
    session = Session(
        user=User(id="bob", username="bob", display_name="Bob"), connection_id="c", expires_at=0
    )
    device = line.device = Device(session, line)
    device.held = None
    return device


def _push(seq: int) -> Frame:
    return Frame(f"push {seq}", {}, None, "conversation:a", seq)


async def _opened(echo: Echo, wire: Wire) -> Device:
    await wire.send(text("hello"))
    await wire.receive()
    return _device(echo.line)


async def test_a_ping_comes_with_a_push(wire: Wire, echo: Echo) -> None:
    """A durable push is followed by a ping in the same write; its pong proves that it arrived."""
    device = await _opened(echo, wire)
    device.send(_push(1))
    assert await wire.receive() == (TEXT, b"push 1")
    opcode, number = await wire.receive()
    assert opcode == PING
    await wire.send(frame(PONG, number))
    await until(lambda: echo.host.arrived)
    assert echo.host.arrived == [("bob", {"conversation:a": 1})]


async def test_one_ping_at_a_time(wire: Wire, echo: Echo) -> None:
    """No other ping comes while one is not answered; the next is for all that was pushed since."""
    echo.host.deadlines.proof = Dues(0.01)
    device = await _opened(echo, wire)
    numbers = []
    for seq in (1, 2, 3):
        device.send(_push(seq))
        assert await wire.receive() == (TEXT, f"push {seq}".encode())
        if seq == 1:
            numbers.append((await wire.receive())[1])
    # What answers no ping, or an older one, proves nothing.
    await wire.send(frame(PONG, b"") + frame(PONG, b"\xff\xff") + text("behind"))
    assert await wire.receive() == (TEXT, b"behind")
    assert echo.host.arrived == []
    await wire.send(frame(PONG, numbers[0]))
    opcode, number = await wire.receive()
    assert opcode == PING
    assert number != numbers[0]
    assert echo.host.arrived == [("bob", {"conversation:a": 1})]
    await wire.send(frame(PONG, number))
    await until(lambda: len(echo.host.arrived) == 2)
    assert echo.host.arrived[1] == ("bob", {"conversation:a": 3})


async def test_no_second_ping_too_early(wire: Wire, echo: Echo) -> None:
    """However quickly pings are answered, the next waits until the pause after the one before is over."""
    device = await _opened(echo, wire)
    device.send(_push(1))
    await wire.receive()
    _, number = await wire.receive()
    await wire.send(frame(PONG, number))
    await until(lambda: echo.host.arrived)
    device.send(_push(2))
    assert await wire.receive() == (TEXT, b"push 2")
    await wire.send(text("behind"))
    assert await wire.receive() == (TEXT, b"behind")
    # It is over.
    line = echo.line
    assert line._rest is not None
    line._rest.expire()
    assert (await wire.receive())[0] == PING


async def test_what_is_not_durable_needs_no_proof(wire: Wire, echo: Echo) -> None:
    """Pushes that are in no log are followed by no ping."""
    device = await _opened(echo, wire)
    device.send(Frame("typing", {}))
    await wire.send(text("behind"))
    assert [(await wire.receive())[1] for _ in range(2)] == [b"typing", b"behind"]
    assert echo.line._rest is None


async def test_a_client_that_is_silent(echo: Echo) -> None:
    """A client that answers no ping is closed after the pong deadline."""
    echo.host.deadlines.ping, echo.host.deadlines.pong = Dues(0.01), Dues(0.01)
    async with Wire(echo.url) as wire:
        await wire.send(handshake(wire.host, path="/echo"))
        await wire.head()
        assert (await wire.receive())[0] == PING
        assert await wire.close_code() == 1000


async def test_a_client_that_we_hold_up(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose pong stands behind so much that we read no further is not taken for silent."""
    missed = asyncio.Semaphore(0)
    miss = EchoLine._miss_pong

    def count(line: EchoLine) -> None:
        missed.release()
        miss(line)

    monkeypatch.setattr(EchoLine, "_miss_pong", count)
    echo.host.deadlines.pong = Dues(0.01)
    async with Wire(echo.url) as wire:
        await wire.send(handshake(wire.host, path="/echo"))
        await wire.head()
        await wire.send(text("slow") + frame(TEXT, b"#" * _MAX) * 400)
        await until(lambda: echo.line.socket and not echo.line.socket.at_rest)
        line = echo.line
        line._ping()
        _, number = await wire.receive()
        await wire.send(frame(PONG, number))
        async with asyncio.timeout(PATIENCE):
            await missed.acquire()
            # The next one missed is the last that comes so soon.
            echo.host.deadlines.pong = Dues(3600.0)
            await missed.acquire()
        line.patience.set()
        await until(lambda: not line._pinged)
        assert not line.closing
