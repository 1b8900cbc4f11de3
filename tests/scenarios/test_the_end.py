"""Who is not let in, and how a connection ends."""

import time

import pytest

from chatserver.sessions import tokens
from chatserver.sessions import watch as sessions
from tests.conftest import User
from tests.scenarios.ways import BOUND, Way
from tests.support.inside import reception, until
from tests.support.servers import Server, local_server
from tests.support.tokens import signed


async def test_a_token_that_is_none(way: Way) -> None:
    """Without a token that holds nobody is let in, and coming back is of no use."""
    for auth in ({}, {"token": "no"}, {"token": signed(sub="nobody knows")}):
        error = await way.refused(auth)
        assert error["code"].startswith("AUTH_"), error
        assert error.get("retryable", False) is False


async def test_places(dsn: str, kind: type[Way], alice: User, bob: User) -> None:
    """Past the places of a person, or of a process, one is sent back for now; who goes makes room."""
    async with (
        local_server(dsn, MAX_CONNECTIONS_PER_USER="1", MAX_CONNECTIONS="2") as server,
        kind(server) as way,
    ):
        first = await way.connect(alice)
        assert await way.sent_back(alice) == "MAX_CONNECTIONS_EXCEEDED"
        await first.close()
        await until(lambda: not reception(server).connections)
        await way.connect(alice)
        await way.connect(bob)
        third = User("whoever", signed(sub="whoever"))
        assert await way.sent_back(third) == "MAX_CONNECTIONS_EXCEEDED"


async def test_draining(dsn: str, kind: type[Way], alice: User, bob: User) -> None:
    """A process that ends says when to come back, and lets nobody in; what was asked is answered before."""
    async with local_server(dsn) as server, kind(server) as way:
        a, b = await way.connect(alice), await way.connect(bob)
        await reception(server).finish(5)
        assert await way.is_idle(a)
        assert await way.sent_back(alice) == "UNAVAILABLE"
        await way.drain()
        for device in (a, b):
            if way.tells_ends:
                assert (await device.expect("session:draining"))["reconnectAfterMs"] == 0
            assert await device.ended() == "for now"


async def test_one_session_alone(dsn: str, kind: type[Way], alice: User) -> None:
    """With SINGLE_SESSION the older connection is told why it ends, and stays away."""
    async with local_server(dsn, SINGLE_SESSION="true") as server, kind(server) as way:
        older = await way.connect(alice)
        newer = await way.connect(alice)
        assert (await older.expect("error"))["code"] == "CONFLICT"
        assert await older.ended() == "for good"
        await newer.do("system:ping")


class _Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead


async def test_a_token_that_expires(
    dsn: str, kind: type[Way], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session is told before its token expires, and why it ends, and may come back with another one."""
    clock = _Clock()
    for module in (sessions, tokens):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(sessions, "_TICK", 0.01)
    async with local_server(dsn) as server, kind(server) as way:
        device = await way.connect(User(alice.id, signed(sub=alice.id, exp=300)))
        clock.ahead = 250
        if way.tells_ends:
            await device.expect("session:expiring")
        clock.ahead = 330
        error = await device.expect("error")
        assert (error["code"], error.get("retryable", False)) == ("AUTH_FAILED", False)
        assert await device.ended() == "for now"


async def test_who_does_not_read(dsn: str, kind: type[Way], alice: User, bob: User) -> None:
    """No more waits for a client than SEND_QUEUE_BYTES: who does not read is cut off, and others are not."""
    async with (
        local_server(dsn, SEND_QUEUE_BYTES=str(BOUND)) as server,
        kind(server) as way,
    ):
        b = await way.connect(bob)
        await way.does_not_read(alice)
        await until(lambda: reception(server).connections == 1)
        await b.do("system:ping")


async def test_who_goes_leaves_nothing(kind: type[Way], dsn: str, alice: User, bob: User) -> None:
    """Of who is gone there is neither a place, nor a room, nor a session."""
    server: Server
    async with local_server(dsn, MAX_CONNECTIONS_PER_IP="5") as server:
        async with kind(server) as way:
            a = await way.connect(alice)
            await a.do("chat:conversation_open", recipientId=bob.id)
        found = reception(server)
        await until(lambda: not found.connections)
        await until(lambda: not found._places._taken)
        await until(lambda: not any(found._delivery.rooms.open.values()))
        assert found._sessions._watched == {}
