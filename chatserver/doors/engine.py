"""python-socketio's server with its protocol kept and its habits changed.

Everything that a client sends passes through here: reserved events that a client forges are commands
like any other (unknown ones), a packet that is none closes its connection, and every event with an id
is acknowledged. The underscored methods are python-socketio 5.18.1's (pinned in setup.cfg):
``AsyncServer._handle_eio_message``, ``_handle_eio_disconnect`` and ``_engineio_server_class``,
``BaseManager.basic_disconnect``; and python-engineio 4.15.1's: ``AsyncServer._async["websocket"]``
and ``["translate_request"]``, looked up per connection and per request.
"""

import re
from typing import Any, Protocol

import engineio
import socketio
from aiohttp import StreamReader, web
from engineio import packet as eio_packet
from engineio.async_drivers import aiohttp as aiohttp_driver

from chatserver.doors import packets


class Listener(Protocol):
    """What the engine calls: the Socket.IO door."""

    async def connect(self, sid: str, eio_sid: str, auth: object) -> None:
        """A client asks to connect; answers it by itself."""

    async def receive(self, sid: str, packet: packets.Packet) -> None:
        """A client sent an event."""

    async def disconnect(self, sid: str) -> None:
        """A client is gone."""


class LocalRooms:
    """A manager's rooms, without a scan of all rooms at every disconnect.

    Conversations and users are `Delivery`'s rooms; the only ones here are the namespace's (None) and the
    sid's own, so a disconnect need not look for others (upstream does: 0.8 ms at 5,000 connections).
    """

    rooms: dict[str, Any]
    callbacks: dict[str, Any]

    def basic_disconnect(self, sid: str, namespace: str, **_kwargs: Any) -> None:
        """Forget a client."""
        rooms = self.rooms.get(namespace, {})
        for name in (sid, None):
            if sid in rooms.get(name, ()):
                self.basic_leave_room(sid, namespace, name)  # type: ignore[attr-defined]  # the manager's
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):  # type: ignore[attr-defined]
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]


class LocalManager(LocalRooms, socketio.AsyncManager):  # type: ignore[misc]  # socketio has no types
    """For one process alone."""


# What a client's text frames begin with: a message, a probe, or a packet without data.
_ENGINE_PACKET = re.compile(r"4([0-6]|\Z)|2probe\Z|[1-356]\Z")


class _WebSocket(aiohttp_driver.WebSocket):  # type: ignore[misc]  # engineio has no types
    """Upstream's WebSocket of the aiohttp driver, whose per-message deflate cannot be switched off.

    Deflate costs each connection 100 KB, and halves what a room can be sent (measured).

    A text frame that is no Engine.IO packet ends the connection: upstream's parser would crash on it, and
    leave the client online until its next ping.
    """

    compress = False

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        self._sock = web.WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size, compress=self.compress
        )
        await self._sock.prepare(environ["aiohttp.request"])
        self.environ = environ
        await self.handler(self)
        return self._sock

    async def wait(self) -> str | bytes:
        data: str | bytes = await super().wait()
        if isinstance(data, str) and not _ENGINE_PACKET.match(data):
            raise OSError("not an Engine.IO packet")
        return data


class _CompressingWebSocket(_WebSocket):
    compress = True


class _Body:
    """A posted body, read whole: upstream takes the first piece that the network brings for all of it."""

    def __init__(self, content: StreamReader) -> None:
        self._content = content

    async def read(self, length: int) -> bytes:
        """As upstream's `handle_post_request` reads it."""
        return await self._content.readexactly(length)


async def _translated(request: web.Request) -> dict[str, Any]:
    environ: dict[str, Any] = aiohttp_driver.translate_request(request)
    return {**environ, "wsgi.input": _Body(request.content)}


class _EngineIO(engineio.AsyncServer):  # type: ignore[misc]  # engineio has no types
    async def disconnect(self, sid: str | None = None) -> None:
        """End a connection that posted too much, without upstream's wait until it has read everything."""
        socket = self.sockets.pop(sid, None)
        if socket is not None:
            await socket.close(wait=False, reason=self.reason.SERVER_DISCONNECT)


class Engine(socketio.AsyncServer):  # type: ignore[misc]  # socketio has no types
    """The Socket.IO server of one process, on the namespace ``/``."""

    listener: Listener

    def __init__(self, *, compress: bool, **options: Any) -> None:
        super().__init__(async_mode="aiohttp", namespaces=["/"], **options)
        driver = _CompressingWebSocket if compress else _WebSocket
        self.eio._async = {
            **self.eio._async,
            "websocket": driver,
            "translate_request": _translated,
        }
        # Attachments of binary events that are still to come, by connection: to be thrown away.
        self._attachments: dict[str, int] = {}

    def _engineio_server_class(self) -> type[_EngineIO]:
        return _EngineIO

    def push(self, eio_sid: str, packet: eio_packet.Packet) -> None:
        """Queue a packet for a client; one that is gone gets none."""
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None and not socket.closed:
            socket.queue.put_nowait(packet)

    def send_text(self, eio_sid: str, text: str) -> None:
        """Queue a Socket.IO packet for a client."""
        self.push(eio_sid, eio_packet.Packet(eio_packet.MESSAGE, data=text))

    async def accept(self, sid: str, eio_sid: str, body: dict[str, Any]) -> None:
        """Tell a client that it is connected."""
        self.send_text(eio_sid, packets.connect({"sid": sid, **body}))
        await self.manager.connect(sid, "/")

    async def refuse(self, sid: str, eio_sid: str, body: dict[str, Any]) -> None:
        """Tell a client that it is not."""
        self.send_text(eio_sid, packets.connect_error("/", body))
        await self.manager.disconnect(sid, "/", ignore_queue=True)

    async def close(self, eio_sid: str) -> None:
        """Close a client's connection, once what is queued has gone out. Does not wait for that.

        Upstream's own ``disconnect`` waits until the client has read everything, which it may never do,
        and leaves a WebSocket open until its next ping; None in the queue makes the writer close it.
        """
        socket = self.eio.sockets.pop(eio_sid, None)
        if socket is not None:
            await socket.close(wait=False, reason=self.reason.SERVER_DISCONNECT)
            socket.queue.put_nowait(None)

    async def _handle_eio_message(self, eio_sid: str, data: object) -> None:
        if isinstance(data, bytes):
            # Commands take no binary: what belongs to an event that was answered already is dropped.
            if not self._attachments.get(eio_sid):
                await self.close(eio_sid)
            else:
                self._attachments[eio_sid] -= 1
            return
        try:
            packet = packets.parse(data if isinstance(data, str) else "")
        except packets.BadPacket:
            await self.close(eio_sid)
            return
        if packet.type == packets.CONNECT:
            await self._connect(eio_sid, packet)
        elif packet.type == packets.DISCONNECT:
            await self._disconnect(eio_sid)
        elif packet.type in (packets.EVENT, packets.BINARY_EVENT):
            if packet.attachments:
                self._attachments[eio_sid] = packet.attachments
            sid = self.manager.sid_from_eio_sid(eio_sid, "/")
            if packet.namespace == "/" and self.manager.is_connected(sid, "/"):
                await self.listener.receive(sid, packet)
        elif packet.type == packets.CONNECT_ERROR:
            await self.close(eio_sid)
        # Acknowledgements are dropped: the server never asks for any.

    async def _connect(self, eio_sid: str, packet: packets.Packet) -> None:
        if packet.namespace != "/":
            self.send_text(
                eio_sid, packets.connect_error(packet.namespace, {"message": "Invalid namespace"})
            )
            return
        sid = await self.manager.pre_connect(eio_sid, "/")
        if sid is None:
            # A second CONNECT on one connection: no client of ours does that.
            await self.close(eio_sid)
            return
        try:
            auth = packets.loads(packet.json) if packet.json else None
        except ValueError:
            auth = None
        await self.listener.connect(sid, eio_sid, auth)

    async def _disconnect(self, eio_sid: str) -> None:
        sid = self.manager.sid_from_eio_sid(eio_sid, "/")
        if sid is not None:
            await self.manager.disconnect(sid, "/", ignore_queue=True)
            await self.listener.disconnect(sid)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: object) -> None:
        await self._disconnect(eio_sid)
        self._attachments.pop(eio_sid, None)
        self.environ.pop(eio_sid, None)
        if reason == self.reason.CLIENT_DISCONNECT:
            # A polling client that hung up still has a poll open, which upstream answers after 45 s only.
            self.push(eio_sid, eio_packet.Packet(eio_packet.NOOP))
