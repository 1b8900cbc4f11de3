"""How many sessions there are, and how long each lasts."""

import asyncio
import time
from types import SimpleNamespace

import pytest
import socketio

from tests.conftest import Connect, MakeUser, User
from tests.support.http import ok, open_direct, request
from tests.support.patience import PATIENCE
from tests.support.raw import crowd, sent_back
from tests.support.servers import Server, local_server
from tests.support.tokens import refusal


async def test_one_connection_too_many(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Past MAX_CONNECTIONS a CONNECT closes the transport, so that a stock client comes back; REST goes on."""
    async with local_server(dsn, MAX_CONNECTIONS="2") as server:
        devices = [await connect(user, server.url) for user in (alice, bob)]
        for token in (alice.token, bob.token, "no token is looked at"):
            assert await sent_back(server.url, token) == "MAX_CONNECTIONS_EXCEEDED"
        await ok("GET", f"{server.url}/api/conversations", alice)
        for device in devices:
            await device.do("system:ping")


async def test_a_place_becomes_free(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Whoever hangs up makes room for the next; whoever was refused never took any."""
    async with local_server(dsn, MAX_CONNECTIONS="1") as server:
        for _ in range(3):
            await refusal(server.url, {"token": "no"})
        device = await connect(alice, server.url)
        await sent_back(server.url, bob.token)
        await device.close()
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await connect(bob, server.url)
                    break
                except socketio.exceptions.ConnectionError:
                    continue


async def test_a_crowd_at_once(dsn: str, make_user: MakeUser) -> None:
    """Of many CONNECTs at the same moment exactly MAX_CONNECTIONS are let in."""
    users = [await make_user("crowd") for _ in range(12)]
    # All of them get as far as their CONNECT.
    async with local_server(dsn, MAX_CONNECTIONS="3", MAX_SOCKETS="100") as server:
        assert await crowd(server.url, [user.token for user in users]) == 3


async def test_single_session(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """With SINGLE_SESSION a new connection closes the user's older one, nobody else's; nobody seems to leave."""
    async with local_server(dsn, SINGLE_SESSION="true") as server:
        await open_direct(server, alice, bob)
        b = await connect(bob, server.url)
        first = await connect(alice, server.url)
        assert (await b.expect("user:status_changed"))["status"] == "online"
        second = await connect(alice, server.url)
        await asyncio.wait_for(first.disconnected.wait(), PATIENCE)
        await ok("GET", f"{server.url}/api/conversations", alice)
        third = await connect(alice, server.url)
        await asyncio.wait_for(second.disconnected.wait(), PATIENCE)
        assert [user["userId"] for user in (await b.do("presence:list"))["users"]] == [alice.id]
        await third.do("system:ping")
        assert not b.disconnected.is_set()
        await b.settled()
        assert b.seen("user:status_changed") == []


async def test_a_session_ends_while_connected(
    server: Server, connect: Connect, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command after the token's expiry, and its leeway, is AUTH_REQUIRED and does nothing."""
    conversation_id = await open_direct(server, alice, bob)
    a = await connect(alice)  # for 3,600 seconds
    begun = time.time()

    def clock(ahead: float) -> None:
        # The gate's own clock: what it compares with a session's end.
        late = SimpleNamespace(time=lambda: begun + ahead, monotonic=time.monotonic)
        monkeypatch.setattr("chatserver.gate.time", late)

    clock(3600 + 25)
    await a.do("system:ping")
    clock(3600 + 31)
    for name, payload in (
        ("system:ping", {}),
        ("presence:list", {}),
        ("chat:message_send", {"conversationId": conversation_id, "content": "late"}),
        ("chat:history", {"conversationId": conversation_id}),
    ):
        error = await a.refused(name, **payload)
        assert error["code"] == "AUTH_REQUIRED"
        assert error["retryable"] is False
        assert error["details"] == "Session expired. Please log in again."
    await a.sio.emit("chat:message_send", {"conversationId": conversation_id, "content": "late"})
    assert (await a.expect("error"))["code"] == "AUTH_REQUIRED"
    monkeypatch.undo()
    page = await ok("GET", f"{server.url}/api/messages/{conversation_id}", alice)
    assert page["total"] == 0


async def test_every_request_is_looked_at_anew(
    server: Server, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A REST token that was accepted a moment ago is AUTH_FAILED once it has expired."""
    url, begun = f"{server.url}/api/conversations", time.time()
    await ok("GET", url, alice)
    late = SimpleNamespace(time=lambda: begun + 3600 + 31)
    monkeypatch.setattr("chatserver.sessions.tokens.time", late)
    answer = await request("GET", url, alice)
    assert (answer.status, answer.error["code"]) == (401, "AUTH_FAILED")
    assert answer.error["details"] == "Session expired. Please log in again."
