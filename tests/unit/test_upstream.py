"""The libraries' private parts that the doors rely on are those that they were written against."""

import hashlib
import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import engineio
import pytest
import socketio
from aiohttp import web
from aiohttp._websocket import reader_py
from engineio import async_socket, base_socket, packet, payload
from engineio.async_drivers import aiohttp as aiohttp_driver
from socketio import async_pubsub_manager, async_redis_manager, base_manager

_Socket = async_socket.AsyncSocket
_Engine = engineio.AsyncServer
_PubSub = async_pubsub_manager.AsyncPubSubManager

# What is overridden or called, who relies on it, and the start of its source's SHA-256.
_PRIVATE: list[tuple[Callable[..., Any], str, str]] = [
    (base_socket.BaseSocket.__init__, "doors/link.py", "8532b631a4dc815f"),
    (_Socket.send, "doors/link.py", "0437276ccba7ab09"),
    (_Socket.close, "doors/link.py", "faa2e93902543244"),
    (_Socket.schedule_ping, "doors/link.py", "fe316639159cd70d"),
    (_Socket.check_ping_timeout, "doors/link.py", "77616d5ca7809257"),
    (_Socket.receive, "doors/link.py", "a91ae36ec2fb5340"),
    (_Socket.poll, "doors/sockets.py", "826f58a9f3606db2"),
    (_Socket.handle_get_request, "doors/sockets.py", "05eaae9f0a60d9be"),
    (_Socket.handle_post_request, "doors/sockets.py", "82dca119a261a959"),
    (_Socket._upgrade_websocket, "doors/sockets.py", "820b83efe96adb98"),
    (_Socket._websocket_handler, "doors/sockets.py", "27f120df4d717a24"),
    (_Engine.__init__, "doors/engineio_server.py", "a06b17502fbd9646"),
    (_Engine.handle_request, "doors/engineio_server.py and doors/sockets.py", "1a8c878e35166cfe"),
    (_Engine._handle_connect, "doors/engineio_server.py", "5bd7edc1d1ae115a"),
    (_Engine._make_response, "doors/engineio_server.py", "5f883ef57e34f34c"),
    (_Engine._trigger_event, "doors/link.py", "4a09b6e47eb66532"),
    (_Engine.create_queue, "doors/engineio_server.py", "5ff5673a0c017681"),
    (_Engine._log_error_once, "doors/engineio_server.py", "dccbb5602dc46a09"),
    (_Engine._cors_allowed_origins, "doors/engineio_server.py", "d0cad0c66d5333cb"),
    (_Engine._ok, "doors/engineio_server.py", "b8f717402eac2b0d"),
    (_Engine._bad_request, "doors/sockets.py", "af66afac6f6c67db"),
    (aiohttp_driver.WebSocket, "doors/engineio_server.py", "96fbcb0d1f45694a"),
    (aiohttp_driver.translate_request, "doors/sockets.py", "20aa782740060790"),
    (aiohttp_driver.make_response, "doors/engineio_server.py", "58b0a5e7050ff6ec"),
    (web.WebSocketResponse._post_start, "doors/inbox.py", "5537cb3f2ecae6ed"),
    (reader_py.WebSocketDataQueue.feed_data, "doors/inbox.py", "2f38295087b8809f"),
    (reader_py.WebSocketReader.__init__, "doors/inbox.py", "ea518c1cea91584e"),
    (packet.Packet, "doors/send_queue.py", "a0d70ee4777b3af6"),
    (payload.Payload.encode, "doors/sockets.py", "67dab77bf52cf29c"),
    (socketio.AsyncServer._engineio_server_class, "doors/engine.py", "199c42bf149247e0"),
    (socketio.AsyncServer._handle_eio_message, "doors/engine.py", "bef50fc0e1635921"),
    (socketio.AsyncServer._send_eio_packet, "doors/link.py", "64cf72a2ab7d75b1"),
    (base_manager.BaseManager, "doors/engine.py", "b393b4c05dbd88e2"),
    (_PubSub._handle_emit, "doors/redis_manager.py", "4284671be955f644"),
    (_PubSub._handle_disconnect, "doors/redis_manager.py", "f33e84380da58dc3"),
    (_PubSub.emit, "doors/redis_manager.py", "6cc46e0ff9b6d7cf"),
    (_PubSub.initialize, "doors/redis_manager.py", "e8a2b026ecea320f"),
    (
        async_redis_manager.AsyncRedisManager._redis_connect,
        "doors/redis_manager.py",
        "da4530c936323c25",
    ),
    (async_redis_manager.AsyncRedisManager._publish, "doors/redis_manager.py", "033e4da7cc8768b4"),
]


@pytest.mark.parametrize(
    ("package", "pinned"), [("python-socketio", "5.18.1"), ("python-engineio", "4.15.1")]
)
def test_versions(package: str, pinned: str) -> None:
    """The installed version is the pinned one."""
    assert version(package) == pinned, (
        f"{package} {version(package)} is installed. Read its changes, above all to what "
        "tests/unit/test_upstream.py lists, before setup.cfg and this test name it."
    )


@pytest.mark.parametrize(
    ("part", "used_by", "known"),
    _PRIVATE,
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_sources(part: Callable[..., Any], used_by: str, known: str) -> None:
    """Their source is what it was."""
    found = hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:16]
    assert found == known, (
        f"{part.__module__}.{part.__qualname__} has changed: read it again beside {used_by}, "
        f"and then write {found} into tests/unit/test_upstream.py."
    )
