"""The load generator, and servers for it that do what a test says."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import WSMsgType, web

from benchmarks.loadgen.build import BuildError, build, compiler
from tests.support.patience import PATIENCE

SEND = "chat:message_send"
RECEIVED = "chat:message_received"
TALK = {
    "event": SEND,
    "payload": '{"conversationId":"$target","content":"$time hello","clientMessageId":"$id"}',
    "push": RECEIVED,
}


def require_compiler() -> None:
    """Skip the test module where there is no C compiler (but not in CI)."""
    try:
        compiler()
    except BuildError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error), allow_module_level=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the generator said."""

    code: int
    numbers: dict[str, Any]
    complaint: str


@dataclass(frozen=True, slots=True)
class Generator:
    """Runs the load generator with files of its own."""

    directory: Path

    def lines(self, name: str, lines: Iterable[str]) -> Path:
        """A file of connections."""
        path = self.directory / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    async def run(self, mode: str, *lines: str, **options: Any) -> Outcome:
        """Run it until it ends; options as on its command line, True stands alone."""
        if lines:
            options["connections"] = self.lines("connections", lines)
        process = await asyncio.create_subprocess_exec(
            build(),
            mode,
            *_arguments(options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            said, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        assert process.returncode is not None
        return Outcome(
            process.returncode, orjson.loads(said) if said else {}, complaint.decode().strip()
        )

    @asynccontextmanager
    async def sink(self, **options: Any) -> AsyncIterator[dict[str, int]]:
        """The generator's own server; gives the options with which it is found and watched."""
        process = await asyncio.create_subprocess_exec(
            build(), "sink", *_arguments({"port": 0} | options), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode()
            assert line.startswith("listening on "), line
            yield {"port": int(line.split()[-1]), "pid": process.pid}
        finally:
            process.kill()
            await process.communicate()


def _arguments(options: dict[str, Any]) -> list[str]:
    arguments = []
    for name, value in options.items():
        arguments.append(f"--{name.replace('_', '-')}")
        if value is not True:
            arguments.append(str(value))
    return arguments


@dataclass(frozen=True, slots=True)
class Asked:
    """An event that the generator sent: the id of its ack, its name and its payload."""

    id: str
    event: str
    payload: dict[str, Any]


@dataclass(slots=True)
class Peer:
    """The server's end of one of the generator's connections."""

    ws: web.WebSocketResponse
    transport: asyncio.Transport
    number: int
    auth: dict[str, Any]

    async def next_text(self) -> str | None:
        """What comes next; None at the end."""
        message = await self.ws.receive()
        return message.data if message.type is WSMsgType.TEXT else None

    async def asks(self) -> AsyncIterator[Asked]:
        """The events as they come."""
        while (text := await self.next_text()) is not None:
            yield asked(text)

    async def ack(self, ask: Asked, body: Any = None) -> None:
        """Answer an event."""
        await self.ws.send_str(ack_packet(ask, {"success": True} if body is None else body))

    async def push(self, event: str, *arguments: Any) -> None:
        """Push an event."""
        await self.ws.send_str(event_packet(event, *arguments))


def asked(text: str) -> Asked:
    """An EVENT packet."""
    assert text.startswith("42"), text
    start = text.index("[")
    event, payload = orjson.loads(text[start:])
    return Asked(text[2:start], event, payload)


def ack_packet(ask: Asked, body: Any) -> str:
    """An ACK packet."""
    return f"43{ask.id}{orjson.dumps([body]).decode()}"


def event_packet(event: str, *arguments: Any) -> str:
    """An EVENT packet without an id."""
    return f"42{orjson.dumps([event, *arguments]).decode()}"


async def obliging(peer: Peer) -> None:
    """Acks everything."""
    async for ask in peer.asks():
        await peer.ack(ask)


Play = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def scripted(play: Play, connected: str | None = '40{"sid":"s"}') -> AsyncIterator[int]:
    """A Socket.IO server that plays a test's script with each connection; gives its port.

    `connected` answers CONNECT; None leaves that to the script.
    """
    peers: list[Peer] = []
    failures: list[AssertionError] = []

    async def handler(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=0)
        await ws.prepare(request)
        await ws.send_str('0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
        text = await ws.receive_str()
        assert text.startswith("40{")
        assert isinstance(request.transport, asyncio.Transport)
        peer = Peer(ws, request.transport, len(peers), orjson.loads(text[2:]))
        peers.append(peer)
        if connected is not None:
            await ws.send_str(connected)
        # The generator closes its connections whenever it has seen enough.
        with suppress(ConnectionError):
            try:
                await play(peer)
            except AssertionError as failure:
                failures.append(failure)
        return ws

    async with serving(web.get("/socket.io/", handler)) as port:
        yield port
    # What a script found wrong is the test's failure, not a line in the log.
    for failure in failures:
        raise failure


@asynccontextmanager
async def serving(*routes: web.RouteDef) -> AsyncIterator[int]:
    """An HTTP server; gives its port."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port: int = runner.addresses[0][1]
        yield port
    finally:
        await runner.cleanup()
