"""What only the server itself can tell: what it still holds of its clients."""

import asyncio
from typing import Any

from chatserver.doors.engine import Engine
from chatserver.doors.socketio import SocketIODoor
from chatserver.doors.sockets import Socket
from chatserver.pushes import user_room
from tests.support.servers import Server

PATIENCE = 10.0


def door(server: Server) -> SocketIODoor:
    """The Socket.IO door of a server in this process."""
    assert server.app is not None
    return server.app.socketio


def engine(server: Server) -> Engine:
    """Its engine."""
    return door(server)._engine


def sockets(server: Server) -> list[Socket]:
    """Its transports."""
    return list(engine(server).eio.sockets.values())


def only_socket(server: Server) -> Socket:
    """The transport of the only client."""
    (socket,) = sockets(server)
    return socket


def tell(server: Server, user_id: str, size: int) -> None:
    """Push something of `size` bytes to a user's devices."""
    door(server)._delivery.told([user_room(user_id)], "test:filler", {"filler": "x" * size})


async def until(true: Any) -> None:
    """Wait for what has no event of its own."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - the server under test has no event for it
            await asyncio.sleep(0.005)


async def empty(server: Server) -> None:
    """Nothing is left of any client: no transport, no session, no room, no timer's socket."""
    await until(lambda: not sockets(server) and not door(server).connections)
    manager = engine(server).manager
    assert not any(manager.rooms.get("/", {}).values()), manager.rooms
    assert manager.pending_connect == {}
    await until(lambda: not engine(server).transports)
    assert not any(door(server)._delivery._rooms.values())
