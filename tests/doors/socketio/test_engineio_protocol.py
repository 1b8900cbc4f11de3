"""Engine.IO, revision 4, as the protocol's own test suite has it, where it applies: nothing is echoed here."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from chatserver.doors.connection.due import Dues
from tests.conftest import User
from tests.support.inside import empty, engine, until
from tests.support.inside import sockets as sockets_of
from tests.support.patience import PATIENCE
from tests.support.polling import Poller, polling
from tests.support.raw import raw_socket
from tests.support.servers import Server, local_server
from tests.support.wire import Wire

_OPENING = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}


@pytest.fixture(scope="module")
async def pinging(dsn: str) -> AsyncIterator[Server]:
    """A server that pings often."""
    async with local_server(dsn) as server:
        deadlines = engine(server).eio.deadlines
        deadlines.ping, deadlines.pong = Dues(0.05), Dues(0.05)
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
        yield session


def _upgrade(client: Poller) -> str:
    return client.url.replace("transport=polling", "transport=websocket")


async def _text(socket: aiohttp.ClientWebSocketResponse) -> str:
    return await socket.receive_str(timeout=PATIENCE)


# -- handshake ------------------------------------------------------------------------------------


async def test_opening_by_polling(server: Server, http: aiohttp.ClientSession) -> None:
    """A session is opened by a packet with what the client is to know, and it may move to a WebSocket."""
    async with http.get(f"{server.url}/socket.io/?EIO=4&transport=polling") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        opening = await response.text()
    assert opening.startswith("0")
    value: dict[str, Any] = orjson.loads(opening[1:])
    assert set(value) == _OPENING
    assert (value["upgrades"], value["maxPayload"]) == (["websocket"], 1_048_576)
    assert (value["pingInterval"], value["pingTimeout"]) == (25_000, 20_000)


async def test_opening_by_websocket(server: Server, http: aiohttp.ClientSession) -> None:
    """So is one over a WebSocket, from which there is nowhere to move."""
    async with http.ws_connect(f"{server.url}/socket.io/?EIO=4&transport=websocket") as socket:
        opening = await _text(socket)
    assert opening.startswith("0")
    value = orjson.loads(opening[1:])
    assert set(value) == _OPENING
    assert value["upgrades"] == []


@pytest.mark.parametrize(
    "query",
    ["", "transport=polling", "EIO=abc&transport=polling", "EIO=3&transport=polling", "EIO=&transport=polling",
     "EIO=3&EIO=4&transport=polling", "EIO=4", "EIO=4&transport=", "EIO=4&transport=abc",
     "EIO=4&transport=websocket",
     "EIO=4&transport=Polling", "EIO=4&transport=flashsocket"],
)  # fmt: skip
async def test_opening_what_is_none(
    server: Server, http: aiohttp.ClientSession, query: str
) -> None:
    """A handshake without a revision or a transport, or with an unknown one, is a bad request, over either."""
    async with http.get(f"{server.url}/socket.io/?{query}") as response:
        assert response.status == 400
    if query != "EIO=4&transport=websocket":
        with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
            await http.ws_connect(
                f"{server.url}/socket.io/?{query.replace('polling', 'websocket')}"
            )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "PROPFIND"])
async def test_opening_by_a_wrong_method(
    server: Server, http: aiohttp.ClientSession, method: str
) -> None:
    """A session is opened by GET, by nothing else; no method but GET and POST is known in one."""
    url = f"{server.url}/socket.io/?EIO=4&transport=polling"
    async with http.request(method, url) as response:
        assert response.status == 400
    if method != "POST":
        async with polling(server.url) as client:
            async with http.request(method, client.url) as response:
                assert response.status == 400
            assert await client.post("40{}") == 200


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ("chat", "chat"),
        ("chat, v2", "chat"),
        (" , v2", "v2"),
        (",", None),
        (" ", None),
        ("a b", "a b"),
    ],
)
async def test_subprotocols(
    server: Server, caplog: pytest.LogCaptureFixture, offered: str, answered: str | None
) -> None:
    """A WebSocket that offers subprotocols is answered with the first, and nothing of them is logged."""
    async with Wire(server.url) as wire:
        head = await wire.open(f"Sec-WebSocket-Protocol: {offered}")
    lines = [
        line for line in head.splitlines() if line.lower().startswith("sec-websocket-protocol")
    ]
    assert lines == ([f"Sec-WebSocket-Protocol: {answered}"] if answered else [])
    assert caplog.records == []


# -- messages -------------------------------------------------------------------------------------


async def test_posts(server: Server, alice: User, http: aiohttp.ClientSession) -> None:
    """A post of one packet, or of several, binary ones among them, is answered `ok`."""
    async with polling(server.url) as client:
        await client.connect(alice.token)
        for body in (
            '421["system:ping"]',
            '422["system:ping"]\x1e423["system:ping"]\x1e424["system:ping"]',
            '451-5["system:ping",{"_placeholder":true,"num":0}]\x1ebAQIDBA==\x1e426["system:ping"]',
        ):
            async with http.post(client.url, data=body) as response:
                assert (response.status, await response.text()) == (200, "ok")
        came: list[str] = []
        while len(came) < 6:
            came += (await client.poll())[1]
        assert {packet[:3] for packet in came} == {f"43{number}" for number in range(1, 7)}


@pytest.mark.parametrize("body", ["abc", "", "\x1e", "0{}", "2", "5", "6"])
async def test_a_post_of_garbage(server: Server, body: str) -> None:
    """What is no packet closes its session."""
    async with polling(server.url) as client:
        assert await client.post(body) == 400
        await client.gone()


async def test_two_polls(pinging: Server, server: Server) -> None:
    """A second poll at once is refused and closes the session; the first is told so."""
    async with polling(server.url) as client:
        first = asyncio.create_task(client.poll())
        await until(lambda: any(s._polling and s.sid == client.sid for s in sockets_of(server)))
        assert (await client.poll())[0] == 400
        assert await first == (200, ["1"])
        await client.gone()


async def test_a_poll_that_is_given_up(server: Server, http: aiohttp.ClientSession) -> None:
    """A client that gave up a poll has perhaps lost what that one brought: its next one is refused."""
    async with polling(server.url) as client:
        poll = asyncio.create_task(http.get(client.url))
        await until(lambda: any(s._polling and s.sid == client.sid for s in sockets_of(server)))
        poll.cancel()
        await asyncio.wait((poll,))
        await client.gone()


@pytest.mark.parametrize("frame", ["abc", "", "0", "6"])
async def test_garbage_by_websocket(server: Server, frame: str) -> None:
    """What is no packet closes a WebSocket."""
    async with raw_socket(server.url) as raw:
        await raw.frame(frame)
        await raw.closed()


# -- heartbeat ------------------------------------------------------------------------------------


async def test_heartbeat_by_polling(pinging: Server) -> None:
    """A client is pinged again and again, as long as it answers."""
    engine(pinging).eio.deadlines.pong = Dues(PATIENCE)
    async with polling(pinging.url) as client:
        for _ in range(3):
            assert await client.poll() == (200, ["2"])
            assert await client.post("3") == 200
    engine(pinging).eio.deadlines.pong = Dues(0.05)


async def test_a_polling_client_that_does_not_answer(pinging: Server) -> None:
    """A client that is gone when it is pinged is refused when it comes back, by polls and by posts."""
    async with polling(pinging.url) as client:
        await empty(pinging)
        assert (await client.poll())[0] == 400
        assert await client.post("3") == 400


async def test_heartbeat_by_websocket(pinging: Server, http: aiohttp.ClientSession) -> None:
    """So is a client over a WebSocket, and closed when it does not answer."""
    url = f"{pinging.url}/socket.io/?EIO=4&transport=websocket"
    engine(pinging).eio.deadlines.pong = Dues(PATIENCE)
    async with http.ws_connect(url) as socket:
        await _text(socket)
        for _ in range(3):
            assert await _text(socket) == "2"
            await socket.send_str("3")
        engine(pinging).eio.deadlines.pong = Dues(0.05)
        assert await _text(socket) == "2"
        while (message := await socket.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type is aiohttp.WSMsgType.CLOSE


# -- close ----------------------------------------------------------------------------------------


async def test_closing_by_polling(server: Server) -> None:
    """A client that closes its session has its poll ended, and is not known any more."""
    async with polling(server.url) as client:
        poll = asyncio.create_task(client.poll())
        await until(lambda: any(s._polling and s.sid == client.sid for s in sockets_of(server)))
        assert await client.post("1") == 200
        assert await poll == (200, ["6"])
        await client.gone()
        assert await client.post("40{}") == 400


async def test_closing_by_websocket(server: Server) -> None:
    """One that closes over a WebSocket is closed."""
    async with raw_socket(server.url) as raw:
        await raw.frame("1")
        await raw.closed()


# -- upgrade --------------------------------------------------------------------------------------


async def test_upgrading(server: Server, http: aiohttp.ClientSession) -> None:
    """After the probe the poll ends; after the upgrade the session is the WebSocket's, and polls are refused."""
    async with polling(server.url) as client, http.ws_connect(_upgrade(client)) as socket:
        poll = asyncio.create_task(client.poll())
        await socket.send_str("2probe")
        assert await _text(socket) == "3probe"
        assert await poll == (200, ["6"])
        await socket.send_str("5")
        await socket.send_str("40/nowhere,")
        assert (await _text(socket)).startswith("44/nowhere,")
        assert (await client.poll())[0] == 400
        assert await client.post("40{}") == 400
        # A second one is refused, and the first goes on.
        with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
            await http.ws_connect(_upgrade(client))
        await socket.send_str("40/nowhere,")
        assert (await _text(socket)).startswith("44/nowhere,")


async def test_upgrading_in_one_go(server: Server, http: aiohttp.ClientSession) -> None:
    """A client that does not wait for the probe's answer is upgraded all the same."""
    async with polling(server.url) as client, http.ws_connect(_upgrade(client)) as socket:
        for frame in ("2probe", "5", "40/nowhere,"):
            await socket.send_str(frame)
        assert await _text(socket) == "3probe"
        assert (await _text(socket)).startswith("44/nowhere,")
        assert (await client.poll())[0] == 400


@pytest.mark.parametrize(
    "frames", [["abc"], [""], ["2"], ["3probe"], ["5"], ["40{}"], ["2probe", "2probe"], ["2probe", "4x"],
               ["2probe", b"5"], [b"2probe"]],
    ids=str,
)  # fmt: skip
async def test_upgrades_that_fail(
    server: Server, alice: User, http: aiohttp.ClientSession, frames: list[str | bytes]
) -> None:
    """A WebSocket on which something else comes is closed; the session goes on over polling, and loses nothing."""
    async with polling(server.url) as client:
        await client.connect(alice.token)
        async with http.ws_connect(_upgrade(client)) as socket:
            for frame in frames:
                await (
                    socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame)
                )
            while not (await socket.receive(timeout=PATIENCE)).type.name.startswith("CLOS"):
                pass
        assert await client.post('421["system:ping"]') == 200
        came: list[str] = []
        while not any(packet.startswith("431[") for packet in came):
            status, packets = await client.poll()
            assert status == 200
            came += packets


async def test_polling_on_beside_an_upgrade(
    server: Server, alice: User, http: aiohttp.ClientSession
) -> None:
    """Before a probe, and where its answer is lost, polls bring what there is, as ever."""
    async with polling(server.url) as client:
        await client.connect(alice.token)
        async with http.ws_connect(_upgrade(client)) as socket:
            await until(lambda: any(s.upgrading for s in sockets_of(server)))
            await client.post('421["system:ping"]')
            assert (await client.poll())[1][0].startswith("431[")
            await socket.send_str("2probe")
            assert await _text(socket) == "3probe"
            await client.post('422["system:ping"]')
            came: list[str] = []
            while not any(packet.startswith("432[") for packet in came):
                came += (await client.poll())[1]


# -- sessions of others ---------------------------------------------------------------------------


@pytest.mark.parametrize("sid", ["", "x", "x" * 5000, "%00", "../..", "%F0%9F%98%80"])
async def test_no_such_session(server: Server, http: aiohttp.ClientSession, sid: str) -> None:
    """A session that does not exist is a bad request, however it is asked for."""
    url = f"{server.url}/socket.io/?EIO=4&transport=polling&sid={sid}"
    if sid:
        async with http.get(url) as response:
            assert response.status == 400
    async with http.post(url, data="40{}") as response:
        assert response.status == 400
    if sid:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
            await http.ws_connect(url.replace("polling", "websocket"))


async def test_two_posts_at_once(server: Server, alice: User, http: aiohttp.ClientSession) -> None:
    """A second post beside one that is still coming is refused, and ends the session: their order is unknown."""
    async with polling(server.url) as client:
        await client.connect(alice.token)
        more = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"42"
            await more.wait()
            yield b'1["system:ping"]'

        first = asyncio.create_task(client.post(slowly()))
        await until(lambda: any(s._posting and s.sid == client.sid for s in sockets_of(server)))
        assert await client.post('422["system:ping"]') == 400
        more.set()
        await first
        await client.gone()
