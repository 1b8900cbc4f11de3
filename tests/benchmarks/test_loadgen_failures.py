"""The load generator against servers that refuse, or drop what they had accepted."""

import socket
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.loadgen import (
    RECEIVED,
    TALK,
    Generator,
    Peer,
    obliging,
    require_compiler,
    scripted,
    serving,
)

require_compiler()

ONE = "token-a\tone"
LISTENER = "token-b\t-"
BRIEF = {"seconds": 0.2, "warmup": 0, "settle": 0.2}


@pytest.fixture
def generator(tmp_path: Path) -> Generator:
    """The load generator."""
    return Generator(tmp_path)


async def test_a_server_that_is_not_there(generator: Generator) -> None:
    """Where nobody listens the run fails, and says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        port = taken.getsockname()[1]
        asking = await generator.run("ask", ONE, port=port, **TALK, **BRIEF)
        connecting = await generator.run("connect", ONE, LISTENER, port=port, after=0)
    assert (asking.code, asking.numbers) == (1, {})
    assert "1 of 1 connections failed, the first one: Connection refused" in asking.complaint
    assert connecting.code == 1
    assert (connecting.numbers["ready"], connecting.numbers["failed"]) == (0, 2)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ('44{"message":"No such user"}', 'refused: {"message":"No such user"}'),
        ("41", "the server disconnected the client"),
        ("1", "the server closed the session"),
        ("hello", "not an Engine.IO packet"),
        ('40{"sid":"s"}', "not ready in time"),
    ],
)
async def test_a_server_that_refuses(generator: Generator, answer: str, why: str) -> None:
    """A connection that is refused, or not ready in time, fails the run with the reason."""
    async with scripted(obliging, connected=answer) as port:
        outcome = await generator.run(
            "ask", ONE, port=port, **TALK, ready="session:ready", timeout=2
        )
    assert (outcome.code, outcome.numbers) == (1, {})
    assert outcome.complaint.endswith(why)


async def test_no_websocket(generator: Generator) -> None:
    """The status line of a server that refuses to upgrade is the reason."""

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=401)

    async with serving(web.get("/socket.io/", refuse)) as port:
        outcome = await generator.run("ask", ONE, port=port, **TALK)
    assert outcome.code == 1
    assert outcome.complaint.endswith("no WebSocket: HTTP/1.1 401 Unauthorized")


async def test_connections_that_are_refused_are_counted(generator: Generator) -> None:
    """Of connections some may fail: they are counted, and the others measured."""

    async def play(peer: Peer) -> None:
        if peer.number % 2 == 0:
            await peer.ws.send_str('40{"sid":"s"}')
            await peer.next_text()
        else:
            await peer.ws.send_str('44{"message":"Full"}')

    async with scripted(play, connected=None) as port:
        lines = [f"token-{number}\t-" for number in range(6)]
        outcome = await generator.run("connect", *lines, port=port, connect_window=2, after=0)
    assert outcome.code == 0
    assert (outcome.numbers["ready"], outcome.numbers["failed"]) == (3, 3)
    assert outcome.numbers["connect_us"]["count"] == 3
    assert "3 of 6 connections failed, the first one: refused" in outcome.complaint


@pytest.mark.parametrize(("dropped", "code"), [({0}, 0), ({0, 1}, 1)])
async def test_connections_that_are_dropped(
    generator: Generator, dropped: set[int], code: int
) -> None:
    """What a dropped connection asked is unanswered, and with nobody left the run has failed."""

    async def play(peer: Peer) -> None:
        asks = peer.asks()
        await peer.ack(await anext(asks))
        ask = await anext(asks)
        if peer.number in dropped:
            peer.transport.abort()
            return
        await peer.ack(ask)
        await obliging(peer)

    async with scripted(play) as port:
        outcome = await generator.run("ask", ONE, "token-b\ttwo", port=port, **TALK, **BRIEF)
    numbers = outcome.numbers
    assert outcome.code == code
    assert numbers["dropped"] == len(dropped)
    assert numbers["unanswered_total"] == len(dropped)
    assert numbers["asks_total"] == numbers["acked_total"] + len(dropped)
    assert f"{len(dropped)} of 2 connections were dropped" in outcome.complaint


async def test_pushes_of_what_was_not_acked(generator: Generator) -> None:
    """Pushes of a refused ask are told apart: they do not stand for the missing one of another."""

    async def play(peer: Peer) -> None:
        asks = peer.asks()
        refused = await anext(asks)
        await peer.push(RECEIVED, refused.payload)
        await peer.ack(refused, {"success": False})
        await peer.ack(await anext(asks))
        async for ask in asks:
            await peer.push(RECEIVED, ask.payload)
            await peer.ack(ask)

    async with scripted(play) as port:
        outcome = await generator.run("ask", ONE, port=port, **TALK, pushes_per_ask=1, **BRIEF)
    numbers = outcome.numbers
    assert numbers["expected_total"] == numbers["acked_total"] == numbers["asks_total"] - 1 > 1
    assert (numbers["missing"], numbers["deliveries_unacked"]) == (1, 1)


async def test_a_schedule_outlives_its_connection(generator: Generator) -> None:
    """In open loop what was due on a dropped connection is asked of nobody, and counts as unanswered."""

    async def play(peer: Peer) -> None:
        await peer.ack(await anext(peer.asks()))
        await peer.ws.close(code=1012, message=b"restart")

    async with scripted(play) as port:
        outcome = await generator.run("ask", ONE, port=port, **TALK, rate=100, **BRIEF)
    assert outcome.code == 1
    assert outcome.numbers["asks_total"] >= 20
    assert outcome.numbers["unanswered_total"] == outcome.numbers["asks_total"] - 1
    assert outcome.complaint.endswith("closed with 1012 restart")
