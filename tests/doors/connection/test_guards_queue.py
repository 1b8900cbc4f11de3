"""What waits for a client is bounded in bytes: who does not read is cut off, and costs nothing afterwards."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from engineio.packet import Packet

from chatserver.doors.connection.due import Dues
from chatserver.doors.connection.send_queue import SendQueue
from tests.conftest import Connect, User
from tests.support.inside import empty, engine, only_socket, sockets, tell, until
from tests.support.patience import PATIENCE
from tests.support.polling import polling
from tests.support.servers import Server, local_server
from tests.support.wire import Wire

_BOUND = 65_536
_PIECE = 20_000
# More than the kernel keeps for one connection, so that a write must wait.
_TOO_MUCH = 16 * 1024 * 1024


@pytest.fixture
async def bounded(dsn: str) -> AsyncIterator[Server]:
    """A server that keeps little for its clients."""
    async with local_server(dsn, SEND_QUEUE_BYTES=str(_BOUND)) as server:
        yield server


async def _fill(server: Server, user: User) -> None:
    """Push until the one client is cut off; what waits for it stays within the bound and one packet."""
    socket = only_socket(server)
    for _ in range(_TOO_MUCH // _PIECE):
        tell(server, user.id, _PIECE)
        assert socket.queued_bytes < _BOUND + _PIECE + 100
        # The writer has its turn.
        await asyncio.sleep(0)
        if socket.closed:
            break
    assert socket.closed
    assert socket.queued_bytes == 0
    assert socket.queue.empty


async def test_a_websocket_that_does_not_read(
    bounded: Server, connect: Connect, alice: User, bob: User
) -> None:
    """A client that does not read is cut off at the bound; others notice nothing; the log has what it missed."""
    async with Wire(bounded.url) as stalled:
        await stalled.connect(alice.token)
        await _fill(bounded, alice)
        await empty(bounded)
        b = await connect(bob, bounded.url)
        sent = await b.do("chat:message_send", recipientId=alice.id, content="missed")
        await stalled.ended()
    back = await connect(alice, bounded.url)
    synced = await back.do(
        "chat:sync", conversationId=sent["message"]["conversation_id"], afterSeq=0
    )
    assert [e["data"].get("content") for e in synced["events"]][-1] == "missed"


async def test_a_closed_client_that_does_not_read(bounded: Server, alice: User) -> None:
    """A client that is closed politely has a few seconds to read what is left for it; then it is cut off."""
    engine(bounded).eio.deadlines.farewell = Dues(0.1)
    async with Wire(bounded.url) as stalled:
        await stalled.connect(alice.token)
        tell(bounded, alice.id, _TOO_MUCH)
        await only_socket(bounded).close()
        await empty(bounded)
        await stalled.ended()


async def test_what_is_read_does_not_count(bounded: Server, connect: Connect, alice: User) -> None:
    """A client that reads is sent many times the bound, and nothing is left in its queue."""
    device = await connect(alice, bounded.url)
    socket = only_socket(bounded)
    for _ in range(40):
        tell(bounded, alice.id, _PIECE)
        await socket.drained(below=_PIECE)
    await device.settled()
    assert len(device.seen("test:filler")) == 40
    assert socket.queued_bytes == 0


async def test_one_large_answer(bounded: Server, connect: Connect, alice: User) -> None:
    """A packet larger than the bound reaches a client that has nothing else waiting."""
    device = await connect(alice, bounded.url)
    tell(bounded, alice.id, 10 * _BOUND)
    assert len((await device.expect("test:filler"))["filler"]) == 10 * _BOUND


@pytest.mark.parametrize("size", [_BOUND // 2 + 1, _BOUND - 1, _BOUND, 3 * _BOUND // 2])
async def test_pushes_behind_a_large_answer(bounded: Server, alice: User, size: int) -> None:
    """While a page is on its way to a slow client, what is pushed meanwhile does not cut it off, to a bound."""
    async with polling(bounded.url) as client:
        await client.connect(alice.token)
        tell(bounded, alice.id, size)
        for _ in range(20):
            tell(bounded, alice.id, 1_000)
        came = [
            packet for packets in [(await client.poll())[1] for _ in range(2)] for packet in packets
        ]
        assert len(came) == 21
        # Once it has arrived, the bound is what it was.
        await _fill(bounded, alice)
        await client.gone()


async def test_a_replay_waits_for_room(bounded: Server, alice: User) -> None:
    """Who waits for room in a stalled client's queue is woken when the client is cut off."""
    async with Wire(bounded.url) as stalled:
        await stalled.connect(alice.token)
        socket = only_socket(bounded)
        tell(bounded, alice.id, _TOO_MUCH)
        waiting = asyncio.create_task(socket.drained(below=_BOUND))
        await asyncio.sleep(0)
        assert not waiting.done()
        tell(bounded, alice.id, 1)
        await asyncio.wait_for(waiting, PATIENCE)
        assert socket.closing


async def test_a_client_that_does_not_poll(bounded: Server, alice: User) -> None:
    """A polling client that does not poll is forgotten at the bound."""
    async with polling(bounded.url) as client:
        await client.connect(alice.token)
        await _fill(bounded, alice)
        await empty(bounded)
        await client.gone()


async def test_a_poll_whose_answer_is_not_read(bounded: Server, alice: User) -> None:
    """What a polling client has asked for and does not read still counts, and the connection is cut."""
    async with polling(bounded.url) as client, Wire(bounded.url) as stalled:
        await client.connect(alice.token)
        path = client.url.removeprefix(bounded.url)
        await stalled.send(f"GET {path} HTTP/1.1\r\nHost: {stalled.host}\r\n\r\n".encode())
        socket = only_socket(bounded)
        await until(lambda: socket._polling)
        tell(bounded, alice.id, _TOO_MUCH)
        await until(lambda: socket.queue.empty)
        assert socket.queued_bytes > _TOO_MUCH
        tell(bounded, alice.id, 1)
        await empty(bounded)
        await stalled.ended()


async def test_a_poll_that_cannot_be_answered(bounded: Server, alice: User) -> None:
    """A polling client that is gone when its poll is answered has lost its packets: its session ends."""
    async with polling(bounded.url) as client:
        await client.connect(alice.token)
        socket = only_socket(bounded)
        async with Wire(bounded.url) as gone:
            path = client.url.removeprefix(bounded.url)
            await gone.send(f"GET {path} HTTP/1.1\r\nHost: {gone.host}\r\n\r\n".encode())
            await until(lambda: socket._polling)
        await until(lambda: not _connected(socket))
        tell(bounded, alice.id, 1)
        await empty(bounded)
        await client.gone()


def _connected(socket: object) -> bool:
    carriers = socket._carriers  # type: ignore[attr-defined]  # of a Socket
    return any(carrier.transport is not None for carrier in carriers)


async def test_many_packets_over_polling(bounded: Server, alice: User) -> None:
    """A poll brings no more packets than a stock Python client takes, and the next one the rest, in order."""
    async with polling(bounded.url) as client:
        await client.connect(alice.token)
        for number in range(40):
            tell(bounded, alice.id, number)
        came: list[str] = []
        while len(came) < 40:
            status, packets = await client.poll()
            assert status == 200
            assert len(packets) <= 16
            came += packets
        assert [packet.count("x") for packet in came] == list(range(40))


async def test_a_pushed_packet_is_encoded_once(
    bounded: Server, connect: Connect, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One push to many devices is one packet, and one piece of memory, however many wait for it."""
    devices = [await connect(alice, bounded.url) for _ in range(3)]
    queued = []
    put = SendQueue.put

    def noted(queue: SendQueue, packet: Packet) -> None:
        queued.append(packet)
        put(queue, packet)

    monkeypatch.setattr(SendQueue, "put", noted)
    tell(bounded, alice.id, 10)
    assert len(queued) == 3
    assert len({id(packet) for packet in queued}) == 1
    for device in devices:
        await device.expect("test:filler")
    assert len({id(packet.framed) for packet in queued}) == 1


@pytest.mark.parametrize("over", ["polling", "websocket"])
async def test_who_waits_for_room_at_the_end(over: str, bounded: Server, alice: User) -> None:
    """Who waits for room in a client's queue goes on when nothing is queued any more, or the client is cut off."""
    async with polling(bounded.url) as client, Wire(bounded.url) as stalled:
        await (client if over == "polling" else stalled).connect(alice.token)
        socket = next(s for s in sockets(bounded) if s.device is not None)
        tell(bounded, alice.id, _TOO_MUCH)
        waiting = asyncio.create_task(socket.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        if over == "websocket":
            # Its transport is full, and nobody reads.
            engine(bounded).eio.deadlines.farewell = Dues(0.1)
        socket.leave(drop=False)
        await asyncio.wait_for(waiting, PATIENCE)
        assert socket.closed == (over == "websocket")
        socket.abort()
