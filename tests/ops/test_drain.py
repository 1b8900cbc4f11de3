"""A process that is told to stop takes its leave of everybody, and is gone within 20 seconds."""

import asyncio
import signal
from asyncio.subprocess import Process
from contextlib import AsyncExitStack

import aiohttp
import asyncpg
import orjson
import pytest

from chatserver.ops.serve import _Stopping
from tests.conftest import Connect, User
from tests.support.cli import end, serving
from tests.support.http import request
from tests.support.patience import PATIENCE
from tests.support.polling import polling
from tests.support.raw import Closed, raw_client, raw_socket
from tests.support.redis_server import free_port
from tests.support.servers import environment
from tests.support.talks import opened
from tests.support.wire import CLOSE, Wire, frame, text

# What Heroku and Kubernetes give is 30.
_GONE = 20.0


async def _ended_well(process: Process) -> None:
    async with asyncio.timeout(_GONE):
        ended = await end(process)
    assert (ended.code, ended.err) == (0, "")


async def _takes_leave(client: Wire) -> None:
    """Read the farewell, and close as a client does."""
    payload = await client.push("session:draining")
    _, draining = orjson.loads(payload[2:])
    assert 0 <= draining["reconnectAfterMs"] <= 10_000
    assert await client.close_code() == 1000
    await client.send(frame(CLOSE, b"\x03\xe8"))
    await client.ended()


async def test_two_hundred_clients(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Two hundred clients are told and closed, while some do not read, or do not hang up, or never connected."""
    # The one that never connects is to be there until the end.
    env = environment(
        dsn, CONNECT_TIMEOUT="60000", SEND_QUEUE_BYTES="67108864", MAX_CONNECTIONS_PER_USER="0"
    )
    async with AsyncExitStack() as stack:
        process, url = await stack.enter_async_context(serving(env=env))

        async def client() -> Wire:
            return await stack.enter_async_context(Wire(url))

        a = await connect(alice, url)
        conversation_id = await opened(a, bob)
        for _ in range(30):
            await a.do("chat:message_send", conversationId=conversation_id, content="x" * 10_000)
        clients = [await client() for _ in range(200)]
        await asyncio.gather(*(client.connect(alice.token) for client in clients))
        stalled, silent, _idle = [await client() for _ in range(3)]
        await stalled.connect(alice.token)
        page = text(f'421["chat:history",{{"conversationId":"{conversation_id}"}}]')
        await stalled.send(page * 40)
        await silent.open()
        poller = await stack.enter_async_context(polling(url))
        await poller.connect(alice.token)
        await a.do("chat:history", conversationId=conversation_id)
        process.send_signal(signal.SIGTERM)
        # Once more, as some process managers do.
        process.send_signal(signal.SIGTERM)
        await asyncio.gather(
            *(_takes_leave(client) for client in clients), poller.until("session:draining")
        )
        await _ended_well(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
async def test_while_it_drains(
    number: signal.Signals,
    dsn: str,
    db: "asyncpg.Pool[asyncpg.Record]",
    connect: Connect,
    alice: User,
    bob: User,
) -> None:
    """While a command is under way it answers that it is not ready, and refuses new clients and new commands."""
    async with serving(env=environment(dsn)) as (process, url):
        b = await connect(bob, url)
        conversation_id = await opened(b, alice)
        async with raw_client(url, alice.token) as raw, raw_socket(url) as late:
            async with db.acquire() as connection, connection.transaction():
                await connection.execute(
                    "SELECT FROM conversations WHERE id = $1 FOR UPDATE", conversation_id
                )
                send = f'{{"conversationId":"{conversation_id}","content":"before"}}'
                await raw.frame(f'42777["chat:message_send",{send}]')
                await raw.works()
                process.send_signal(number)
                await _not_ready(url)
                process.send_signal(number)
                assert (await request("GET", f"{url}/live")).status == 200
                async with raw_socket(url) as new:
                    for client in (late, new):
                        # Closed and not refused: a stock client then comes back, to another process.
                        token = orjson.dumps({"token": bob.token}).decode()
                        with pytest.raises(Closed):
                            await client.connect(token)
                error = await raw.refused("chat:message_send", send)
                assert (error["code"], error["retryable"]) == ("UNAVAILABLE", True)
            while not (packet := await raw.packet()).startswith("3777["):
                assert packet.startswith('2["chat:message_received"'), packet
            assert packet.startswith('3777[{"success":true'), packet
            await raw.push("session:draining")
            await raw.closed()
        await b.expect("session:draining")
        await _ended_well(process)


async def _not_ready(url: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await request("GET", f"{url}/ready")).status != 503:
            pass


async def test_nothing_fails_meanwhile(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """For DRAIN_DELAY all goes on, for new clients too; but /ready says 503, and connections are not kept."""
    async with AsyncExitStack() as stack:
        process, url = await stack.enter_async_context(
            serving(env=environment(dsn, DRAIN_DELAY="600000"))
        )
        a = await connect(alice, url)
        poller = await stack.enter_async_context(polling(url))
        await poller.connect(alice.token)
        ready = asyncio.Event()
        failures: list[object] = []

        async def ask() -> None:
            """A load balancer's requests, over connections that it keeps as long as it may."""
            async with aiohttp.ClientSession() as http:
                after = 0
                while after < 20:
                    after += ready.is_set()
                    headers = {"Authorization": f"Bearer {alice.token}"}
                    async with http.get(f"{url}/api/conversations", headers=headers) as response:
                        if response.status != 200:
                            failures.append(response.status)

        asking = [asyncio.create_task(ask()) for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        await _not_ready(url)
        ready.set()
        await asyncio.gather(*asking)
        assert failures == []
        answer = await request("GET", f"{url}/live")
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        b = await connect(bob, url)
        await b.do("chat:message_send", recipientId=alice.id, content="still here")
        await a.expect("chat:message_received")
        assert a.seen("session:draining") == []
        newer = await stack.enter_async_context(polling(url))
        await newer.connect(bob.token)
        # Whoever is in a hurry says so again.
        process.send_signal(signal.SIGTERM)
        for client in (poller, newer):
            await client.until("session:draining")
            assert await client.poll() == (200, ["1"])
        await b.expect("session:draining")
        await _ended_well(process)


async def test_the_delay_passes(dsn: str, connect: Connect, alice: User) -> None:
    """After DRAIN_DELAY the process takes its leave by itself."""
    async with serving(env=environment(dsn, DRAIN_DELAY="200")) as (process, url):
        a = await connect(alice, url)
        process.send_signal(signal.SIGTERM)
        await a.expect("session:draining")
        await _ended_well(process)


async def test_a_process_that_must_stop() -> None:
    """A process that finds by itself that it must stop has no delay: what it would serve is wrong."""
    stopping = _Stopping()
    stopping.hurry()
    await asyncio.wait_for(stopping.asked(), PATIENCE)
    await asyncio.wait_for(stopping.delay(600), PATIENCE)


async def test_workers(dsn: str, redis_url: str, alice: User) -> None:
    """Several workers drain together, and hurry together: every client is told, and the exit code is 0."""
    env = environment(
        dsn,
        REDIS_URL=redis_url,
        PORT=str(free_port()),
        MAX_CONNECTIONS_PER_USER="0",
        DRAIN_DELAY="600000",
    )
    async with AsyncExitStack() as stack:
        process, url = await stack.enter_async_context(serving("--workers", "2", env=env))
        assert process.stdout is not None
        # Both workers say so.
        async with asyncio.timeout(PATIENCE):
            while b"listening on" not in await process.stdout.readline():
                pass
        clients = [await stack.enter_async_context(Wire(url)) for _ in range(20)]
        await asyncio.gather(*(client.connect(alice.token) for client in clients))
        process.terminate()
        for _ in range(2):
            # Whichever worker answers.
            await _not_ready(url)
        for client in clients:
            await client.send(text('421["system:ping"]'))
            while not (await client.receive())[1].startswith(b"431["):
                pass
        process.terminate()
        await asyncio.gather(*(_takes_leave(client) for client in clients))
        await _ended_well(process)
