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
from aiohttp.web_protocol import RequestHandler
from engineio import async_socket, base_socket, packet, payload
from engineio.async_drivers import aiohttp as aiohttp_driver
from redis.asyncio import connection
from socketio import async_pubsub_manager, base_manager

_Socket = async_socket.AsyncSocket
_Engine = engineio.AsyncServer
_PubSub = async_pubsub_manager.AsyncPubSubManager

# What is overridden or called, who relies on it, and the start of its source's SHA-256.
_PRIVATE: list[tuple[Callable[..., Any], str, str]] = [
    (base_socket.BaseSocket.__init__, "doors/socketio/link.py", "8532b631a4dc815f"),
    (_Socket.send, "doors/socketio/link.py", "0437276ccba7ab09"),
    (_Socket.close, "doors/socketio/link.py", "faa2e93902543244"),
    (_Socket.schedule_ping, "doors/connection/line.py", "fe316639159cd70d"),
    (_Socket.check_ping_timeout, "doors/socketio/link.py", "77616d5ca7809257"),
    (_Socket.receive, "doors/socketio/link.py", "a91ae36ec2fb5340"),
    (_Socket.poll, "doors/socketio/sockets.py", "826f58a9f3606db2"),
    (_Socket.handle_get_request, "doors/socketio/sockets.py", "05eaae9f0a60d9be"),
    (_Socket.handle_post_request, "doors/socketio/sockets.py", "82dca119a261a959"),
    (_Socket._upgrade_websocket, "doors/socketio/sockets.py", "820b83efe96adb98"),
    (_Socket._websocket_handler, "doors/socketio/sockets.py", "27f120df4d717a24"),
    (_Engine.__init__, "doors/socketio/engineio_server.py", "a06b17502fbd9646"),
    (
        _Engine.handle_request,
        "doors/socketio/engineio_server.py and doors/socketio/sockets.py",
        "1a8c878e35166cfe",
    ),
    (_Engine.attach, "doors/socketio/engineio_server.py", "7874d4dc1c319bc6"),
    (_Engine._handle_connect, "doors/socketio/engineio_server.py", "5bd7edc1d1ae115a"),
    (_Engine._make_response, "doors/socketio/engineio_server.py", "5f883ef57e34f34c"),
    (_Engine._trigger_event, "doors/socketio/link.py", "4a09b6e47eb66532"),
    (_Engine.create_queue, "doors/socketio/engineio_server.py", "5ff5673a0c017681"),
    (_Engine._log_error_once, "doors/socketio/engineio_server.py", "dccbb5602dc46a09"),
    (_Engine._cors_headers, "doors/socketio/engineio_server.py", "da3a25b4305292e2"),
    (_Engine._cors_allowed_origins, "doors/socketio/engineio_server.py", "d0cad0c66d5333cb"),
    (_Engine._ok, "doors/socketio/engineio_server.py", "b8f717402eac2b0d"),
    (_Engine._bad_request, "doors/socketio/sockets.py", "af66afac6f6c67db"),
    (aiohttp_driver.translate_request, "doors/socketio/sockets.py", "20aa782740060790"),
    (aiohttp_driver.make_response, "doors/socketio/engineio_server.py", "58b0a5e7050ff6ec"),
    (RequestHandler.connection_made, "doors/http/connection.py", "44d50b5763b2c7e4"),
    (RequestHandler.connection_lost, "doors/http/connection.py", "df2fe6e95fd04c7c"),
    (RequestHandler.data_received, "doors/http/connection.py", "1ee57ebe052e6c80"),
    (RequestHandler.start, "doors/http/connection.py", "2e565fd40c8e04fb"),
    (RequestHandler.finish_response, "doors/http/connection.py", "b7eb53db8f4b30ca"),
    (RequestHandler.handle_error, "doors/http/connection.py", "94962ffef500c172"),
    (RequestHandler._make_error_handler, "doors/http/connection.py", "b73dcf1dd177a243"),
    (RequestHandler._process_keepalive, "doors/http/connection.py", "b472e0fb8445ce42"),
    (web.WebSocketResponse._post_start, "doors/protocols/inbox.py", "5537cb3f2ecae6ed"),
    (web.WebSocketResponse._close_transport, "doors/protocols/inbox.py", "356a110c8428b47e"),
    (web.WebSocketResponse.write_eof, "doors/protocols/inbox.py", "1277d2fa933520d6"),
    (reader_py.WebSocketDataQueue.feed_data, "doors/protocols/inbox.py", "2f38295087b8809f"),
    (reader_py.WebSocketReader.__init__, "doors/protocols/inbox.py", "ea518c1cea91584e"),
    (packet.Packet, "doors/socketio/packets.py", "a0d70ee4777b3af6"),
    (payload.Payload.encode, "doors/socketio/sockets.py", "67dab77bf52cf29c"),
    (socketio.AsyncServer._engineio_server_class, "doors/socketio/engine.py", "199c42bf149247e0"),
    (socketio.AsyncServer._handle_eio_message, "doors/socketio/engine.py", "bef50fc0e1635921"),
    (socketio.AsyncServer._send_eio_packet, "doors/socketio/link.py", "64cf72a2ab7d75b1"),
    (base_manager.BaseManager, "doors/socketio/engine.py", "b393b4c05dbd88e2"),
    (_PubSub.emit, "delivery/bell/foreign.py", "6cc46e0ff9b6d7cf"),
    (_PubSub._handle_emit, "delivery/bell/foreign.py", "4284671be955f644"),
    (connection.AbstractConnection.connect_check_health, "redis/wire.py", "5cfa2c49e83e3645"),
    (connection.Connection._connect, "redis/wire.py", "24cd655d5f27ddbb"),
]


@pytest.mark.parametrize(
    ("package", "pinned"), [("python-socketio", "5.18.1"), ("python-engineio", "4.15.1")]
)
def test_versions(package: str, pinned: str) -> None:
    """The installed version is the pinned one."""
    assert version(package) == pinned, (
        f"{package} {version(package)} is installed. Read its changes, above all to what "
        "tests/doors/socketio/test_upstream.py lists, before setup.cfg and this test name it."
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
        f"and then write {found} into tests/doors/socketio/test_upstream.py."
    )
