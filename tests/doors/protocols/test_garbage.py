"""What connections leave behind goes by itself: the garbage collector need not find it."""

import aiohttp
import pytest

from chatserver.doors.protocols import WebSocket
from chatserver.doors.protocols.sockjs_session import HttpSession, Receiver, SockJSTimes
from tests.doors.protocols.conftest import Http, a_session
from tests.doors.protocols.sockjs_services import EchoLine, Services, services
from tests.support.garbage import garbage
from tests.support.inside import until
from tests.support.wire import CLOSE, Wire, frame, handshake, text


async def hang_up(wire: Wire, _found: Services) -> None:
    """Without a word; the context's end closes the connection."""


async def close(wire: Wire, _found: Services) -> None:
    """As a WebSocket does."""
    await wire.send(frame(CLOSE, b"\x03\xe8"))
    await wire.ended()


async def break_off(wire: Wire, _found: Services) -> None:
    """With what is neither a frame nor a message."""
    await wire.send(b"\xff\xff")
    await wire.ended()


async def crash(wire: Wire, _found: Services) -> None:
    """With a message that crashes."""
    await wire.send(text('["crash"]') + text("crash"))
    await wire.send(frame(CLOSE, b"\x03\xf3"))
    await wire.ended()


async def be_sent_away(wire: Wire, found: Services) -> None:
    """The server says goodbye."""
    found.echo.line.hang_up()
    await wire.send(frame(CLOSE, b"\x03\xe8"))
    await wire.ended()


async def be_cut_off(wire: Wire, found: Services) -> None:
    """The server hangs up."""
    found.echo.line.abort()
    await wire.ended()


# Of lines our own: those of a server that other tests share may end meanwhile.
_KINDS = (EchoLine, WebSocket, HttpSession, Receiver)
_ENDS = (hang_up, close, break_off, crash, be_sent_away, be_cut_off)


async def _over(found: Services) -> None:
    """Nothing is left but what is to be looked for."""
    await until(lambda: len(found.host.over) == len(found.echo.lines))
    await until(lambda: not found.echo.sessions)
    for kept in (found.echo.lines, found.host.over):
        kept.clear()


@pytest.mark.parametrize("path", ["/echo/websocket", "/echo/0/0/websocket"])
async def test_websockets(path: str) -> None:
    """However a WebSocket ends, with SockJS over it or without, nothing of it waits for the collector."""
    async with services() as found:
        with garbage(*_KINDS) as waste:
            for end in _ENDS:
                async with Wire(found.url) as wire:
                    await wire.send(handshake(wire.host, path=path))
                    await wire.head()
                    await end(wire, found)
                await _over(found)
            assert waste() == []


async def test_sessions() -> None:
    """However a session over HTTP ends, nothing of it waits for the collector."""
    times = SockJSTimes(delay=0.05)
    async with services(times=times) as found, aiohttp.ClientSession() as session:
        http = Http(found.url, session)
        with garbage(*_KINDS) as waste:
            for method, name in (
                ("POST", "xhr"),
                ("POST", "xhr_streaming"),
                ("GET", "eventsource"),
            ):
                for said in ("close", "crash", None):
                    path = a_session()
                    url = f"{found.url}{path}/{name}"
                    async with session.request(method, url) as response:
                        if said is None:
                            response.close()
                        else:
                            # A polled one may have ended, on a busy machine.
                            await http.post(f"{path}/xhr_send", f'["{said}"]')
                            await response.read()
                    await _over(found)
            assert waste() == []
