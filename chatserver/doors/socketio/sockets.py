"""One Engine.IO session, over WebSocket or polling, with everything about it bounded.

python-engineio 4.15.1's ``AsyncSocket`` decides between the transports and upgrades; what is overridden of it:

- ``send``, ``poll``: its queue has no bound and outlives the session; ours is a `SendQueue`;
- ``close``: it may wait for ever for the client to read, and leaves a WebSocket open until its next ping;
- ``schedule_ping``: a task per ping, and a monitor that walks through all sessions; ours is one timer;
- ``handle_get_request``: several polls at once may take packets from each other;
- ``handle_post_request``: garbage is logged with a traceback and answered 200, and a payload of more than 16
  packets is thrown away;
- ``_upgrade_websocket``: a second one runs beside the first;
- ``_websocket_handler``: a task and a timer per frame; an empty or garbage frame ends the reader, not the
  connection.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import WSCloseCode, web
from engineio.packet import NOOP, Packet
from engineio.payload import Payload

from chatserver.core.logging import get_logger
from chatserver.doors.http.expectations import BodyTimeout
from chatserver.doors.protocols import WebSocket
from chatserver.doors.socketio import frames
from chatserver.doors.socketio.link import CLOSE_PACKET, Link
from chatserver.doors.socketio.packets import framed

_log = get_logger(__name__)

_NOOP = Packet(NOOP)

# Keys of the environ: whose polled packets a response holds, and its status where upstream has no way to say it.
POLLED_BY = "chatserver.polled_by"
STATUS = "chatserver.status"

# How long a poll waits while its client moves to a WebSocket, seconds: one that does not arrive there polls on.
_MOVING = 0.1
# After so many frames others have their turn.
_FRAMES = 64


class Socket(Link):
    """One Engine.IO session, over WebSocket or polling. Made by `EngineServer`."""

    def __init__(self, server: Any, sid: str, address: str) -> None:
        super().__init__(server, sid, address)
        self._polled: list[Packet] = []
        self._polling = self._posting = False
        # Whether a request's frames are being taken.
        self._working = False
        # Whether a WebSocket was found to work: the client lets its poll end, and moves.
        self._probed = False

    # -- polling ----------------------------------------------------------------------------------

    async def handle_get_request(self, environ: dict[str, Any]) -> Any:
        """Answer a poll, or the request to speak WebSocket from now on."""
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            return await self._upgrade_websocket(environ)
        return await self.answer_poll(environ)

    async def answer_poll(self, environ: dict[str, Any]) -> Any:
        """Return the packets for a polling response, which comes back to `respond`."""
        if self._polling:
            self.leave(drop=True)
            # The poll that waits takes it.
            self.queue.put(CLOSE_PACKET)
            return self.server._bad_request("One poll at a time")
        self._polling = True
        self._carriers.append(environ["aiohttp.request"].protocol)
        environ[POLLED_BY] = self
        return await self.poll()

    async def poll(self) -> list[Packet]:
        """Wait until something is queued, and return a response's worth of it."""
        queue = self.queue
        if self._probed:
            with suppress(TimeoutError):
                async with asyncio.timeout(_MOVING):
                    await queue.changed.wait()
        while queue.empty and not (queue.ended or self._probed or self.upgraded):
            await queue.changed.wait()
        if self.upgraded:
            return [_NOOP]
        # Clients of python-engineio take no more packets at once.
        polled = queue.take(Payload.max_decode_packets)
        if len(polled) > 1 and polled[-1] is CLOSE_PACKET:
            # It comes alone: a stock client acts on it at once, and on events a moment later, when they would
            # be taken for events of its next session.
            queue.put_back(polled.pop())
        self._polled = polled
        return polled or [_NOOP]

    async def respond(self, request: web.BaseRequest, response: web.Response) -> None:
        """Write what was polled; a response that cannot be written ends the session: its packets are lost."""
        try:
            await response.prepare(request)
            await response.write_eof()
        except OSError:
            self.leave(drop=True)
        finally:
            for packet in self._polled:
                self.queue.written(packet)
            self._polled = []
            self._polling = False
            self._served(request.protocol)
        if self.queue.ended and self.queue.empty:
            self._forget()

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Take frames from a polling client. The status tells what is wrong with them; never raises."""
        request = environ["aiohttp.request"]
        try:
            if self._posting:
                raise frames.BadFrame
            self._posting = True
            try:
                self._carriers.append(request.protocol)
                await self._receive_all(await request.read())
            finally:
                self._posting = self._working = False
                self._served(request.protocol)
        except web.HTTPRequestEntityTooLarge:
            environ[STATUS] = 413
        except BodyTimeout:
            environ[STATUS] = 408
        except (frames.BadFrame, web.RequestPayloadError, OSError):
            environ[STATUS] = 400
        if STATUS in environ:
            self.leave(drop=True)

    async def _receive_all(self, payload: bytes) -> None:
        self._working = True
        for number, frame in enumerate(frames.split(payload), start=1):
            if not self.closing or frame == frames.CLOSE:
                await self._receive(frame)
            if number % _FRAMES == 0:
                await asyncio.sleep(0)

    def _give_up(self) -> None:
        """See `Link`. Those who poll later are refused: the session is over, and nobody waits for its end."""
        self.leave(drop=not (self.upgraded or self._polling))

    def _is_working(self) -> bool:
        """See `WebSocketLine`."""
        return self._working or super()._is_working()

    # -- WebSocket --------------------------------------------------------------------------------

    async def _upgrade_websocket(self, environ: dict[str, Any]) -> Any:
        if self.upgrading or self.closing:
            return self.server._bad_request("Being upgraded already")
        request = environ["aiohttp.request"]
        ws: WebSocket = self.server.websocket(request)
        served = partial(self._served, request.protocol)
        self._carriers.append(request.protocol)
        try:
            await ws.accept()
            if await self._websocket_handler(ws):
                # Until the client hangs up, or until the queue has ended and is written.
                return await ws.serve(self, served)
        except BaseException:
            served()
            raise
        served()
        return ws.response

    async def _websocket_handler(self, ws: WebSocket) -> bool:
        """Begin to speak by a WebSocket. Returns whether that is all right."""
        if self.connected and not await self._upgrade(ws):
            await ws.close(WSCloseCode.PROTOCOL_ERROR)
            return False
        self.connected = self.upgraded = True
        self.upgrading = False
        return True

    def take(self, text: str) -> bool:
        """Take an event at once, if there is room for it; never raises."""
        if self.closing or text[:1] != frames.MESSAGE:
            return False
        try:
            taken: bool = self.server.on_event(self, text[1:])
        except frames.BadFrame:
            self._break_off()
            return True
        except Exception:
            _log.exception("a frame crashed")
            self._break_off()
            return True
        if taken:
            self.server.traffic.received += len(text) - 1
        return taken

    async def text(self, text: str) -> None:
        """Take a packet."""
        if not self.closing:
            try:
                await self._receive(text)
            except frames.BadFrame:
                self._break_off()

    async def binary(self, data: bytes) -> None:
        """Take an attachment."""
        if not self.closing:
            try:
                await self._message(data)
            except frames.BadFrame:
                self._break_off()

    def _break_off(self) -> None:
        """End the connection: what came is not a packet, or is out of place."""
        self.close_code = WSCloseCode.PROTOCOL_ERROR
        self.leave(drop=True)

    async def _upgrade(self, ws: WebSocket) -> bool:
        """Move a client from polling to this WebSocket (engine.io-protocol, "Upgrade"). Returns whether it did."""
        self.upgrading = True
        try:
            async with asyncio.timeout(self.server.connect_timeout):
                if (await ws.receive()).data != frames.PROBE:
                    return False
                await ws.send(framed(Packet(frames.PONG_TYPE, data="probe")))
                # Ends the poll that waits.
                self._probed = True
                self.queue.changed.fire()
                self.upgraded = (await ws.receive()).data == frames.UPGRADE
        except (TimeoutError, OSError):
            pass
        finally:
            self.upgrading = self._probed = False
            self.queue.changed.fire()
        return bool(self.upgraded)
