"""A token that expires while its bearer is connected: told, refreshed, or closed."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import uuid4

import asyncpg
import orjson
import pytest

from chatserver.core.caller import Session
from chatserver.core.caller import User as Known
from chatserver.sessions import tokens
from chatserver.sessions import watch as sessions
from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.http import request
from tests.support.inside import empty
from tests.support.patience import PATIENCE
from tests.support.polling import polling
from tests.support.raw import raw_client
from tests.support.servers import Server, local_server
from tests.support.tokens import refusal, signed


class Clock:
    """The server's clock, which a test puts forward: no test races against the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        """As `time.time`."""
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """By which tokens are checked and sessions end."""
    clock = Clock()
    for module in (sessions, tokens):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
async def brisk(dsn: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A server that looks at the clock more often, so that tests need not wait for a second to pass."""
    monkeypatch.setattr(sessions, "_TICK", 0.01)
    async with local_server(dsn) as server:
        yield server


def _holds_for(user: User, seconds: float, **claims: object) -> User:
    return User(user.id, signed(sub=user.id, exp=seconds, **claims))


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


async def _ended(device: Device, details: str) -> None:
    """The device is told why it is closed, and it is."""
    error = await device.expect("error")
    assert (error["code"], error["details"], error["retryable"]) == ("AUTH_FAILED", details, False)
    await asyncio.wait_for(device.disconnected.wait(), PATIENCE)


EXPIRED = "Session expired. Please log in again."


async def test_a_minute_before(brisk: Server, clock: Clock, connect: Connect, alice: User) -> None:
    """session:expiring comes when sixty seconds are left, not before, and says until when the session lasts."""
    device = await connect(_holds_for(alice, 600), brisk.url)
    clock.ahead = 500  # at most 100 s are left, and 40 s of these are the test's
    await device.settled()
    assert device.seen("session:expiring") == []
    clock.ahead = 540
    told = await device.expect("session:expiring")
    assert told == {"expiresAt": device.ready["expiresAt"]}
    assert clock.time() >= _seconds(told["expiresAt"]) - 60
    await device.settled()
    assert device.seen("session:expiring") == []
    assert not device.disconnected.is_set()


async def test_less_than_a_minute(server: Server, connect: Connect, alice: User) -> None:
    """With less than that left it comes at once, after session:ready, also for a token within its leeway."""
    for seconds in (59, 5, 0, -5):
        async with raw_client(server.url, _holds_for(alice, seconds).token) as raw:
            assert "expiresAt" in await raw.push("session:expiring")
    device = await connect(_holds_for(alice, 20))
    await device.expect("session:expiring")
    await device.do("system:ping")


async def test_the_end(
    brisk: Server, clock: Clock, connect: Connect, alice: User, bob: User
) -> None:
    """The connection is closed when the leeway is over: told why, and its user is present no longer."""
    b = await connect(bob, brisk.url)
    await b.do("chat:conversation_open", recipientId=alice.id)
    device = await connect(_holds_for(alice, 300), brisk.url)
    await b.expect("user:status_changed", lambda data: data["status"] == "online")
    clock.ahead = 330
    await _ended(device, EXPIRED)
    error = await refusal(brisk.url, {"token": device.token})
    assert (error["code"], error["details"]) == ("AUTH_FAILED", EXPIRED)
    assert not b.disconnected.is_set()
    await b.close()
    await empty(brisk)


async def test_the_end_over_polling(brisk: Server, clock: Clock, alice: User) -> None:
    """So is a polling session: its poll brings the reason and the end, and the next is refused."""
    async with polling(brisk.url) as client:
        await client.connect(_holds_for(alice, 300).token)
        clock.ahead = 330
        seen: list[str] = []
        while "1" not in seen:
            status, packets = await client.poll()
            assert status == 200
            seen += packets
        reasons = [orjson.loads(p[2:])[1] for p in seen if p.startswith('42["error"')]
        assert [reason["details"] for reason in reasons] == [EXPIRED]
        await client.gone()
    await empty(brisk)


async def test_a_far_expiry(server: Server, connect: Connect, alice: User) -> None:
    """A token that holds until the year 9999 is as good as any other."""
    ahead = 253_402_300_799 - int(time.time())
    device = await connect(_holds_for(alice, ahead))
    assert device.ready["expiresAt"] == "9999-12-31T23:59:59.000Z"
    await device.do("system:ping")


# -- refreshing -----------------------------------------------------------------------------------


async def test_refresh(brisk: Server, clock: Clock, connect: Connect, alice: User) -> None:
    """A newer token of the same user puts off the end, and the notice with it."""
    device = await connect(_holds_for(alice, 300), brisk.url)
    clock.ahead = 240
    await device.expect("session:expiring")
    ack = await device.do("session:refresh", token=_holds_for(alice, 600).token)
    assert set(ack) == {"success", "expiresAt"}
    assert _seconds(ack["expiresAt"]) - _seconds(device.ready["expiresAt"]) >= 300
    clock.ahead = 540
    assert await device.expect("session:expiring") == {"expiresAt": ack["expiresAt"]}
    last = await device.do("session:refresh", token=_holds_for(alice, 7200).token)
    # Past the ends of the first two, leeway and all.
    clock.ahead = 1200
    await device.do("presence:list")
    assert not device.disconnected.is_set()
    assert device.seen("session:expiring") == []
    assert _seconds(last["expiresAt"]) > clock.time() + 3500


async def test_a_shorter_token(server: Server, connect: Connect, alice: User) -> None:
    """A token that ends earlier than the present one is taken at its word."""
    device = await connect(_holds_for(alice, 3600))
    ack = await device.do("session:refresh", token=_holds_for(alice, 30).token)
    assert await device.expect("session:expiring") == {"expiresAt": ack["expiresAt"]}


async def test_a_refused_token_changes_nothing(
    brisk: Server,
    clock: Clock,
    connect: Connect,
    alice: User,
    bob: User,
    db: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    """Another user's token, an expired, revoked, forged or malformed one is AUTH_FAILED; the session goes on."""
    revoked = str(uuid4())
    await db.execute("INSERT INTO jwt_revocation (jti) VALUES ($1)", revoked)
    device = await connect(_holds_for(alice, 300), brisk.url)
    for token in (
        bob.token,
        signed(sub="nobody"),
        signed(sub=alice.id, exp=-31),
        signed(sub=alice.id, jti=revoked),
        signed(sub=alice.id, secret=b"another secret of more than 32 bytes"),
        signed("none", sub=alice.id),
        "garbage",
        f"Bearer {alice.token}",
    ):
        error = await device.refused("session:refresh", token=token)
        assert error["code"] == "AUTH_FAILED"
        assert token not in str(error)
    error = await device.refused("session:refresh", token="x" * 8193)
    assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", ["token"])
    await device.do("presence:list")
    # It ends when it would have ended anyway.
    clock.ahead = 330
    await _ended(device, EXPIRED)


async def test_refresh_twice_with_one_request_id(
    server: Server, connect: Connect, alice: User
) -> None:
    """The same request again answers the same; its id with another token is a conflict."""
    device = await connect(alice)
    token = _holds_for(alice, 1800).token
    first = await device.do("session:refresh", token=token, requestId="r-1")
    assert await device.do("session:refresh", token=token, requestId="r-1") == first
    error = await device.refused(
        "session:refresh", token=_holds_for(alice, 900).token, requestId="r-1"
    )
    assert error["code"] == "IDEMPOTENCY_CONFLICT"


async def test_refresh_by_rest(server: Server, alice: User, bob: User) -> None:
    """By REST, where there is no session to go on with, it says whether a token holds and until when."""
    url = f"{server.url}/api/commands/session:refresh"
    before = int(time.time())
    answer = await request("POST", url, alice, json={"token": _holds_for(alice, 900).token})
    assert answer.status == 200
    assert before + 900 <= _seconds(answer.body["expiresAt"]) <= time.time() + 900
    answer = await request("POST", url, alice, json={"token": bob.token})
    assert (answer.status, answer.error["code"]) == (401, "AUTH_FAILED")


# -- cost -----------------------------------------------------------------------------------------


async def test_one_timer_for_all(server: Server, alice: User) -> None:
    """Watching 10,000 sessions makes no task and no timer of theirs."""
    assert server.app is not None
    watching = server.app.sessions
    before = len(asyncio.all_tasks())
    lines = [_Line(alice, f"line-{number}") for number in range(10_000)]
    for line in lines:
        watching.watch(line, lambda _for_good: None)
        watching.began(line.session.connection_id)
    assert len(asyncio.all_tasks()) <= before + 1
    for line in lines:
        watching.forget(line.session.connection_id)
    assert alice.id not in watching.grounds("user")


class _Line:
    """A connection that nobody listens to."""

    def __init__(self, user: User, connection_id: str) -> None:
        self.session = Session(
            user=Known(id=user.id, username="a", display_name="A"),
            connection_id=connection_id,
            expires_at=time.time() + 3600,
        )
        self.user_id = user.id

    def send(self, frame: object) -> None:
        """Nothing is due yet."""
        raise AssertionError(frame)
