"""What is decided at a connection's first request: its origin, its address, its compression, its end."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import orjson
import pytest

from chatserver.doors.socketio.engine import Engine
from tests.conftest import Connect, User
from tests.support.cli import end, production, spawn
from tests.support.inside import empty, engine, only_socket, reception
from tests.support.polling import polling
from tests.support.raw import raw_client
from tests.support.servers import local_server
from tests.support.wire import Wire, handshake, text

_ALLOWED = "https://app.example"


@pytest.fixture(scope="module")
async def deployed(dsn: str) -> AsyncIterator[str]:
    """The URL of a server in production."""
    process = await spawn("serve", env=production(dsn, LOG_LEVEL="info"))
    assert process.stderr is not None
    line = orjson.loads(await process.stderr.readline())
    yield f"http://127.0.0.1:{line['port']}"
    process.terminate()
    assert (await end(process)).code == 0


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        (_ALLOWED, 200),
        ("https://evil.example", 400),
        ("http://app.example", 400),
        ("https://app.example:8443", 400),
        ("https://app.example.evil.example", 400),
        ("null", 400),
    ],
)
async def test_origins(deployed: str, origin: str | None, status: int) -> None:
    """A page of another origin is refused over both transports; pages of an allowed one and programs are not."""
    headers = {} if origin is None else {"Origin": origin}
    polled = f"{deployed}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession() as http:
        async with http.get(polled, headers=headers) as response:
            assert response.status == status
            allowed = response.headers.get("Access-Control-Allow-Origin")
            assert allowed == (origin if status == 200 else None)
            body = await response.text()
        if status == 200:
            sid = orjson.loads(body[1:])["sid"]
            foreign = {"Origin": "https://evil.example"}
            async with http.post(f"{polled}&sid={sid}", data="1", headers=foreign) as response:
                assert response.status == 400
            async with http.post(f"{polled}&sid={sid}", data="1", headers=headers) as response:
                assert response.status == 200
    async with Wire(deployed) as wire:
        sent = [f"Origin: {origin}"] if origin else []
        await wire.send(handshake(wire.host, *sent))
        assert f" {101 if status == 200 else status} " in await wire.head()


def test_no_origins_are_no_setting() -> None:
    """An engine for no origin at all, which the library takes for every origin, cannot be made."""
    with pytest.raises(ValueError, match="no check at all"):
        Engine(
            cors_allowed_origins=[],
            compress=False,
            send_queue_bytes=1,
            connect_timeout=1,
            proxy_hops=0,
        )


@pytest.mark.parametrize("compression", ["off", "on"])
async def test_compression(dsn: str, alice: User, compression: str) -> None:
    """Frames are compressed where WS_COMPRESSION=on and the client offers it, and never otherwise."""
    settings = {} if compression == "off" else {"WS_COMPRESSION": "on"}
    async with local_server(dsn, **settings) as server:
        for offer in ("Sec-WebSocket-Extensions: permessage-deflate", "X-Nothing: offered"):
            async with Wire(server.url) as wire:
                await wire.send(handshake(wire.host, offer))
                head = (await wire.head()).lower()
                offered = compression == "on" and "deflate" in offer
                assert ("sec-websocket-extensions: permessage-deflate" in head) is offered
        # The stock aiohttp client offers it.
        async with raw_client(server.url, alice.token) as raw:
            await raw.works()


async def test_addresses(dsn: str, alice: User, capfd: pytest.CaptureFixture[str]) -> None:
    """Behind a trusted proxy, connections are known, and refusals are logged, by the client's own address."""
    forwarded = "X-Forwarded-For: 203.0.113.9, 2001:db8::7"
    async with local_server(dsn, TRUSTED_PROXY_HOPS="1") as server, Wire(server.url) as wire:
        await wire.connect(alice.token, forwarded)
        assert only_socket(server).address == "2001:db8::7"
    async with local_server(dsn) as server, Wire(server.url) as wire:
        await wire.connect(alice.token, forwarded)
        assert only_socket(server).address == "127.0.0.1"
    process = await spawn("serve", env=production(dsn, LOG_LEVEL="info", TRUSTED_PROXY_HOPS="1"))
    assert process.stderr is not None
    url = f"http://127.0.0.1:{orjson.loads(await process.stderr.readline())['port']}"
    async with Wire(url) as wire:
        await wire.open(forwarded)
        await wire.send(text('40{"token":"garbage"}'))
        await wire.receive()
        line = orjson.loads(await process.stderr.readline())
    assert (line["event"], line["code"]) == ("a client was refused", "AUTH_FAILED")
    assert line["address"] == "2001:db8::7"
    process.terminate()
    assert (await end(process)).code == 0


class _Counting(dict[Any, Any]):
    """A dictionary of rooms that counts how many are looked at."""

    looked_at = 0

    def get(self, key: Any, default: Any = None) -> Any:
        self.looked_at += 1
        return super().get(key, default)

    def __getitem__(self, key: Any) -> Any:
        self.looked_at += 1
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[Any]:
        self.looked_at += len(self)
        return super().__iter__()

    def items(self) -> Any:
        self.looked_at += len(self)
        return super().items()

    def copy(self) -> Any:
        self.looked_at += len(self)
        return super().copy()


async def test_the_cost_of_a_disconnect(dsn: str, alice: User, connect: Connect) -> None:
    """A disconnect looks at the connection's own rooms, however many others there are."""
    async with local_server(dsn) as server:
        device = await connect(alice, server.url)
        delivery, manager = reception(server)._delivery, engine(server).manager
        others = {f"room {number}": {} for number in range(5000)}
        rooms = _Counting({**manager.rooms["/"], **others})
        manager.rooms["/"] = rooms
        delivery.rooms.open = delivered = _Counting(delivery.rooms.open)
        delivered.update(dict.fromkeys(others))
        await device.close()
        async with polling(server.url) as client:
            await client.connect(alice.token)
        await empty(server)
        assert 0 < rooms.looked_at < 40
        assert 0 < delivered.looked_at < 40
