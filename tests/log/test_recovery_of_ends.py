"""However a session ends, its client comes back with what it has, and is sent the rest."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
import pytest

from tests.conftest import Connect, User
from tests.support.inside import engine, reception, sockets, until
from tests.support.polling import Poller, polling
from tests.support.resuming import Resuming
from tests.support.servers import Server
from tests.support.talks import opened
from tests.support.wire import Wire, handshake, text

_End = Callable[[Server, Poller], Coroutine[Any, Any, None]]


async def _lost_answer(server: Server, client: Poller) -> None:
    """The connection breaks on which a poll's answer comes."""
    socket = next(s for s in sockets(server) if s.sid == client.sid)
    async with Wire(server.url) as wire:
        path = client.url.removeprefix(server.url)
        await wire.send(f"GET {path} HTTP/1.1\r\nHost: {wire.host}\r\n\r\n".encode())
        await until(lambda: socket.queue.empty)


async def _two_polls(_server: Server, client: Poller) -> None:
    """Two polls at once, behind one whose answer is lost."""
    await client.poll()
    answers = await asyncio.gather(client.poll(), client.poll())
    assert sorted(status for status, _ in answers) == [200, 400]


async def _garbage(_server: Server, client: Poller) -> None:
    assert await client.post("x") == 400


async def _goodbye(server: Server, client: Poller) -> None:
    """The server ends it, and the client never hears of that."""
    for found in list(reception(server)._devices.values()):
        if found.line.sid == client.sid:
            engine(server).hang_up(found.line.sid)


async def _no_pong(server: Server, client: Poller) -> None:
    socket = next(s for s in sockets(server) if s.sid == client.sid)
    socket._settle_dues()
    socket._miss_pong()


async def _leaves(_server: Server, client: Poller) -> None:
    assert await client.post("1") == 200


async def _moves(server: Server, client: Poller) -> None:
    """It is on its way to a WebSocket, whose connection breaks."""
    async with Wire(server.url) as wire:
        path = client.url.removeprefix(server.url).replace(
            "transport=polling", "transport=websocket"
        )
        await wire.send(handshake(wire.host, path=path) + text("2probe") + text("5"))
        await wire.head()
        await wire.receive()


@pytest.mark.parametrize(
    "end", [_lost_answer, _two_polls, _garbage, _goodbye, _no_pong, _leaves, _moves]
)
async def test_a_polling_client_recovers(
    end: _End, server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """A polling client whose session ends, in whatever way, recovers: nothing that it has not fetched is lost."""
    b = await connect(bob)
    conversation_id = await opened(b, alice)

    async def send(content: str) -> None:
        await b.do("chat:message_send", conversationId=conversation_id, content=content)

    device = Resuming(server.url, alice.token)
    async with polling(server.url) as client:
        posting = asyncio.create_task(client.post(f'40{{"token":"{alice.token}"}}'))
        came: list[str] = []
        while not any(packet.startswith('42["session:ready"') for packet in came):
            came += (await client.poll())[1]
        await posting
        device.pid = orjson.loads(came[0][2:])["pid"]
        await send("fetched")
        while not any(packet.startswith('42["chat:message_received"') for packet in came):
            came += (await client.poll())[1]
        device.offset = orjson.loads(came[-1][2:])[-1]
        await send("not fetched")
        await end(server, client)
        await send("while away")
    await device.connect()
    assert device.recovered
    contents = [
        arguments[0]["content"]
        for name, arguments in device.events
        if name == "chat:message_received"
    ]
    assert contents[-2:] == ["not fetched", "while away"]
    await device.drop()
