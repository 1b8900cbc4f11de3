"""A transport is given some time to become a session; what does not is closed."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import orjson
import pytest

from chatserver.core.errors import unavailable
from chatserver.doors.connection.due import Dues
from chatserver.doors.socketio.sockets import Socket
from chatserver.sessions.auth import Authenticator
from tests.conftest import Connect, User
from tests.support.inside import empty, engine, only_socket, sockets, until
from tests.support.patience import PATIENCE
from tests.support.polling import polling
from tests.support.raw import Closed, raw_client, raw_socket
from tests.support.servers import Server, local_server
from tests.support.talks import opened
from tests.support.wire import TEXT, Wire, text


@pytest.fixture
async def hasty(dsn: str) -> AsyncIterator[Server]:
    """A server that gives clients little time to connect."""
    async with local_server(dsn, CONNECT_TIMEOUT="1000") as server:
        yield server


def _auth(user: User) -> str:
    return orjson.dumps({"token": user.token}).decode()


async def test_a_silent_transport(hasty: Server) -> None:
    """A WebSocket on which nobody connects is closed after the CONNECT deadline."""
    async with raw_socket(hasty.url) as raw:
        await raw.closed()
    await empty(hasty)


async def test_a_silent_poller(hasty: Server) -> None:
    """So is a polling session: its poll says so, and the next is refused."""
    async with polling(hasty.url) as client:
        assert await client.poll() == (200, ["1"])
        await client.gone()
    await empty(hasty)


async def test_a_poller_that_comes_late(hasty: Server) -> None:
    """Who polls only after that is refused at once, but where there is a refusal still to be fetched."""
    async with polling(hasty.url) as client:
        await until(lambda: not sockets(hasty))
        await client.gone()
    async with polling(hasty.url) as client:
        await client.post("40{}")
        await until(lambda: only_socket(hasty).closing)
        assert (await client.poll())[1][0].startswith("44{")
        assert await client.poll() == (200, ["1"])
        await client.gone()


async def test_a_poller_that_never_polls(hasty: Server) -> None:
    """A polling session whose client never polls is dropped as well, once it had time to fetch the news."""
    engine(hasty).eio.deadlines.farewell = Dues(0.1)
    async with polling(hasty.url) as client:
        await empty(hasty)
        await client.gone()


async def test_a_refused_client_that_stays(hasty: Server) -> None:
    """A client that was refused, and neither hangs up nor tries again, is closed at the same deadline."""
    async with raw_socket(hasty.url) as raw:
        assert (await raw.connect('{"token":"garbage"}')).startswith("4{")
        await raw.closed()
    await empty(hasty)


async def test_a_second_try(hasty: Server, alice: User) -> None:
    """Until then it may try again on the same transport, and stays if it is accepted."""
    async with asyncio.timeout(PATIENCE):
        while not await _second_try(hasty, alice):
            pass  # a busy machine was not in time


async def _second_try(hasty: Server, alice: User) -> bool:
    async with raw_socket(hasty.url) as raw:
        try:
            assert (await raw.connect('{"token":"garbage"}')).startswith("4{")
            assert (await raw.connect(_auth(alice))).startswith("0{")
        except Closed:
            return False
        async with raw_socket(hasty.url) as later:
            await later.closed()
        await raw.works()
        return True


async def test_a_client_that_disconnects_and_stays(hasty: Server, alice: User) -> None:
    """A client that ends its session and keeps its transport has the same time to connect again."""
    async with raw_client(hasty.url, alice.token) as raw:
        await raw.frame("41")
        assert (await raw.connect(_auth(alice))).startswith("0{")
        await raw.push("session:ready")
        await raw.frame("41")
        await raw.closed()
    await empty(hasty)


async def test_an_upgrade_that_never_comes(hasty: Server, alice: User) -> None:
    """A WebSocket that is opened for a polling session and never upgrades it is closed; the session goes on."""
    async with polling(hasty.url) as client, aiohttp.ClientSession() as http:
        await client.connect(alice.token)
        upgrade = client.url.replace("transport=polling", "transport=websocket")
        async with http.ws_connect(upgrade) as socket:
            # A second one beside it is refused.
            await until(lambda: sockets(hasty)[0].upgrading)
            with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
                await http.ws_connect(upgrade)
            assert (await socket.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.CLOSE
        assert await client.post('421["system:ping"]') == 200
        assert (await client.poll())[1][0].startswith('431[{"success":true')


async def test_an_upgrade(hasty: Server, alice: User) -> None:
    """A polling session moves to a WebSocket without losing or doubling a packet, and its poll ends."""
    async with polling(hasty.url) as client, aiohttp.ClientSession() as http:
        await client.connect(alice.token)
        upgrade = client.url.replace("transport=polling", "transport=websocket")
        async with http.ws_connect(upgrade) as socket:
            await socket.send_str("2probe")
            assert await socket.receive_str(timeout=PATIENCE) == "3probe"
            assert await client.poll() == (200, ["6"])
            assert await client.post('421["system:ping"]') == 200
            await socket.send_str("5")
            await socket.send_str('422["system:ping"]')
            for number in (1, 2):
                assert (await socket.receive_str(timeout=PATIENCE)).startswith(f"43{number}[")
            await client.gone()


async def test_pings(dsn: str, alice: User) -> None:
    """A client that answers pings stays; one that leaves a ping unanswered is closed, over either transport."""
    async with local_server(dsn) as server:
        # On a busy machine an answer takes a while.
        deadlines = engine(server).eio.deadlines
        deadlines.ping, deadlines.pong = Dues(0.05), Dues(PATIENCE)
        async with Wire(server.url) as alive:
            await alive.open()
            for _ in range(3):
                assert await alive.receive() == (TEXT, b"2")
                await alive.send(text("3"))
        # Who is mute has been connected by then.
        deadlines.ping = deadlines.pong = Dues(1.5)
        async with Wire(server.url) as mute:
            await mute.connect(alice.token)
            assert await mute.receive() == (TEXT, b"2")
            assert await mute.receive() == (TEXT, b"1")
            assert await mute.close_code() == 1000
            async with polling(server.url) as client:
                await client.connect(alice.token)
                assert await client.poll() == (200, ["2"])
                assert await client.poll() == (200, ["1"])
                await client.gone()
        await empty(server)


async def test_silence(dsn: str, alice: User) -> None:
    """CONNECTION_TIMEOUT ends a connection over which nothing comes, where it is the shorter of the two."""
    async with (
        local_server(dsn, CONNECTION_TIMEOUT="2000", KEEP_ALIVE_TIMEOUT="60000") as server,
        Wire(server.url) as mute,
    ):
        # It does not hang up, either.
        engine(server).eio.deadlines.farewell = Dues(0.1)
        await mute.connect(alice.token)
        assert await mute.receive() == (TEXT, b"2")
        assert await mute.receive() == (TEXT, b"1")
        assert await mute.close_code() == 1000
        await empty(server)


async def test_a_database_that_is_away_makes_clients_come_back(
    server: Server, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who connects while the database cannot tell who they are is not refused but cut off, and so comes back."""

    async def away(*_: object, **__: object) -> None:
        raise unavailable()

    with monkeypatch.context() as patch:
        patch.setattr(Authenticator, "authenticate", away)
        async with raw_socket(server.url) as raw:
            with pytest.raises(Closed):
                await raw.connect(_auth(alice))
    async with raw_client(server.url, alice.token) as raw:
        await raw.works()


@pytest.mark.parametrize(
    ("variables", "silence"),
    [
        ({"CONNECTION_TIMEOUT": "2000"}, 2_000),
        ({"KEEP_ALIVE_TIMEOUT": "4000", "CONNECTION_TIMEOUT": "6000"}, 4_000),
        ({}, 45_000),
    ],
)
async def test_how_long_silence_is_borne(variables: dict[str, str], silence: int, dsn: str) -> None:
    """By its heartbeats, a client that is gone is missed within KEEP_ALIVE_TIMEOUT and CONNECTION_TIMEOUT."""
    async with (
        local_server(dsn, **variables) as server,
        aiohttp.ClientSession() as session,
        session.get(f"{server.url}/socket.io/?EIO=4&transport=polling") as response,
    ):
        opening = orjson.loads((await response.text()).removeprefix("0"))
    assert opening["pingInterval"] + opening["pingTimeout"] == silence


@pytest.mark.parametrize("over", ["polling", "websocket"])
async def test_pongs_that_stand_in_line(
    over: str,
    dsn: str,
    db: "asyncpg.Pool[asyncpg.Record]",
    connect: Connect,
    alice: User,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client whose pong waits behind what it sent before, at which we still are, is not taken for gone."""
    asked: list[bool] = []
    held_up = Socket._is_held_up

    def noting(socket: Socket) -> bool:
        asked.append(held_up(socket))
        return asked[-1]

    monkeypatch.setattr(Socket, "_is_held_up", noting)
    async with local_server(dsn, COMMAND_TIMEOUT="60000") as server:
        b = await connect(bob, server.url)
        conversation_id = await opened(b, alice)
        send = f'["chat:message_send",{{"conversationId":"{conversation_id}","content":"x"}}]'
        # More than one connection may have under way: the rest is not read before.
        sends = [f"42{number}{send}" for number in range(100)]
        deadlines = engine(server).eio.deadlines
        # It has sent all by then.
        deadlines.ping, deadlines.pong = Dues(1.5), Dues(0.2)
        async with polling(server.url) as poller, raw_socket(server.url) as raw:
            posting = None
            if over == "polling":
                await poller.connect(alice.token)
            else:
                assert (await raw.connect(_auth(alice))).startswith("0{")
            async with db.acquire() as connection, connection.transaction():
                await connection.execute(
                    "SELECT FROM conversations WHERE id = $1 FOR UPDATE", conversation_id
                )
                if over == "polling":
                    posting = asyncio.create_task(poller.post("\x1e".join(sends)))
                else:
                    for frame in sends:
                        await raw.frame(frame)
                await until(lambda: sum(asked) >= 2)
                deadlines.pong = Dues(PATIENCE)
                # The short one that is under way is over while they are still held up.
                told = len(asked)
                await until(lambda: len(asked) > told)
            acks = 0
            while acks < 100:
                if over == "polling":
                    status, packets = await poller.poll()
                    assert status == 200
                    acks += sum(packet.startswith("43") for packet in packets)
                else:
                    acks += (await raw.packet()).startswith("3")
            if posting is not None:
                assert await posting == 200
