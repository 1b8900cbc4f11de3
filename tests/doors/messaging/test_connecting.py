"""Who is let in, and how: from the upgrade to ``connected``."""

import time
from dataclasses import replace

import aiohttp
import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.doors.messaging import document
from tests.doors.messaging.stage import judge
from tests.support.http import open_direct, request
from tests.support.inside import until
from tests.support.messaging import MessagingClient, Opener, line_of, lines, opener
from tests.support.servers import Server, local_server
from tests.support.talks import holding
from tests.support.tokens import signed

EXAMPLES = {
    example.label: example.body
    for example in document.EXAMPLES
    if example.heading in ("Connect to WebSocket Server", "Authenticate")
}


@pytest.mark.parametrize("path", ["/messaging/ws", "/"])
@pytest.mark.parametrize("type_", ["authenticate", "auth", "connect"])
async def test_the_handshake(join: Opener, alice: User, path: str, type_: str) -> None:
    """A client is welcomed, says who it is by any of the three names, and is told who it is, at either address."""
    client = await join.open(path=path)
    welcome = await client.expect("connected", take=False)
    judge(EXAMPLES["Initial Response"], welcome, {})
    connected = await client.authenticate(alice, type_)
    places = {"123": alice.id, "john_doe": alice.id, "John Doe": "Alice"}
    judge(EXAMPLES["Success Response"], connected, places)
    assert connected["queuedEvents"] == []
    assert "limited" not in connected


async def test_who_is_not_let_in(join: Opener, alice: User) -> None:
    """A token that is no good is an ``auth_error`` that says why; the same connection may try again."""
    client = await join.open()
    expired = signed(sub=alice.id, exp=-100)
    refused = await client.ask("authenticate", "auth_error", token=expired)
    judge(
        EXAMPLES["Error Response"],
        refused,
        {"Session expired. Please log in again.": refused["details"]},
    )
    assert refused["details"] == "Session expired. Please log in again."
    for token in ("nonsense", signed(sub="nobody-at-all"), None, 7):
        refused = await client.ask("authenticate", "auth_error", token=token)
        assert refused["code"] in ("AUTH_FAILED", "AUTH_REQUIRED")
    assert (await client.authenticate(alice))["user"]["userId"] == alice.id


async def test_before_authentication(join: Opener) -> None:
    """Whoever has not said who they are may do nothing but ping, and is closed where they go on asking."""
    client = await join.open()
    error = await client.refused("get_online_users")
    assert (error["code"], error["requiresAuth"]) == ("AUTH_REQUIRED", True)
    await client.ask("ping", "pong")
    await client.text("no JSON")
    assert (await client.expect("error"))["code"] == "VALIDATION_ERROR"
    for _ in range(20):
        await client.say("get_online_users")
    assert await client.ended() == (1008, "Authentication required")


async def test_the_deadline(dsn: str) -> None:
    """A connection on which nobody says who they are is closed with 1008, having been told why."""
    async with local_server(dsn, CONNECT_TIMEOUT="100") as server, opener(server.url) as join:
        client = await join.open()
        assert (await client.expect("auth_error"))["code"] == "AUTH_REQUIRED"
        assert await client.ended() == (1008, "Authentication timeout")


async def test_what_stands_behind_authenticate(
    join: Opener, server: Server, alice: User, bob: User
) -> None:
    """What is sent right behind ``authenticate`` is done after it, in its order, and nothing is dropped."""
    client = await join.open()
    await client.expect("connected")
    await client.say("authenticate", token=alice.token)
    for number in range(100):
        await client.say("send_private_message", recipientId=bob.id, content=f"text {number}")
    await client.say("ping")
    await client.expect("pong")
    assert client.told[0]["type"] == "connected"
    sent = [(await client.expect("message_sent"))["message"]["content"] for _ in range(100)]
    assert sent == [f"text {number}" for number in range(100)]


async def test_a_newer_token(join: Opener, server: Server, alice: User, bob: User) -> None:
    """Another ``authenticate`` continues a session with a newer token; one that is refused leaves it as it is."""
    client = await join(alice)
    newer = signed(sub=alice.id, exp=7200)
    told = await client.ask("authenticate", "connected", token=newer)
    assert (told["user"]["userId"], told["queuedEvents"]) == (alice.id, [])
    refused = await client.ask("auth", "auth_error", token=bob.token)
    assert refused["code"] == "AUTH_FAILED"
    await client.settled()


async def test_pages_of_others(dsn: str) -> None:
    """A page of an origin that is not listed opens no WebSocket; a listed one, our own address, and none may."""
    listed = "https://app.example.com"
    async with (
        local_server(dsn, CORS_ALLOWED_ORIGINS=listed) as server,
        opener(server.url) as join,
    ):
        for origin in (server.url, listed):
            await (await join.open(headers={"Origin": origin})).expect("connected")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await join.open(headers={"Origin": "https://evil.example"})
        assert refused.value.status == 403


async def test_requests_that_are_no_upgrade(server: Server) -> None:
    """At the door's own path it is said to those who ask for no WebSocket; at the root they get the app's page."""
    answer = await request("GET", f"{server.url}/messaging/ws")
    assert (answer.status, answer.headers["Upgrade"]) == (426, "websocket")


async def test_too_many_from_one_address(dsn: str, alice: User) -> None:
    """One connection too many of an address, be nobody known on any, is accepted and closed with 1008."""
    async with (
        local_server(dsn, MAX_CONNECTIONS_PER_IP="2") as server,
        opener(server.url) as join,
    ):
        first, second = await join.open(), await join.open()
        await first.authenticate(alice)
        third = await join.open()
        assert await third.ended() == (1008, "Connection limit exceeded")
        # A refusal gives no place back.
        await second.expect("connected")
        await second.ask("authenticate", "auth_error", token="no")
        assert await (await join.open()).ended() == (1008, "Connection limit exceeded")
        await second.close()
        await until(lambda: len(lines(server)) == 1)
        fourth = await join.open()
        await fourth.authenticate(alice)


async def test_too_often_from_one_address(dsn: str) -> None:
    """Whoever opens connections more often than an address may is accepted, and closed with 1008."""
    async with local_server(dsn, IP_RATE_LIMIT="3") as server, opener(server.url) as join:
        for _ in range(3):
            await (await join.open()).expect("connected")
        assert await (await join.open()).ended() == (1008, "Rate limit exceeded")


async def test_one_connection_too_many(dsn: str, alice: User, bob: User) -> None:
    """Past MAX_CONNECTIONS, of all doors together, one is told so, and closed to come back."""
    async with (
        local_server(dsn, MAX_CONNECTIONS="1") as server,
        opener(server.url) as join,
    ):
        await join(alice)
        client = await join.open()
        await client.expect("connected")
        error = await client.ask("authenticate", "error", token=bob.token)
        assert error["code"] == "MAX_CONNECTIONS_EXCEEDED"
        assert (await client.ended())[0] == 1013


async def test_a_silent_client(server: Server, join: Opener, alice: User) -> None:
    """A client that says nothing for CONNECTION_TIMEOUT is closed with 1000; any message resets that."""
    client = await join(alice)
    line = line_of(server, alice)
    before = line._heard
    await client.ask("ping", "pong")
    assert line._heard > before
    line._look()
    await client.settled()
    # As if nothing had come since.
    line._heard -= line._taker.timeout
    line._look()
    assert await client.ended() == (1000, "Connection timeout")


async def test_a_single_session(dsn: str, connect: Connect, alice: User) -> None:
    """With SINGLE_SESSION a person's newer connection, at whichever door, closes the older ones."""
    async with local_server(dsn, SINGLE_SESSION="true") as server, opener(server.url) as join:
        older = await join(alice)
        newer = await join(alice)
        error = await older.expect("error")
        assert (error["code"], error["message"]) == (
            "CONFLICT",
            "Another session of yours has begun",
        )
        assert (await older.ended())[0] == 1008
        await connect(alice, server.url)
        assert (await newer.ended())[0] == 1008


async def test_the_end_of_a_token(server: Server, join: Opener, alice: User) -> None:
    """A connection is told that its token has expired, and closed with 1008."""
    client = await join(alice)
    line = line_of(server, alice)
    assert line.device is not None
    assert server.app is not None
    # As if the hour of its token were over.
    line.device.session = replace(line.device.session, expires_at=time.time() - 60)
    sessions = server.app.sessions
    sessions._arm(sessions._watched[line.sid])
    await sessions.look()
    told = await client.expect("auth_error")
    assert told["details"] == "Session expired. Please log in again."
    assert (await client.ended())[0] == 1008


async def test_a_revoked_token(
    join: Opener, server: Server, db: "asyncpg.Pool[asyncpg.Record]", alice: User
) -> None:
    """A connection whose token is revoked is told so, and closed with 1008."""
    client = await join(User(alice.id, signed(sub=alice.id, jti=f"jti-{alice.id}")))
    assert server.app is not None
    await db.execute("INSERT INTO jwt_revocation (jti) VALUES ($1)", f"jti-{alice.id}")
    told = await client.expect("auth_error")
    assert told["details"] == "Session revoked. Please log in again."
    assert (await client.ended())[0] == 1008


async def test_drain(dsn: str, db: "asyncpg.Pool[asyncpg.Record]", alice: User, bob: User) -> None:
    """A server that stops answers what it was asked, closes with 1001, and lets nobody in."""
    async with local_server(dsn) as server, opener(server.url) as join:
        talk = await open_direct(server, alice, bob)
        client, nobody = await join(alice), await join.open()
        await nobody.expect("connected")
        assert server.app is not None
        async with holding(db, talk):
            await client.say("send_private_message", recipientId=bob.id, content="the last")
            await client.settled()
            await server.app.open_doors.drain(0)
        await client.expect("message_sent")
        assert (await client.ended())[0] == 1001
        assert (await nobody.ended())[0] == 1001


async def test_hanging_up(dsn: str, alice: User) -> None:
    """Nothing is left of a client that hangs up, whoever it was, at whatever moment."""
    async with local_server(dsn) as server, opener(server.url) as join:
        clients: list[MessagingClient] = [await join.open(), await join(alice)]
        third = await join.open()
        await third.say("authenticate", token=alice.token)
        for client in (*clients, third):
            await client.close()
        assert server.app is not None
        reception = server.app.reception
        await until(lambda: not lines(server) and not reception.connections)
        assert not any(reception._delivery.rooms.open.values())
