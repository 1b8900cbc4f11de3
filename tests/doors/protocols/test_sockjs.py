"""SockJS beyond the tests of its protocol: whose a session is, what is bounded, and how it ends."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import WSMsgType

from chatserver.doors.protocols.sockjs_frames import BadMessages, parse
from chatserver.doors.protocols.sockjs_session import SockJSTimes
from tests.doors.protocols.conftest import Http, a_session
from tests.doors.protocols.sockjs_services import BOUND, MAX_SIZE, ORIGIN, Services, services
from tests.support.inside import until
from tests.support.patience import PATIENCE

_INTERRUPTED = 'c[1002,"Connection interrupted"]\n'


@pytest.fixture
async def brisk() -> AsyncIterator[tuple[Services, Http]]:
    """Services whose sessions end soon; one between two requests may have ended on a busy machine."""
    times = SockJSTimes(delay=0.05)
    async with services(times=times, max_sessions=2) as found, aiohttp.ClientSession() as session:
        yield found, Http(found.url, session)


async def test_base_url() -> None:
    """Info sends clients to the address that is configured, such as the process that answers."""
    async with (
        services(base_url="https://one.example/echo") as found,
        aiohttp.ClientSession() as session,
    ):
        answer = await Http(found.url, session).get("/echo/info")
    assert json.loads(answer.text)["base_url"] == "https://one.example/echo"


async def test_other_origins(http: Http) -> None:
    """Pages of other origins may read no answer."""
    for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example"):
        for answer in (
            await http.get("/echo/info", Origin=origin),
            await http.post(f"{a_session()}/xhr", Origin=origin),
        ):
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
            assert answer.headers["Vary"] == "Origin"


async def test_another_address(http: Http) -> None:
    """A session belongs to the address that made it; to others it does not exist."""
    path = a_session()
    assert await http.poll(path) == "o\n"
    for method, name in (
        ("POST", "xhr"),
        ("POST", "xhr_send"),
        ("POST", "xhr_streaming"),
        ("GET", "eventsource"),
    ):
        answer = await http.ask(method, f"{path}/{name}", '["a"]', X_Address="192.0.2.2")
        assert answer.status == 404
    await http.send(path, '["a"]')
    assert await http.poll(path) == 'a["a"]\n'


async def test_refused(http: Http) -> None:
    """Those who use it may refuse a client before anything is answered, over each transport."""
    for method, name in (("POST", "xhr"), ("POST", "xhr_streaming"), ("GET", "eventsource")):
        assert (await http.ask(method, f"{a_session()}/{name}?refused")).status == 429
    for path in (f"{a_session()}/websocket", "/echo/websocket"):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
            await http.session.ws_connect(f"{http.url}{path}?refused")


async def test_signs_of_life(http: Http, shared: Services) -> None:
    """Each request of a session, and each ping of a WebSocket, shows that its client is there."""
    path = a_session()
    await http.poll(path)
    await http.send(path, '["a"]')
    await http.poll(path)
    assert shared.echo.line.signs == 3
    async with http.session.ws_connect(f"{http.url}{path}/websocket") as client:
        await client.receive_str(timeout=PATIENCE)
        await client.ping()
        await client.pong()
        await until(lambda: shared.echo.line.signs == 2)


async def test_a_long_id(http: Http) -> None:
    """An id has a bound."""
    assert await http.poll(f"/echo/0/{'x' * 128}") == "o\n"
    assert (await http.post(f"/echo/0/{'x' * 129}/xhr")).status == 404


async def test_open_comes_first(http: Http, shared: Services) -> None:
    """What is said before a client has its first frame comes behind it."""
    path = a_session()
    async with http.session.ws_connect(f"{http.url}{path}/websocket") as client:
        shared.echo.line.say("early")
        assert await client.receive_str(timeout=PATIENCE) == "o"
        assert await client.receive_str(timeout=PATIENCE) == 'a["early"]'
    assert await http.poll(path) == "o\n"
    shared.echo.line.say("early")
    assert await http.poll(path) == 'a["early"]\n'


async def test_everything_comes_before_the_end(http: Http, shared: Services) -> None:
    """What was queued before the end is fetched first, in frames of the limit's size; then the end is repeated."""
    path = a_session()
    await http.poll(path)
    line = shared.echo.line
    said = [f"{number}{'x' * 1000}" for number in range(10)]
    for text in said:
        line.say(text)
    line.close_with(3001, b"So long")
    # Nothing more is heard.
    await http.send(path, '["late"]')
    came: list[str] = []
    while (frame := await http.poll(path)).startswith("a"):
        found = json.loads(frame[1:])
        assert len(found) < len(said)
        came += found
    assert came == said
    assert frame == await http.poll(path) == 'c[3001,"So long"]\n'
    assert (await http.post(f"{path}/xhr_send", '["a"]')).status == 404
    assert line.said == []
    await until(lambda: line in shared.host.over)


@pytest.mark.parametrize("transport", ["xhr", "websocket"])
async def test_a_crash(
    http: Http, shared: Services, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A message that crashes ends the session, and one line of the log says so."""
    path = a_session()
    if transport == "xhr":
        await http.poll(path)
        await http.send(path, '["crash", "behind"]')
        assert await http.poll(path) == 'c[1011,"Internal error"]\n'
    else:
        async with http.session.ws_connect(f"{http.url}{path}/websocket") as client:
            await client.send_str('["crash", "behind"]')
            while (message := await client.receive(timeout=PATIENCE)).type is WSMsgType.TEXT:
                pass
            assert message.data == 1011
    assert shared.echo.line.said == ["crash"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_client_that_does_not_poll(http: Http, shared: Services) -> None:
    """A client for which too much waits is cut off, and told so if it polls again."""
    path = a_session()
    await http.poll(path)
    line, aborted = shared.echo.line, shared.host.traffic.aborted
    said = 0
    while not line.closed:
        line.say("x" * 1000)
        said += 1
    assert BOUND < said * 1000 < 2 * BOUND
    assert shared.host.traffic.aborted == aborted + 1
    assert line.queue.bytes == 0
    assert await http.poll(path) == _INTERRUPTED


async def test_a_client_that_does_not_read_its_stream(http: Http, shared: Services) -> None:
    """So is one that does not read a stream: it ends, whatever waits in it."""
    async with services(stream_limit=10**9) as found:
        path = a_session()
        async with http.session.post(f"{found.url}{path}/xhr_streaming") as response:
            await response.content.readline()
            line = found.echo.line
            async with asyncio.timeout(PATIENCE):
                while not line.closed:
                    line.say("x" * 10_000)
                    await asyncio.sleep(0)
            with pytest.raises(aiohttp.ClientError):
                await response.content.read()
        assert found.host.traffic.aborted == 1


async def test_too_large(http: Http, shared: Services) -> None:
    """A body or a message that is too large is refused."""
    path = a_session()
    await http.poll(path)
    body = json.dumps(["x" * MAX_SIZE])
    assert (await http.post(f"{path}/xhr_send", body)).status == 413
    async with http.session.ws_connect(f"{http.url}{path}/websocket") as client:
        assert await client.receive_str(timeout=PATIENCE) == "o"
        await client.send_str(body)
        assert (await client.receive(timeout=PATIENCE)).data == 1009


async def test_too_many_brackets() -> None:
    """An array of a megabyte of lists, which takes long to read, is refused before it is."""
    with pytest.raises(BadMessages, match="Payload expected"):
        parse(b"[" + b"[]," * 80_000 + b"[")
    text = "[{" * 30_000
    assert parse(json.dumps([text]).encode()) == [text]


async def test_requests_keep_their_order(
    http: Http, shared: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages of requests that come while others wait are taken behind theirs; too many are refused."""
    path = a_session()
    await http.poll(path)
    line = shared.echo.line
    patience = asyncio.Event()
    taken: list[str] = []

    async def slow(text: str) -> None:
        await patience.wait()
        taken.append(text)

    monkeypatch.setattr(line, "text", slow)
    (session,) = [s for s in shared.echo.sockjs._sessions.values() if s.channel is line]
    sent = []
    for number in range(4):
        body = json.dumps([f"{number}a", f"{number}b"])
        sent.append(asyncio.create_task(http.send(path, body)))
        await until(lambda number=number: session._sending == number + 1)
    assert (await http.post(f"{path}/xhr_send", '["x"]')).status == 503
    patience.set()
    await asyncio.gather(*sent)
    assert taken == [f"{number}{letter}" for number in range(4) for letter in "ab"]


async def test_deflate(http: Http) -> None:
    """SockJS' frames are deflated where both agree, the last one too."""
    async with services(compress=True) as found:
        url = f"{found.url}{a_session()}/websocket"
        async with http.session.ws_connect(url, compress=15) as client:
            assert client.compress
            assert await client.receive_str(timeout=PATIENCE) == "o"
            await client.send_str('["close"]')
            assert await client.receive_str(timeout=PATIENCE) == 'c[3000,"Go away!"]'
            assert (await client.receive(timeout=PATIENCE)).data == 3000


# -- time -----------------------------------------------------------------------------------------


async def test_a_session_without_a_receiver(brisk: tuple[Services, Http]) -> None:
    """A session for which nobody polls ends after the delay, and its id is a new session's."""
    found, http = brisk
    path = a_session()
    assert await http.poll(path) == "o\n"
    line = found.echo.line
    await until(lambda: line in found.host.over)
    await until(lambda: not found.echo.sessions)
    assert await http.poll(path) == "o\n"
    assert found.echo.line is not line


async def test_the_end_is_forgotten(brisk: tuple[Services, Http]) -> None:
    """A session that is over is forgotten after the delay."""
    found, http = brisk
    path = a_session()
    async with http.session.post(f"{http.url}{path}/xhr_streaming") as response:
        await response.content.readline()
        assert await response.content.readline() == b"o\n"
        await http.send(path, '["close"]')
        assert await response.content.read() == b'c[3000,"Go away!"]\n'
    await until(lambda: not found.echo.sessions)


async def test_a_receiver_that_vanishes(brisk: tuple[Services, Http]) -> None:
    """A receiver that hangs up while it waits ends its session, also where no other one comes."""
    found, http = brisk
    async with http.session.post(f"{http.url}{a_session()}/xhr_streaming") as response:
        await response.content.readline()
        assert await response.content.readline() == b"o\n"
        response.close()
    await until(lambda: found.echo.line in found.host.over)
    await until(lambda: not found.echo.sessions)


async def test_heartbeats() -> None:
    """A receiver that waits is sent heart-beats; where something else keeps the connection alive, none."""
    times = SockJSTimes(heartbeat=0.01)
    async with services(times=times) as found, aiohttp.ClientSession() as session:
        http = Http(found.url, session)
        path = a_session()
        assert await http.poll(path) == "o\n"
        assert await http.poll(path) == "h\n"
        line = found.echo.line
        line.heartbeats.stop()
        polled = asyncio.create_task(http.poll(path))
        await until(lambda: found.echo.has_receiver(path))
        line.say("at last")
        assert await polled == 'a["at last"]\n'
        async with session.ws_connect(f"{http.url}{a_session()}/websocket") as client:
            assert [await client.receive_str(timeout=PATIENCE) for _ in range(3)] == ["o", "h", "h"]
        async with session.get(f"{http.url}{a_session()}/eventsource") as response:
            for frame in (b"\r\ndata: o", b"data: h", b"data: h"):
                assert await response.content.readuntil(b"\r\n\r\n") == frame + b"\r\n\r\n"


async def test_too_many_sessions(brisk: tuple[Services, Http]) -> None:
    """There are only so many sessions; those that end make room."""
    found, http = brisk
    async with (
        http.session.post(f"{http.url}{a_session()}/xhr_streaming"),
        http.session.post(f"{http.url}{a_session()}/xhr_streaming"),
    ):
        assert (await http.post(f"{a_session()}/xhr")).status == 503
    await until(lambda: not found.echo.sessions)
    assert await http.poll(a_session()) == "o\n"
