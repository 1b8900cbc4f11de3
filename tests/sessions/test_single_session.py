"""SINGLE_SESSION: a user's new connection closes the older ones, wherever they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import socketio

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.doorbell import local_pair
from tests.support.http import ok
from tests.support.inside import reception, until
from tests.support.patience import PATIENCE
from tests.support.polling import polling
from tests.support.raw import Closed, Raw, raw_client, raw_socket
from tests.support.servers import Server, local_server
from tests.support.tokens import refusal

_SUPERSEDED = "Another session of yours has begun"


@pytest.fixture
async def single(dsn: str) -> AsyncIterator[Server]:
    """A server on which a user has one session alone."""
    async with local_server(dsn, SINGLE_SESSION="true") as server:
        yield server


async def _superseded(device: Device) -> None:
    """The device is told why, and closed."""
    error = await device.expect("error")
    assert (error["code"], error["message"], error["retryable"]) == ("CONFLICT", _SUPERSEDED, False)
    await asyncio.wait_for(device.disconnected.wait(), PATIENCE)


async def test_the_newer_stays(single: Server, connect: Connect, alice: User, bob: User) -> None:
    """The newer connection stays and the older goes, over either transport; nobody else's does."""
    b = await connect(bob, single.url)
    for transports in (["websocket"], ["polling"]):
        older = await Device(single.url, alice.token, transports).connect()
        newer = await Device(single.url, alice.token, transports).connect()
        await _superseded(older)
        await newer.do("system:ping")
        await newer.close()
    async with polling(single.url) as client:
        await client.connect(alice.token)
        newest = await connect(alice, single.url)
        seen: list[str] = []
        while "1" not in seen:
            seen += (await client.poll())[1]
        # Socket.IO's DISCONNECT, and then Engine.IO's CLOSE.
        assert seen[-2:] == ["41", "1"]
    await newest.do("system:ping")
    await b.do("system:ping")


async def test_a_stock_client_stays_away(single: Server, connect: Connect, alice: User) -> None:
    """A stock client that comes back by itself after a drop does not after this: two would never end."""
    older = socketio.AsyncClient(reconnection=True, reconnection_delay=0, reconnection_delay_max=0)
    gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    older.on("disconnect", gone.set_result)
    await older.connect(single.url, auth={"token": alice.token}, transports=["websocket"])
    newer = await connect(alice, single.url)
    assert await asyncio.wait_for(gone, PATIENCE) == older.reason.SERVER_DISCONNECT
    # It ends, rather than waiting for a new connection.
    await asyncio.wait_for(older.wait(), PATIENCE)
    assert not older.connected
    assert reception(single).connections == 1
    await newer.do("system:ping")


async def test_who_is_refused_closes_nothing(
    single: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Neither a refused CONNECT nor a REST request closes anything."""
    device = await connect(alice, single.url)
    await refusal(single.url, {"token": "no"})
    await ok("GET", f"{single.url}/api/conversations", alice)
    await device.do("session:refresh", token=alice.token)
    async with raw_client(single.url, bob.token) as raw:
        await raw.works()
    await device.do("system:ping")


async def test_many_at_once(single: Server, alice: User) -> None:
    """Of ten that come at the same moment one stays; the others are told to stay away."""
    async with AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(raw_socket(single.url)) for _ in range(10)]
        for raw in raws:
            await raw.frame(f'40{{"token":"{alice.token}"}}')
        lasts = [asyncio.create_task(_last_packet(raw)) for raw in raws]
        await until(lambda: sum(last.done() for last in lasts) == 9)
        (staying,) = (raw for raw, last in zip(raws, lasts, strict=True) if last.cancel())
        await asyncio.wait(lasts)
        # Socket.IO's DISCONNECT.
        assert [last.result() for last in lasts if not last.cancelled()] == ["1"] * 9
        await staying.works()
        assert reception(single).connections == 1


async def _last_packet(raw: Raw) -> str:
    last = ""
    try:
        while True:
            last = await raw.packet()
    except Closed:
        return last


async def test_over_processes(
    dsn: str, redis_url: str, connect: Connect, alice: User, bob: User
) -> None:
    """With Redis, connections to every other process are older, too."""
    async with local_pair(dsn, redis_url, SINGLE_SESSION="true") as servers:
        others = [await connect(bob, servers[1].url)]
        device = await connect(alice, servers[0].url)
        for turn in (1, 0, 1):
            newer = await connect(alice, servers[turn].url)
            await _superseded(device)
            device = newer
        await device.do("system:ping")
        for other in others:
            await other.do("system:ping")


async def test_several_sessions(server: Server, connect: Connect, alice: User) -> None:
    """Without it, several devices stay connected."""
    devices = [await connect(alice) for _ in range(3)]
    for device in devices:
        await device.do("system:ping")
