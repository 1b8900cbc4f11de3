"""What ends a session says why, in that session; what refuses a client for now lets it come back."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import orjson
import pytest

from chatserver.doors.connection.due import Dues
from tests.conftest import Connect, MakeUser, User
from tests.support.inside import empty, engine, is_on, only_socket, reception, tell, until
from tests.support.node import node_modules, run_node
from tests.support.patience import PATIENCE
from tests.support.polling import Poller, polling
from tests.support.raw import Raw, raw_client, raw_socket, sent_back
from tests.support.servers import Server, local_server
from tests.support.talks import opened
from tests.support.wire import Wire

_GOODBYES = {
    "revoked": "error AUTH_FAILED",
    "draining": "session:draining",
    "superseded": "error CONFLICT",
}


# It may come between any two others.
_OFFSET = '42["session:offset"'


async def _people(make_user: MakeUser, count: int) -> tuple[list[User], str]:
    users = [await make_user("listener") for _ in range(count)]
    return users, json.dumps([{"id": user.id, "token": user.token} for user in users])


async def _end(server: Server, how: str, users: list[User]) -> None:
    """End the sessions of all, once all are ready."""
    # By name: a client of an earlier test may still be there, until its ping is not answered.
    await until(lambda: all(is_on(server, user) for user in users))
    assert server.app is not None
    if how == "draining":
        await server.app.open_doors.drain(0)
    else:
        for user in users:
            server.app.sessions.end("user", user.id)


# -- stock clients --------------------------------------------------------------------------------


@pytest.mark.parametrize("end", _GOODBYES)
async def test_a_stock_client_hears_why(end: str, dsn: str, make_user: MakeUser) -> None:
    """A stock client hears why its session ends, over either transport, coming back by itself or not."""
    await node_modules()
    users, people = await _people(make_user, 4)
    async with local_server(dsn, SINGLE_SESSION=str(end == "superseded")) as server:
        ending = asyncio.create_task(asyncio.sleep(0))
        if end != "superseded":
            ending = asyncio.create_task(_end(server, end, users))
        await run_node(
            "goodbyes.mjs",
            CHAT_URL=server.url,
            CHAT_PEOPLE=people,
            CHAT_END=end,
            CHAT_GOODBYE=_GOODBYES[end],
        )
        await ending


async def test_a_stock_client_comes_back(dsn: str, make_user: MakeUser) -> None:
    """A stock client that is refused for now, since there is no room, comes back by itself when there is."""
    await node_modules()
    _, people = await _people(make_user, 4)
    async with local_server(dsn, MAX_CONNECTIONS_PER_IP="1") as server:
        await run_node("refused.mjs", CHAT_URL=server.url, CHAT_PEOPLE=people)


# -- by hand --------------------------------------------------------------------------------------


async def test_the_end_comes_alone(server: Server, alice: User) -> None:
    """Over polling the end has an answer of its own: stock clients act on it before they act on events."""
    async with polling(server.url) as client:
        await client.connect(alice.token)
        await _end(server, "revoked", [alice])
        status, packets = await client.poll()
        assert status == 200
        assert [packet[:11] for packet in packets] == ['42["error",']
        assert await client.poll() == (200, ["1"])
        await client.gone()
    await empty(server)


async def test_an_end_behind_much(server: Server, alice: User) -> None:
    """Also where so much is queued that it takes several answers, in the order in which it was queued."""
    async with polling(server.url) as client:
        await client.connect(alice.token)
        for number in range(31):
            tell(server, alice.id, number)
        await _end(server, "revoked", [alice])
        answers = [(await client.poll())[1] for _ in range(3)]
        assert [len(packets) for packets in answers] == [16, 16, 1]
        assert answers[1][-1].startswith('42["error",')
        assert answers[2] == ["1"]


async def test_an_end_that_nobody_fetches(server: Server, alice: User) -> None:
    """Who does not fetch the reason, or the end after it, is dropped after a while."""
    farewell = engine(server).eio.deadlines.farewell
    engine(server).eio.deadlines.farewell = Dues(0.1)
    for polls in (0, 1):
        async with polling(server.url) as client:
            await client.connect(alice.token)
            await _end(server, "revoked", [alice])
            for _ in range(polls):
                await client.poll()
            await empty(server)
            await client.gone()
    engine(server).eio.deadlines.farewell = farewell


async def test_a_client_that_leaves_first(server: Server, alice: User) -> None:
    """A client that hangs up when it hears the reason, as stock ones may, is gone at once."""
    async with polling(server.url) as client:
        await client.connect(alice.token)
        await _end(server, "revoked", [alice])
        assert (await client.poll())[1][0].startswith('42["error",')
        # A command behind the end goes nowhere.
        assert await client.post('421["system:ping"]') == 200
        assert await client.post("1") == 200
        await empty(server)
        await client.gone()


async def test_an_end_while_moving(server: Server, alice: User) -> None:
    """A client that is on its way to a WebSocket hears the reason once, by one of the two."""
    async with polling(server.url) as client, aiohttp.ClientSession() as http:
        await client.connect(alice.token)
        upgrade = client.url.replace("transport=polling", "transport=websocket")
        async with http.ws_connect(upgrade) as socket:
            await socket.send_str("2probe")
            assert await socket.receive_str(timeout=PATIENCE) == "3probe"
            assert await client.poll() == (200, ["6"])
            await _end(server, "revoked", [alice])
            await socket.send_str("5")
            assert (await socket.receive_str(timeout=PATIENCE)).startswith('42["error",')
            assert await socket.receive_str(timeout=PATIENCE) == "1"
            message = await socket.receive(timeout=PATIENCE)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1000)
    await empty(server)


@pytest.mark.parametrize("over", ["polling", "websocket"])
async def test_answers_under_way(
    over: str,
    server: Server,
    db: "asyncpg.Pool[asyncpg.Record]",
    connect: Connect,
    alice: User,
    bob: User,
) -> None:
    """What was asked before the end is still answered, behind the reason and before the end."""
    b = await connect(bob)
    conversation_id = await opened(b, alice)
    send = f'427["chat:message_send",{{"conversationId":"{conversation_id}","content":"x"}}]'
    assert server.app is not None
    async with polling(server.url) as poller, raw_socket(server.url) as raw:
        if over == "polling":
            await poller.connect(alice.token)
        else:
            await raw.connect(orjson.dumps({"token": alice.token}).decode())
            await raw.push("session:ready")
        async with db.acquire() as connection, connection.transaction():
            await connection.execute(
                "SELECT FROM conversations WHERE id = $1 FOR UPDATE", conversation_id
            )
            await (poller.post(send) if over == "polling" else raw.frame(send))
            await until(lambda: server.app is not None and server.app.gate.running)
            server.app.sessions.end("user", alice.id)
            # The reason does not wait, and nothing is pushed any more.
            if over == "polling":
                seen = await _polled(poller, 1)
            else:
                seen = [await _packet(raw)]
            assert seen[0].startswith('42["error",')
            await until(lambda: not reception(server)._delivery.has(alice.id))
            await raw.frame('428["system:ping"]')
        if over == "polling":
            ack, end = await _polled(poller, 2)
            assert end == "1"
        else:
            ack = await _packet(raw)
            await raw.closed()
        assert ack.startswith('437[{"success":true')
    await b.expect("chat:message_received")


async def _polled(client: Poller, count: int) -> list[str]:
    came: list[str] = []
    while len(came) < count:
        status, packets = await client.poll()
        assert status == 200
        came += [packet for packet in packets if not packet.startswith(_OFFSET)]
    return came


async def _packet(raw: Raw) -> str:
    while (packet := "4" + await raw.packet()).startswith(_OFFSET):
        pass
    return packet


async def test_an_end_before_the_beginning(
    server: Server, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that ends before it is ready says why, too."""
    hold = asyncio.Event()
    caught_up = type(reception(server)._delivery).caught_up

    async def later(*arguments: object) -> None:
        await hold.wait()
        await caught_up(*arguments)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(type(reception(server)._delivery), "caught_up", later)
    async with raw_socket(server.url) as raw:
        assert (await raw.connect(f'{{"token":"{alice.token}"}}')).startswith("0{")
        assert server.app is not None
        server.app.sessions.end("user", alice.id)
        assert (await raw.packet()).startswith('2["error",{"code":"AUTH_FAILED"')
        hold.set()
        await raw.closed()
    await empty(server)


# -- refusals that may pass -----------------------------------------------------------------------


@pytest.fixture
async def full(dsn: str, alice: User) -> AsyncIterator[Server]:
    """A server with room for one connection, which is taken."""
    async with (
        local_server(dsn, MAX_CONNECTIONS="1") as server,
        raw_client(server.url, alice.token),
    ):
        yield server


async def test_no_room(full: Server, alice: User) -> None:
    """Where there is no room the transport is closed, as what may pass, over either transport."""
    assert await sent_back(full.url, alice.token) == "MAX_CONNECTIONS_EXCEEDED"
    async with polling(full.url) as client:
        assert await client.post(f'40{{"token":"{alice.token}"}}') == 200
        assert await client.poll() == (200, ["1"])
        await client.gone()


async def test_who_is_not_connected_when_a_process_stops(server: Server, alice: User) -> None:
    """Who has a transport and no session yet, or connects while the process stops, is to come back elsewhere."""
    async with Wire(server.url) as wire, raw_socket(server.url) as late:
        await wire.open()
        reception(server).asking.draining = True
        assert await late.sent_back(alice.token) == "UNAVAILABLE"
        reception(server).asking.draining = False
        assert server.app is not None
        await server.app.open_doors.drain(0)
        assert await wire.close_code() == 1013


async def test_refusals_for_good(server: Server) -> None:
    """What will not pass is a CONNECT_ERROR, and the transport stays."""
    async with raw_socket(server.url) as raw:
        for auth in ('{"token":"no"}', "{}"):
            answer = await raw.connect(auth)
            assert answer.startswith('4{"message":')
            assert orjson.loads(answer[1:])["data"]["retryable"] is False


async def test_many_large_answers(
    dsn: str, connect: Connect, alice: User, bob: User, db: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """Pages that were all asked for at once come as fast as the client reads: nobody who reads is cut off."""
    async with local_server(dsn, SEND_QUEUE_BYTES="65536") as server:
        a = await connect(alice, server.url)
        conversation_id = await opened(a, bob)
        for _ in range(10):
            await a.do("chat:message_send", conversationId=conversation_id, content="x" * 10_000)
        await a.close()
        await empty(server)
        page = f'["chat:history",{{"conversationId":"{conversation_id}"}}]'
        async with polling(server.url) as client:
            await client.connect(alice.token)
            posting = asyncio.create_task(
                client.post("\x1e".join(f"42{number}{page}" for number in range(100)))
            )
            socket = only_socket(server)
            acks: list[str] = []
            while len(acks) < 100:
                status, packets = await client.poll()
                assert status == 200
                acks += [packet for packet in packets if packet.startswith("43")]
                assert socket.queued_bytes < 65_536 + 200_000
            assert await posting == 200
        assert all('{"success":true' in ack[:40] for ack in acks)
