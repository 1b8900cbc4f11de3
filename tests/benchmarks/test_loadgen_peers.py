"""What the load generator sends, and how it reads servers that dawdle, repeat themselves or speak in pieces."""

import asyncio
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from aiohttp import WSMsgType

from tests.support.loadgen import (
    RECEIVED,
    SEND,
    TALK,
    Asked,
    Generator,
    Peer,
    ack_packet,
    asked,
    event_packet,
    obliging,
    require_compiler,
    scripted,
)

require_compiler()

ONE = "token-a\tone"
LISTENER = "token-b\t-"
BRIEF = {"seconds": 0.2, "warmup": 0, "settle": 0.2}


@pytest.fixture
def generator(tmp_path: Path) -> Generator:
    """The load generator."""
    return Generator(tmp_path)


async def test_what_is_sent(generator: Generator) -> None:
    """CONNECT has the token and the file's own fields; an event has its target, an id of its own and the time."""
    asks: list[Asked] = []

    async def play(peer: Peer) -> None:
        assert peer.auth == {"token": "token-a", "pid": "p", "offset": "o"}
        async for ask in peer.asks():
            asks.append(ask)
            await peer.ack(ask)

    async with scripted(play) as port:
        line = 'token-a\tone\t{"pid":"p","offset":"o"}'
        outcome = await generator.run("ask", line, port=port, **TALK, **BRIEF)
    assert outcome.numbers["acked_total"] == len(asks) > 1
    assert {ask.event for ask in asks} == {SEND}
    assert {ask.payload["conversationId"] for ask in asks} == {"one"}
    assert len({ask.payload["clientMessageId"] for ask in asks}) == len(asks)
    assert all(0 < len(ask.payload["clientMessageId"]) <= 64 for ask in asks)
    assert len({ask.id for ask in asks}) == len(asks)


async def test_refusals_are_not_acks(generator: Generator) -> None:
    """An ack that says success: false or has an error counts as refused; an "error" inside its data does not."""
    bodies = [
        {"success": False},
        {"error": {"code": "VALIDATION_ERROR"}},
        {"message": {"error": "x", "text": '{"success":false'}, "success": True},
        {"error": None, "success": True},
    ]

    async def play(peer: Peer) -> None:
        count = 0
        async for ask in peer.asks():
            await peer.ack(ask, bodies[count % len(bodies)])
            count += 1

    async with scripted(play) as port:
        outcome = await generator.run("ask", ONE, port=port, **TALK, **BRIEF)
    numbers = outcome.numbers
    assert numbers["asks_total"] > len(bodies)
    assert abs(numbers["refused_total"] - numbers["asks_total"] / 2) <= 1
    assert numbers["ack_us"]["count"] == numbers["acked"]


async def test_pushes_are_counted_exactly(generator: Generator) -> None:
    """A push that is left out is missing though another one comes twice, and another's push is foreign."""

    async def play(peer: Peer) -> None:
        times = {0: 0, 1: 2}
        count = 0
        async for ask in peer.asks():
            for _ in range(times.get(count, 1)):
                await peer.push(RECEIVED, ask.payload)
            count += 1
            if count == 1:
                await peer.push(RECEIVED, {"content": "hello"})
                await peer.push("other:event", ask.payload)
            await peer.ack(ask)

    async with scripted(play) as port:
        outcome = await generator.run("ask", ONE, port=port, **TALK, pushes_per_ask=1, **BRIEF)
    numbers = outcome.numbers
    assert numbers["expected_total"] == numbers["acked_total"] > 2
    assert (numbers["missing"], numbers["duplicates"], numbers["foreign"]) == (1, 1, 1)


async def test_acks_are_matched_by_their_ids(generator: Generator) -> None:
    """Acks in another order than the asks are theirs all the same; a second or unknown one counts for none."""

    async def play(peer: Peer) -> None:
        asks = peer.asks()
        first, second = await anext(asks), await anext(asks)
        for ask in (second, first, first):
            await peer.ack(ask)
        await peer.ws.send_str("43999999[{}]")
        await obliging(peer)

    async with scripted(play) as port:
        outcome = await generator.run("ask", ONE, port=port, **TALK, inflight=2, **BRIEF)
    assert outcome.numbers["acked_total"] == outcome.numbers["asks_total"] > 2
    assert outcome.numbers["stray_acks"] == 2


async def test_open_loop_waits_for_nobody(generator: Generator) -> None:
    """Asks are sent when they are due although none is answered, and their latency counts from then."""
    asks: list[Asked] = []

    async def play(peer: Peer) -> None:
        async for ask in peer.asks():
            asks.append(ask)
            if len(asks) == 10:
                for waiting in asks:
                    await peer.ack(waiting)
            elif len(asks) > 10:
                await peer.ack(ask)

    async with scripted(play) as port:
        outcome = await generator.run("ask", ONE, port=port, **TALK, rate=100, **BRIEF)
    numbers = outcome.numbers
    assert numbers["acked_total"] == numbers["asks_total"] == len(asks) >= 20
    due = [int(ask.payload["content"].split("t")[1]) for ask in asks]
    assert {later - earlier for earlier, later in pairwise(due)} <= {9_999, 10_000, 10_001}
    # The first one was answered no sooner than the tenth was due. (The window begins a moment after it.)
    assert numbers["ack_us"]["max"] >= 80_000


async def test_pings_are_answered(generator: Generator) -> None:
    """Engine.IO's ping and WebSocket's own are answered."""
    pongs: list[str] = []

    async def play(peer: Peer) -> None:
        ask = asked(await peer.next_text() or "")
        await peer.ws.send_str("2")
        pongs.append(await peer.next_text() or "")
        await peer.ws.ping(b"who")
        pong = await peer.ws.receive()
        assert (pong.type, pong.data) == (WSMsgType.PONG, b"who")
        await peer.ack(ask)
        await obliging(peer)

    async with scripted(play) as port:
        outcome = await generator.run("ask", ONE, port=port, **TALK, **BRIEF)
    assert pongs == ["3"]
    assert outcome.numbers["acked_total"] == outcome.numbers["asks_total"] > 1


async def test_frames_in_pieces(generator: Generator) -> None:
    """Frames split and joined anywhere, and messages split into frames with a ping between, are read as sent."""

    def frame(first: int, text: bytes) -> bytes:
        size = bytes([len(text)]) if len(text) < 126 else b"\x7e" + len(text).to_bytes(2)
        return bytes([first]) + size + text

    async def play(peer: Peer) -> None:
        async for ask in peer.asks():
            push = event_packet(RECEIVED, ask.payload).encode()
            sent = frame(0x01, push[:20]) + frame(0x89, b"") + frame(0x00, push[20:50])
            sent += frame(0x80, push[50:]) + frame(
                0x81, ack_packet(ask, {"success": True}).encode()
            )
            for at in range(0, len(sent), 7):
                peer.transport.write(sent[at : at + 7])
                await asyncio.sleep(0)
            pong = await peer.ws.receive()
            assert pong.type is WSMsgType.PONG

    async with scripted(play) as port:
        outcome = await generator.run("ask", ONE, port=port, **TALK, pushes_per_ask=1, **BRIEF)
    assert outcome.numbers["acked_total"] == outcome.numbers["deliveries_total"] > 1
    assert outcome.numbers["missing"] == outcome.numbers["dropped"] == 0


async def test_large_frames(generator: Generator) -> None:
    """Payloads of more than a megabyte are sent and received whole, one after the other."""
    text = "x" * 1_500_000
    # A program's argument may not be as long: the payload's length comes from the target's name.
    options = TALK | {"payload": '{"text":"$target","content":"$time"}'}

    async def play(peer: Peer) -> None:
        async for ask in peer.asks():
            assert ask.payload["text"] == text
            await peer.push(RECEIVED, ask.payload)
            await peer.ack(ask, {"success": True, "message": ask.payload})

    async with scripted(play) as port:
        outcome = await generator.run(
            "ask", f"token-a\t{text}", port=port, **options, pushes_per_ask=1, inflight=2, **BRIEF
        )
    assert outcome.numbers["acked_total"] == outcome.numbers["deliveries_total"] > 1
    assert outcome.numbers["missing"] == outcome.numbers["dropped"] == 0


async def test_parking_keeps_the_last_offset(generator: Generator) -> None:
    """Whatever event ends with a string has the offset; without a pid there is nothing to come back with."""
    saved = generator.directory / "saved"

    async def play(peer: Peer) -> None:
        pid = {"pid": "the-pid"} if peer.number == 0 else {}
        await peer.ws.send_str(f"40{orjson.dumps({'sid': 's', **pid}).decode()}")
        await peer.push("a", {}, "first")
        await peer.push("b", {"text": 'quoted " and ]'}, "second")
        await peer.push("c", {"text": "no offset"})
        await peer.push("d", ["no offset"])
        await peer.push("ready", {})
        await peer.next_text()

    async with scripted(play, connected=None) as port:
        outcome = await generator.run(
            "park", ONE, LISTENER, port=port, save=saved, ready="ready", connect_window=1
        )
    assert (outcome.numbers["connections"], outcome.numbers["resumable"]) == (2, 1)
    assert saved.read_text().splitlines() == [
        ONE + '\t{"pid":"the-pid","offset":"second"}',
        LISTENER + "\t{}",
    ]
