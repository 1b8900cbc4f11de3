"""A WebSocket outlives its request."""

import gc
import socket
import uuid

import pytest
from aiohttp import web

from tests.conftest import User
from tests.support.inside import only_socket, until
from tests.support.servers import local_server
from tests.support.wire import CLOSE, WEBSOCKET, Wire, frame, handshake

_PATHS = (WEBSOCKET, "/messaging/ws", "/marketplace/ws/websocket")


def _requests(agent: str) -> list[web.BaseRequest]:
    kept = [found for found in gc.get_objects() if isinstance(found, web.BaseRequest)]
    return [request for request in kept if request.headers.get("User-Agent") == agent]


@pytest.mark.parametrize("path", _PATHS)
async def test_nothing_is_left_of_the_request(dsn: str, path: str) -> None:
    """An open WebSocket keeps nothing of the request that opened it, and is closed in order all the same."""
    agent = str(uuid.uuid4())
    async with local_server(dsn) as server, Wire(server.url) as wire:
        await wire.send(handshake(wire.host, f"User-Agent: {agent}", path=path))
        assert " 101 " in await wire.head()
        await until(lambda: not _requests(agent))
        await wire.send(frame(CLOSE, b"\x03\xe8"))
        assert await wire.close_code() == 1000
        await wire.ended()


@pytest.mark.parametrize("path", _PATHS)
async def test_one_that_is_open_when_the_server_ends(dsn: str, path: str) -> None:
    """A server that ends closes the WebSockets that have no request any more, too."""
    async with local_server(dsn) as server:
        wire = Wire(server.url)
        await wire.__aenter__()
        await wire.send(handshake(wire.host, path=path))
        assert " 101 " in await wire.head()
    async with wire:
        await wire.ended()


async def test_the_system_looks_whether_clients_are_there(dsn: str, alice: User) -> None:
    """What is accepted has keep-alive on, as what listens has."""
    async with local_server(dsn) as server, Wire(server.url) as wire:
        await wire.connect(alice.token)
        transport = only_socket(server).transport
        assert transport is not None
        accepted = transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
