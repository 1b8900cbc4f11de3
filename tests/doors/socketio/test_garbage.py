"""What connections leave behind goes by itself: the garbage collector need not find it."""

from collections.abc import Awaitable, Callable

import pytest

from chatserver.doors.socketio.sockets import Socket
from tests.conftest import User
from tests.support.garbage import garbage
from tests.support.inside import empty, engine
from tests.support.servers import Server, local_server
from tests.support.wire import CLOSE, Wire, frame, text


async def hang_up(wire: Wire, _server: Server) -> None:
    """Without a word; the context's end closes the connection."""


async def close(wire: Wire, _server: Server) -> None:
    """As a WebSocket does."""
    await wire.send(frame(CLOSE, b"\x03\xe8"))
    await wire.ended()


async def leave(wire: Wire, _server: Server) -> None:
    """As an Engine.IO session does."""
    await wire.send(text("1"))
    await wire.send(frame(CLOSE, b"\x03\xe8"))
    await wire.ended()


async def break_off(wire: Wire, _server: Server) -> None:
    """With a frame that is none."""
    await wire.send(b"\xff\xff")
    await wire.ended()


async def be_sent_away(wire: Wire, server: Server) -> None:
    """The server says goodbye."""
    engine(server).close_all()
    await wire.send(frame(CLOSE, b"\x03\xe8"))
    await wire.ended()


async def be_cut_off(wire: Wire, server: Server) -> None:
    """The server hangs up."""
    engine(server).abort_all()
    await wire.ended()


@pytest.mark.parametrize("end", [hang_up, close, leave, break_off, be_sent_away, be_cut_off])
async def test_a_connection_leaves_no_garbage(
    dsn: str, alice: User, end: Callable[[Wire, Server], Awaitable[None]]
) -> None:
    """However a WebSocket ends, its session, request and response are freed without the garbage collector."""
    with garbage(Socket) as waste:
        async with local_server(dsn) as server:
            async with Wire(server.url) as wire:
                await wire.connect(alice.token)
                await end(wire, server)
            await empty(server)
            assert waste() == []
