"""Adapts python-socketio's server: its protocol is kept, its habits are changed.

Everything that a client sends passes through here: reserved events that a client forges are commands
like any other (unknown ones), a packet that is none closes its connection, and every event with an id
is acknowledged. The underscored methods are python-socketio 5.18.1's (pinned in setup.cfg, and compared by
``tests/doors/socketio/test_upstream.py``): ``AsyncServer._engineio_server_class`` and ``_handle_eio_message``, and
``BaseManager.basic_disconnect``. The transports are `EngineServer`'s and `Socket`'s.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import socketio
from aiohttp import WSCloseCode

from chatserver.core import encoding
from chatserver.core.tally import Traffic
from chatserver.doors.connection import Asking
from chatserver.doors.socketio import packets
from chatserver.doors.socketio.engineio_server import EngineServer
from chatserver.doors.socketio.frames import BadFrame
from chatserver.doors.socketio.packets import TextPacket
from chatserver.doors.socketio.sockets import Socket

# More than any client of ours sends; socket.io-parser stops at as many.
_MOST_ATTACHMENTS = 10


class Listener(Protocol):
    """What the engine calls: the Socket.IO door."""

    async def connect(self, sid: str, eio_sid: str, auth: object) -> None:
        """Answer a client that asks to connect."""

    def disconnect(self, sid: str) -> None:
        """Forget a client that is gone."""


class LocalManager(socketio.AsyncManager):  # type: ignore[misc]  # socketio has no types
    """The sessions of this process, without a scan of all rooms at every disconnect.

    Conversations and users are `Delivery`'s rooms, so the only one here is the namespace's (None): a client has no
    room of its own, which takes as much memory as a session of ours, and a disconnect need not look for others
    (upstream does: 0.8 ms at 5,000 connections). `RedisBell` speaks to other processes.
    """

    rooms: dict[str, Any]
    callbacks: dict[str, Any]

    def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
        """Give a client that asks to connect a session's id; None where it has one already."""
        if self.sid_from_eio_sid(eio_sid, namespace) is not None:
            return None
        sid: str = self.server.eio.generate_id()
        self.basic_enter_room(sid, namespace, None, eio_sid=eio_sid)
        self.pending_connect.setdefault(namespace, []).append(sid)
        return sid

    def basic_disconnect(self, sid: str, namespace: str, **_kwargs: Any) -> None:
        """Forget a client."""
        if sid in self.rooms.get(namespace, {}).get(None, ()):
            self.basic_leave_room(sid, namespace, None)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]


class Engine(socketio.AsyncServer):  # type: ignore[misc]  # socketio has no types
    """The Socket.IO server of one process, on the namespace ``/``."""

    listener: Listener
    asking: Asking

    def __init__(self, **options: Any) -> None:
        super().__init__(
            async_mode="aiohttp", namespaces=["/"], client_manager=LocalManager(), **options
        )
        self.eio.on_event = self._take
        self.eio.on_leave = self._disconnect

    def _sid(self, eio_sid: str) -> str | None:
        sid: str | None = self.manager.sid_from_eio_sid(eio_sid, "/")
        return sid

    def _engineio_server_class(self) -> type[EngineServer]:
        return EngineServer

    def socket(self, eio_sid: str) -> Socket | None:
        """Return a client's transport; None where it is gone or going."""
        found: Socket | None = self.eio.sockets.get(eio_sid)
        return None if found is None or found.closing else found

    @property
    def transports(self) -> int:
        """How many are open, with a Socket.IO session or without."""
        return len(self.eio.open)

    @property
    def carried(self) -> Traffic:
        """What the transports have carried so far."""
        ended: Traffic = self.eio.traffic
        found = Traffic()
        found.received, found.aborted = ended.received, ended.aborted
        found.sent = ended.sent + sum(socket.queue.total for socket in self.eio.open)
        return found

    def send_text(self, eio_sid: str, text: bytes) -> None:
        """Queue a Socket.IO packet for a client, unless it is gone."""
        if socket := self.eio.sockets.get(eio_sid):
            socket.push(TextPacket(text))

    def send_event(self, sids: Sequence[str], name: str, payload: Any) -> None:
        """Queue an event for those of these connections that are here."""
        packet = packets.event(name, payload)
        for sid in sids:
            if self.manager.is_connected(sid, "/"):
                self.send_text(self.manager.eio_sid_from_sid(sid, "/"), packet)

    async def accept(self, sid: str, eio_sid: str, body: dict[str, Any]) -> None:
        """Tell a client that it is connected."""
        if socket := self.socket(eio_sid):
            socket.connect_accepted()
        self.send_text(eio_sid, packets.connect({"sid": sid, **body}))
        await self.manager.connect(sid, "/")

    def refuse(self, sid: str, eio_sid: str, body: dict[str, Any]) -> None:
        """Tell a client that it is refused; it may try again on the same transport until the CONNECT deadline."""
        self.send_text(eio_sid, packets.connect_error("/", body))
        self.manager.basic_disconnect(sid, "/")

    def hang_up(self, eio_sid: str) -> None:
        """Close a client's connection, once what is queued has gone out. Does not wait for that."""
        if socket := self.socket(eio_sid):
            socket.hang_up()

    def close_all(self) -> None:
        """Close every connection, once what is queued for it has gone out. Does not wait for that."""
        for socket in list(self.eio.sockets.values()):
            if socket.device is None and not socket.closing:
                socket.close_code = WSCloseCode.TRY_AGAIN_LATER
            socket.leave(drop=False)

    def abort_all(self) -> None:
        """Cut off those who are still there."""
        for socket in list(self.eio.open):
            socket.abort()

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        """Take a Socket.IO packet.

        Raises:
            BadFrame: what came is none, or out of place.
        """
        socket = self.eio.sockets[eio_sid]
        if isinstance(data, bytes):
            # Commands take no binary: what belongs to an event that was answered already is dropped.
            if not socket.attachments:
                raise BadFrame
            socket.attachments -= 1
            return
        try:
            packet = packets.parse(data)
        except packets.BadPacket:
            raise BadFrame from None
        if socket.attachments or packet.attachments > _MOST_ATTACHMENTS:
            raise BadFrame
        socket.attachments = packet.attachments
        if packet.type == packets.CONNECT:
            await self._connect(eio_sid, packet)
        elif packet.namespace != "/":
            pass  # nobody is connected there
        elif packet.type == packets.DISCONNECT:
            if packet.json:
                raise BadFrame
            self._disconnect(eio_sid)
            socket.await_connect()
        elif packet.type in (packets.EVENT, packets.BINARY_EVENT):
            if not packets.may_be_event(packet):
                raise BadFrame
            if socket.device is not None:
                await self.asking.receive(socket.device, packet)
        elif packet.type == packets.CONNECT_ERROR:
            raise BadFrame
        # Acknowledgements are dropped: the server never asks for any.

    def _take(self, socket: Socket, data: str) -> bool:
        """Take a Socket.IO packet at once, if it is the usual event; `_handle_eio_message` takes all."""
        if socket.device is None or socket.attachments:
            return False
        packet = packets.usual(data)
        return packet is not None and self.asking.take(socket.device, packet)

    async def _connect(self, eio_sid: str, packet: packets.Packet) -> None:
        if packet.json.startswith("/"):
            raise BadFrame  # no namespace is so long
        if packet.namespace != "/":
            self.send_text(
                eio_sid, packets.connect_error(packet.namespace, {"message": "Invalid namespace"})
            )
            return
        sid = self.manager.pre_connect(eio_sid, "/")
        if sid is None:
            # It is a second CONNECT on one connection, which no client of ours sends.
            raise BadFrame
        await self.eio.turnstile.enter()
        try:
            auth = encoding.loads(packet.json) if packet.json else None
        except ValueError:
            auth = None
        await self.listener.connect(sid, eio_sid, auth)

    def _disconnect(self, eio_sid: str) -> None:
        sid = self._sid(eio_sid)
        if sid is not None:
            self.manager.basic_disconnect(sid, "/")
            self.listener.disconnect(sid)
