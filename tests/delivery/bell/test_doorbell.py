"""Redis between processes: what it may do to the others' pushes, and what it may not do to anybody."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import socketio
import structlog

from chatserver.core.about import About
from chatserver.delivery.bell import Hearers, RedisBell
from chatserver.delivery.bell import connection as bell_connection
from chatserver.delivery.bell import link as bell_link
from chatserver.delivery.pushes import Event
from chatserver.ops.doctor.redis import examine
from chatserver.redis.client import close_client, redis_client
from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.doorbell import bell, local_pair, turns
from tests.support.inside import engine
from tests.support.patience import PATIENCE
from tests.support.redis_server import OwnRedis, free_port, redis_binary
from tests.support.servers import Server, local_server, settings_for
from tests.support.talks import opened, said

KEYS = (b"a key of 32 bytes for the tests.",)


@pytest.fixture
async def two(dsn: str, own_redis: OwnRedis) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers with a doorbell between them that works."""
    async with local_pair(dsn, own_redis.url) as both:
        yield both


async def _hear(device: Device, text: str) -> None:
    await device.expect("chat:message_received", lambda message: message["content"] == text)


# -- outages --------------------------------------------------------------------------------------


async def _kill(redis: OwnRedis) -> Callable[[], None]:
    redis.kill()
    return redis.start


async def _stop(redis: OwnRedis) -> Callable[[], None]:
    redis.send(signal.SIGSTOP)
    return lambda: redis.send(signal.SIGCONT)


@pytest.mark.parametrize("maltreat", [_kill, _stop])
async def test_nobody_waits_for_redis(
    two: tuple[Server, Server],
    own_redis: OwnRedis,
    connect: Connect,
    alice: User,
    bob: User,
    maltreat: Callable[[OwnRedis], Awaitable[Callable[[], None]]],
) -> None:
    """With Redis gone or standing still sends ack and local members hear; when it is back the others hear too."""
    first, second = two
    a, near, far = [
        await connect(user, server.url)
        for user, server in ((alice, first), (bob, first), (bob, second))
    ]
    conversation_id = await opened(a, bob)
    await said(a, conversation_id, "before")
    await _hear(far, "before")
    mend = await maltreat(own_redis)
    # Nobody has noticed yet, or everybody has: neither makes a difference.
    await said(a, conversation_id, "during")
    await _hear(near, "during")
    for server in two:
        await turns(server, healthy=False)
    await said(a, conversation_id, "later")
    await _hear(near, "later")
    # Neither connecting nor presence waits.
    again = await connect(bob, first.url)
    await again.do("presence:list")
    mend()
    for server in two:
        await turns(server, healthy=True)
    await said(a, conversation_id, "after")
    await _hear(far, "after")


async def test_a_flushed_redis_rings_on(
    two: tuple[Server, Server], own_redis: OwnRedis, connect: Connect, alice: User, bob: User
) -> None:
    """FLUSHALL takes nothing that the doorbell needs."""
    a, b = await connect(alice, two[0].url), await connect(bob, two[1].url)
    conversation_id = await opened(a, bob)
    client = redis_client(own_redis.url, timeout=5)
    await client.flushall()
    await close_client(client)
    await said(a, conversation_id, "after")
    await _hear(b, "after")
    assert all(bell(server).healthy for server in two)


async def test_redis_may_come_later(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Without Redis a server starts, says so in one warning, and serves; it finds Redis when that comes."""
    redis = OwnRedis(running=False)
    try:
        with structlog.testing.capture_logs() as logs:
            async with local_server(dsn, REDIS_URL=redis.url) as server:
                a, b = await connect(alice, server.url), await connect(bob, server.url)
                await a.do("chat:message_send", recipientId=bob.id, content="without")
                await _hear(b, "without")
                assert not bell(server).healthy
                redis.start()
                await turns(server, healthy=True)
                outside = socketio.AsyncRedisManager(redis.url, write_only=True)
                await outside.emit("hello", 1, room=f"user:{bob.id}")
                assert await b.expect("hello") == 1
                await outside.redis.aclose()
                for device in (a, b):
                    await device.close()
        assert len([line for line in logs if line["log_level"] not in ("info", "debug")]) == 1
        assert any("Redis is away" in line["event"] for line in logs)
    finally:
        redis.kill()


# -- the channel ----------------------------------------------------------------------------------


async def test_garbage_on_the_channel_changes_nothing(
    two: tuple[Server, Server], own_redis: OwnRedis, connect: Connect, alice: User, bob: User
) -> None:
    """Whatever is published, the listening goes on."""
    a, b = await connect(alice, two[0].url), await connect(bob, two[1].url)
    conversation_id = await opened(a, bob)
    client = redis_client(own_redis.url, timeout=5)
    for garbage in (
        b"",
        b"\xff\x00",
        b"[1]",
        b'"emit"',
        b'{"method": "emit"}',
        b'{"method": "emit", "event": [], "data": 1, "room": {}}',
        b'{"method": "emit", "event": "x", "data": [], "room": "user:%s", "chatserver": 1}'
        % bob.id.encode(),
        b'{"method": "disconnect", "sid": "nobody"}',
        b'{"method": "disconnect", "sid": [1]}',
        b'{"method": "callback", "host_id": 1}',
        b'{"method": "close_room", "room": "conversation:%s"}' % conversation_id.encode(),
        b'{"method": "leave_room", "room": null, "sid": "%s"}' % b.sio.get_sid("/").encode(),
        b"x" * 9_000_000,
    ):
        await client.publish("socketio", garbage)
    await close_client(client)
    await said(a, conversation_id, "after")
    await _hear(b, "after")
    assert [name for name, _ in b.pushes if name == "x"] == []
    assert bell(two[1]).healthy


async def test_other_programs_reach_everybody(
    two: tuple[Server, Server], own_redis: OwnRedis, connect: Connect, alice: User, bob: User
) -> None:
    """A stock manager emits to a room, rooms, one connection or all; it ends none, and leaves no callback."""
    a, b = await connect(alice, two[0].url), await connect(bob, two[1].url)
    sid = b.sio.get_sid("/")
    outside = socketio.AsyncRedisManager(own_redis.url, write_only=True)
    await outside.emit("room", 1, room=f"user:{alice.id}")
    await outside.emit("rooms", 2, room=[f"user:{alice.id}", f"user:{bob.id}"])
    await outside.emit("one", 3, room=sid)
    await outside.emit("all", 4)
    for device, names in ((a, ["room", "rooms", "all"]), (b, ["rooms", "one", "all"])):
        await device.expect("all", take=False)
        ours = [name for name, _ in device.pushes if name in ("room", "rooms", "one", "all")]
        assert ours == names
    await outside._publish(
        {
            "method": "emit",
            "event": "asked",
            "data": [5],
            "namespace": "/",
            "room": sid,
            "callback": [sid, "/", 1],
            "host_id": "outside",
        }
    )
    assert await b.expect("asked") == 5
    assert not engine(two[1]).manager.callbacks
    await outside.can_disconnect(sid, "/")
    await outside.emit("still", 6, room=sid)
    assert await b.expect("still") == 6
    await outside.redis.aclose()


class _Heard:
    """A delivery that notes what it is handed."""

    def __init__(self, enough: int) -> None:
        self.seqs: list[int] = []
        self.done = asyncio.Event()
        self._enough = enough

    def rung(self, event: Event) -> None:
        """Note it."""
        self.seqs.append(event.seq)
        if len(self.seqs) == self._enough:
            self.done.set()


def _event(seq: int, payload: object) -> Event:
    return Event(room="conversation:c", seq=seq, name="n", payload=payload, about=About("group"))


async def _hears(one: RedisBell, room: str) -> None:
    """Have a bell hear a room."""
    settled = asyncio.Event()
    one._connection.on_settled.append(settled.set)
    one.join(room)
    await settled.wait()


async def test_ringing_is_ordered_and_flushed_at_the_end(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of events come in their order, those queued before the stop too; what is no JSON is left out."""
    # A busy machine may take longer than a server that stops has.
    monkeypatch.setattr(bell_connection, "_FLUSH", PATIENCE)
    monkeypatch.setattr(bell_link, "TIMEOUT", PATIENCE)
    speaks, hears = RedisBell(redis_url), RedisBell(redis_url)
    heard = _Heard(3_000)
    async with asyncio.timeout(PATIENCE):
        for one in (speaks, hears):
            await one.start(Hearers(delivery=heard), KEYS)  # type: ignore[arg-type]
            assert one.healthy
        await _hears(hears, "conversation:c")
        for seq in range(1, 3_001):
            speaks.ring(_event(seq, "x" * 300))
        speaks.ring(_event(1, object()))
        speaks.ring(_event(1, "\ud800"))
        await speaks.stop()
        await heard.done.wait()
    assert heard.seqs == list(range(1, 3_001))
    await hears.stop()


# -- other ways to Redis --------------------------------------------------------------------------


async def test_sentinel_by_url(tmp_path: Path, own_redis: OwnRedis) -> None:
    """``redis+sentinel://`` finds the master for the doorbell and the doctor, who says it where it cannot."""
    port = free_port()
    (tmp_path / "sentinel.conf").write_text(
        f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
        f"sentinel monitor main 127.0.0.1 {own_redis.port} 1\n"
    )
    url = f"redis+sentinel://127.0.0.1:{port}/0/main"
    settings = settings_for("postgresql://u@/d?host=/x", REDIS_URL=url)
    assert {finding.level for finding in await examine(settings, workers=1)} == {"FAIL"}
    sentinel = await asyncio.create_subprocess_exec(
        redis_binary(), str(tmp_path / "sentinel.conf"), "--sentinel", stdout=subprocess.DEVNULL
    )
    try:
        ours, well = RedisBell(url), asyncio.Event()
        hearers = Hearers(delivery=_Heard(0), recovered=(well.set,))  # type: ignore[arg-type]
        await ours.start(hearers, KEYS)
        async with asyncio.timeout(PATIENCE):
            await well.wait()
        assert {finding.level for finding in await examine(settings, workers=1)} == {"ok"}
        await ours.stop()
    finally:
        sentinel.kill()
        await sentinel.wait()
