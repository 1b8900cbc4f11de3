"""What the main door promises its clients, the marketplace system's STOMP clients are promised too."""

import time
from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import orjson
import pytest

from chatserver.doors.marketplace import door
from chatserver.sessions import tokens
from chatserver.sessions import watch as sessions
from tests.conftest import Connect, MakeUser, User
from tests.doors.marketplace.conftest import LogIn, OpenStomp
from tests.support.doorbell import local_pair
from tests.support.inside import reception, until
from tests.support.marketplace import Trade, asked, send
from tests.support.servers import Server, local_server
from tests.support.stomp import NOTIFICATIONS, PATH, SUBPROTOCOLS, topic
from tests.support.tokens import signed

ORIGIN = "https://shop.example"
SEND = "/app/message.send"
Pool = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture(scope="module")
async def strict(dsn: str) -> AsyncIterator[Server]:
    """A server on which everything is soon too much."""
    async with local_server(
        dsn,
        CORS_ALLOWED_ORIGINS=ORIGIN,
        MAX_CONNECTIONS_PER_USER="2",
        MESSAGE_RATE_LIMIT="5",
    ) as server:
        yield server


@pytest.fixture(scope="module")
async def frugal(dsn: str) -> AsyncIterator[Server]:
    """A server that takes five commands a minute."""
    async with local_server(dsn, COMMAND_RATE_LIMIT="5") as server:
        yield server


async def test_messages_are_limited(strict: Server, log_in: LogIn, traders: Trade) -> None:
    """A message too many, whichever way the others came, is an ERROR that says when to come back."""
    whom = {"recipientId": traders.john.id}
    await send(strict, traders.jane, **whom, text="by REST")
    jane = await log_in(traders.jane, strict.url)
    for number in range(4):
        await jane.send(SEND, **whom, text=str(number))
    await jane.say("SEND", {"destination": SEND}, orjson.dumps({**whom, "text": "too many"}))
    error = await jane.refused()
    assert error.headers["code"] == "RATE_LIMIT_EXCEEDED"
    assert 0 < int(error.headers["retry-after"]) <= 60


async def test_places_are_shared_with_the_main_door(
    strict: Server, log_in: LogIn, open_stomp: OpenStomp, connect: Connect, traders: Trade
) -> None:
    """A person's connections count at all doors together; one too many is to come back later (1013)."""
    await connect(traders.jane, strict.url)
    held = await log_in(traders.jane, strict.url)
    third = await open_stomp(strict.url)
    await third.say("CONNECT", {"token": traders.jane.token})
    assert await third.closed() == 1013
    await held.close()
    await until(lambda: reception(strict)._places._seated[traders.jane.id] == 1)
    await log_in(traders.jane, strict.url)


async def test_a_page_opens_a_connection_if_it_is_listed(
    strict: Server, open_stomp: OpenStomp, traders: Trade
) -> None:
    """A page of a listed origin, or of the server's, may connect, also by its cookie; another may not at all."""
    cookie = {"Cookie": f"token={traders.jane.token}"}
    for origin in (ORIGIN, strict.url):
        client = await open_stomp(strict.url, headers={"Origin": origin, **cookie})
        assert (await client.connect({})).headers["user-name"] == traders.jane.id
        await client.close()
    client = await open_stomp(strict.url, headers=cookie)
    await client.say("CONNECT", {"accept-version": "1.2"})
    assert (await client.refused()).headers["code"] == "AUTH_REQUIRED"
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await open_stomp(strict.url, headers={"Origin": "https://evil.example"})


async def test_blocks_hold(server: Server, log_in: LogIn, traders: Trade) -> None:
    """While either blocks the conversation neither sends in it, and typing goes nowhere."""
    jane, john = traders.jane, traders.john
    talk = (await send(server, jane, recipientId=john.id, text="Hello"))["conversationId"]
    heard = await log_in(jane)
    queue = await heard.subscribe(NOTIFICATIONS)
    block = f"/conversations/{talk}/block"
    await asked(server, "POST", block, jane, json={"block": True})
    client = await log_in(john)
    await client.send("/app/typing.start", conversationId=talk)
    await client.say(
        "SEND", {"destination": SEND}, f'{{"conversationId":"{talk}","text":"No"}}'.encode()
    )
    assert (await client.refused()).headers["code"] == "USER_BLOCKED"
    await asked(server, "POST", block, jane, json={"block": False})
    await send(server, john, conversationId=talk, text="Hello again")
    assert (await heard.told(queue))["message"]["text"] == "Hello again"


async def test_the_same_id_sends_once(server: Server, log_in: LogIn, traders: Trade) -> None:
    """A message sent again under its clientMessageId is receipted, and posted once."""
    client = await log_in(traders.jane)
    for _ in range(2):
        await client.send(SEND, recipientId=traders.john.id, text="Once", clientMessageId="k")
    path = f"/messages?recipientId={traders.john.id}"
    assert [m["text"] for m in await asked(server, "GET", path, traders.jane)] == ["Once"]


class Clock:
    """The server's clock, which a test puts forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        """As `time.time`."""
        return time.time() + self.ahead


async def test_a_session_ends_with_its_token(
    dsn: str, db: Pool, log_in: LogIn, traders: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subscriber that says nothing is closed half a minute after its token's end, or when that is revoked."""
    clock = Clock()
    for module in (sessions, tokens):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(sessions, "_TICK", 0.01)
    jti = str(uuid4())
    async with local_server(dsn) as server:
        silent, revoked = [
            await log_in(User(user.id, signed(sub=user.id, exp=600, jti=of)), server.url)
            for user, of in ((traders.jane, str(uuid4())), (traders.john, jti))
        ]
        for client in (silent, revoked):
            await client.subscribe(NOTIFICATIONS)
        await db.execute("INSERT INTO jwt_revocation (jti) VALUES ($1)", jti)
        error = await revoked.refused()
        assert error.headers["code"] == "AUTH_FAILED"
        assert error.body == b"Session revoked. Please log in again."
        # The token holds for half a minute longer, and 40 s of all that are the test's.
        clock.ahead = 600 + 29 - 40
        await silent.done("ACK", {"id": "1"})
        clock.ahead = 600 + 31
        error = await silent.refused()
        assert error.headers["code"] == "AUTH_FAILED"
        assert error.body == b"Session expired. Please log in again."
        assert silent.socket.close_code == 1008


async def test_one_session_is_the_newest(
    dsn: str, log_in: LogIn, connect: Connect, traders: Trade
) -> None:
    """With SINGLE_SESSION a connection closes the person's older ones, at whichever door they are."""
    async with local_server(dsn, SINGLE_SESSION="true") as server:
        older = await log_in(traders.jane, server.url)
        newer = await log_in(traders.jane, server.url)
        assert (await older.refused()).headers["code"] == "CONFLICT"
        await connect(traders.jane, server.url)
        assert (await newer.refused()).headers["code"] == "CONFLICT"


async def test_the_server_stops(dsn: str, open_stomp: OpenStomp, traders: Trade) -> None:
    """What was sent is posted and receipted; then everybody is closed with 1001, and nobody is let in."""
    async with local_server(dsn) as server:
        assert server.app is not None
        client = await (await open_stomp(server.url)).log_in(traders.jane)
        late = await open_stomp(server.url)
        body = orjson.dumps({"recipientId": traders.john.id, "text": "In time"})
        await client.say("SEND", {"destination": SEND, "receipt": "r"}, body)
        await client.expect("RECEIPT", receipt_id="r")
        await server.app.reception.finish(0)
        await late.say("CONNECT", {"token": traders.john.token})
        assert await late.closed() == 1013
        await server.app.open_doors.drain(0)
        assert await client.closed() == 1001


async def test_beats_and_silence(
    dsn: str, open_stomp: OpenStomp, traders: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beats come as agreed. A client that promised some and is silent is cut off; one that promised none stays."""
    monkeypatch.setattr(door, "_BEAT", 0.05)
    monkeypatch.setattr(door, "_PATIENCE", 0.1)
    async with local_server(dsn) as server:
        token = traders.jane.token
        quiet, hearing, silent = [await open_stomp(server.url) for _ in range(3)]
        assert (await quiet.connect({"token": token})).headers["heart-beat"] == "10000,30000"
        await hearing.connect({"token": token, "heart-beat": "0,10000"})
        await silent.connect({"token": token, "heart-beat": "30000,0"})
        await until(lambda: hearing.beats > 1)
        await silent.closed()
        for client, beats in ((quiet, False), (hearing, True), (silent, False)):
            assert (client.beats > 0) is beats
        for client in (quiet, hearing):
            await client.done("ACK", {"id": "1"})


async def test_a_connection_that_does_not_connect(dsn: str, open_stomp: OpenStomp) -> None:
    """A WebSocket on which CONNECT does not come is closed."""
    async with local_server(dsn, CONNECT_TIMEOUT="100") as server:
        client = await open_stomp(server.url)
        await client.write(b"\n")
        await client.closed()
        await until(lambda: not server.app or not server.app.open_doors.transports)


async def test_addresses_are_limited(dsn: str, open_stomp: OpenStomp, traders: Trade) -> None:
    """Opening a connection is a request of its address; what comes over it is none."""
    async with local_server(dsn, IP_RATE_LIMIT="2") as server:
        client = await (await open_stomp(server.url)).log_in(traders.jane)
        for number in range(10):
            await client.send(SEND, recipientId=traders.john.id, text=str(number))
        await open_stomp(server.url)
        with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
            await open_stomp(server.url)


async def test_places_are_taken_before_connect(
    dsn: str, open_stomp: OpenStomp, traders: Trade
) -> None:
    """A client has one of its address' places from its first request on, over whichever transport it comes."""
    async with local_server(dsn, MAX_CONNECTIONS_PER_IP="2") as server:
        jane = await open_stomp(server.url)
        async with aiohttp.ClientSession() as http:
            sessions = f"{server.url}{PATH}/000"
            async with http.post(f"{sessions}/one/xhr") as answer:
                assert await answer.text() == "o\n"
            for name in ("xhr", "xhr_streaming"):
                async with http.post(f"{sessions}/two/{name}") as answer:
                    assert answer.status == 503
        for path in (PATH, f"{PATH}/websocket", f"{PATH}/000/three/websocket"):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await open_stomp(server.url, path=path)
        # It keeps the place that it has.
        await jane.log_in(traders.jane)
        await jane.close()
        await until(lambda: not reception(server).connections)
        await open_stomp(server.url)


@pytest.mark.parametrize("command", ["SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK"])
async def test_every_frame_counts(
    frugal: Server, open_stomp: OpenStomp, make_user: MakeUser, command: str
) -> None:
    """Frames that post nothing count as commands; one too many is an ERROR that says when to come back."""
    client = await (await open_stomp(frugal.url)).log_in(await make_user())
    headers = {"id": "1", "destination": NOTIFICATIONS}
    for _ in range(5):
        await client.done(command, headers)
    await client.say(command, headers)
    error = await client.refused()
    assert error.headers["code"] == "RATE_LIMIT_EXCEEDED"
    assert 0 < int(error.headers["retry-after"]) <= 60


async def test_beats_count(frugal: Server, open_stomp: OpenStomp, make_user: MakeUser) -> None:
    """Sixty messages count as a command, though they hold nothing; a client that beats has some six a minute."""
    client = await (await open_stomp(frugal.url)).log_in(await make_user())
    for _ in range(5 * 60):
        await client.write(b"\n")
    await client.say("ACK", {"id": "1"})
    assert (await client.refused()).headers["code"] == "RATE_LIMIT_EXCEEDED"


async def test_another_process_tells(
    dsn: str, redis_url: str, log_in: LogIn, connect: Connect, traders: Trade
) -> None:
    """What happens at another process is told in this system's words, with names and product, in its order."""
    async with local_pair(dsn, redis_url) as (here, there):
        about = {"recipientId": traders.john.id, "productId": traders.product}
        device = await connect(traders.jane, there.url)
        first = await device.do("chat:message_send", **about, content="0")
        talk = first["message"]["conversation_id"]
        john = await log_in(traders.john, here.url)
        heard, queue = await john.subscribe(topic(talk)), await john.subscribe(NOTIFICATIONS)
        for number in range(1, 20):
            await device.do("chat:message_send", conversationId=talk, content=str(number))
        told = [(await john.told(heard))["message"] for _ in range(19)]
        assert [message["text"] for message in told] == [str(number) for number in range(1, 20)]
        path = f"/messages?conversationId={talk}"
        assert told == (await asked(here, "GET", path, traders.john))[1:]
        await device.do("chat:typing", conversationId=talk, isTyping=True)
        assert (await john.told(queue, "USER_TYPING"))["userId"] == traders.jane.id
        await john.send(SEND, conversationId=talk, text="Read me")
        mine = await device.expect("chat:message_received", lambda m: m["content"] == "Read me")
        await device.do("chat:message_read", messageId=mine["id"])
        assert (await john.told(queue, "MESSAGE_READ"))["messageIds"] == [mine["id"]]


async def test_a_client_without_subprotocols(open_stomp: OpenStomp, traders: Trade) -> None:
    """A client that offers no subprotocol is answered none, and one that offers others the one that both know."""
    client = await open_stomp(protocols=())
    assert client.socket.protocol is None
    await client.log_in(traders.jane)
    client = await open_stomp(protocols=("mqtt", *SUBPROTOCOLS[1:]))
    assert client.socket.protocol == "v11.stomp"
