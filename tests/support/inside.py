"""What only the server itself can tell: what it still holds of its clients."""

import asyncio
from typing import Any

from chatserver.core.about import About
from chatserver.delivery.pushes import Frame, user_room
from chatserver.doors.connection.reception import Reception
from chatserver.doors.socketio.door import SocketIODoor
from chatserver.doors.socketio.engine import Engine
from chatserver.doors.socketio.sockets import Socket
from tests.conftest import User
from tests.support.patience import PATIENCE
from tests.support.servers import Server


def door(server: Server) -> SocketIODoor:
    """The Socket.IO door of a server in this process."""
    assert server.app is not None
    return server.app.socketio


def reception(server: Server) -> Reception:
    """Its reception."""
    assert server.app is not None
    return server.app.reception


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
    reception(server)._delivery.told(
        [user_room(user_id)], Frame("test:filler", {"filler": "x" * size})
    )


def tell_typing(server: Server, user_id: str, size: int) -> None:
    """Push something of over `size` bytes to a user's devices that the doors of all systems show."""
    somebody = "x" * size
    pushed = {
        "conversationId": "0190c0de-0000-7000-8000-000000000000",
        "userId": somebody,
        "username": somebody,
        "isTyping": True,
        "timestamp": "2025-01-01T00:00:00.000Z",
    }
    about = About("direct", (user_id, somebody))
    frame = Frame("chat:user_typing", pushed, about=about)
    reception(server)._delivery.told([user_room(user_id)], frame)


def is_on(server: Server, user: User) -> bool:
    """Whether a session of a user has begun."""
    devices = reception(server)._devices.values()
    return any(device.user_id == user.id and device.held is None for device in devices)


async def until(true: Any) -> None:
    """Wait for what has no event of its own."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - the server under test has no event for it
            await asyncio.sleep(0.005)


def hang_up_all(server: Server) -> None:
    """End whatever a test left behind: nobody hangs up for a polling client that is gone."""
    for line in [*sockets(server), *(each.line for each in reception(server)._devices.values())]:
        line.abort()


async def empty(server: Server) -> None:
    """Nothing is left of any client: no transport, no session, no room, no timer's socket."""
    await until(lambda: not sockets(server) and not reception(server).connections)
    manager = engine(server).manager
    assert not any(manager.rooms.get("/", {}).values()), manager.rooms
    assert manager.pending_connect == {}
    await until(lambda: not engine(server).transports)
    assert not any(reception(server)._delivery.rooms.open.values())
