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
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from engineio.packet import NOOP, Packet
from engineio.payload import Payload

from chatserver.doors import frames
from chatserver.doors.link import Link
from chatserver.logs import get_logger

_log = get_logger(__name__)

_NOOP = Packet(NOOP)

# Keys of the environ: whose polled packets a response holds, and its status where upstream has no way to say it.
POLLED_BY = "chatserver.polled_by"
STATUS = "chatserver.status"


class Socket(Link):
    """Made by `EngineServer`."""

    def __init__(self, server: Any, sid: str, address: str) -> None:
        super().__init__(server, sid, address)
        self._polled: list[Packet] = []
        self._polling = self._posting = False
        # Whether all that came was taken, and the reader waits for more.
        self._at_rest = False
        # The task that reads a WebSocket, and whether it was told to stop.
        self._reading: asyncio.Task[Any] | None = None
        self._stopped = False
        # The one that writes to it, where that is done packet by packet.
        self._writing: asyncio.Task[None] | None = None

    # -- polling ----------------------------------------------------------------------------------

    async def handle_get_request(self, environ: dict[str, Any]) -> Any:
        """A poll, or the request to speak WebSocket from now on."""
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            with self._serving(environ["aiohttp.request"]):
                return await self._upgrade_websocket(environ)
        return await self.answer_poll(environ)

    async def answer_poll(self, environ: dict[str, Any]) -> Any:
        """The packets for a polling response, which comes back to `respond`."""
        if self._polling:
            self.leave(drop=True)
            return self.server._bad_request("One poll at a time")
        self._polling = True
        request = environ["aiohttp.request"]
        self._requests[id(request)] = request
        environ[POLLED_BY] = self
        return await self.poll()

    async def poll(self) -> list[Packet]:
        """What is queued, once there is something; a response's worth of it."""
        while self.queue.empty and not (self.queue.ended or self.upgrading or self.upgraded):
            await self.queue.changed.wait()
        if self.upgrading or self.upgraded:
            return [_NOOP]
        # Clients of python-engineio take no more packets at once.
        self._polled = self.queue.take(Payload.max_decode_packets)
        return self._polled or [_NOOP]

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
            self._served(request)
        if self.closing and self.queue.empty:
            self._forget()

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Frames from a polling client. What is wrong with them is answered by the status; never raises."""
        request = environ["aiohttp.request"]
        try:
            if self._posting:
                raise frames.BadFrame
            self._posting = True
            try:
                with self._serving(request):
                    for frame in frames.split(await request.read()):
                        if not self.closing:
                            await self._receive(frame)
            finally:
                self._posting = False
        except web.HTTPRequestEntityTooLarge:
            environ[STATUS] = 413
        except (frames.BadFrame, web.RequestPayloadError, OSError):
            environ[STATUS] = 400
        if STATUS in environ:
            self.leave(drop=True)

    # -- WebSocket --------------------------------------------------------------------------------

    async def _upgrade_websocket(self, environ: dict[str, Any]) -> Any:
        if self.upgrading or self.closing:
            return self.server._bad_request("Being upgraded already")
        ws = self.server._async["websocket"](self.server, environ["aiohttp.request"])
        await ws.accept()
        await self._websocket_handler(ws)
        return ws.response

    async def _websocket_handler(self, ws: Any) -> None:
        """Read until the client hangs up, or until the queue has ended and is written."""
        if self.connected and not await self._upgrade(ws):
            await ws.close(WSCloseCode.PROTOCOL_ERROR)
            return
        self.connected = self.upgraded = True
        self.upgrading = False
        self._reading = reader = asyncio.current_task()
        assert reader is not None  # aiohttp runs it in one
        try:
            if ws.compress:
                # Only the library compresses: packet by packet.
                self._writing = asyncio.create_task(self._write_each(ws))
                self._writing.add_done_callback(lambda _writing: self._stop_reading())
            else:
                self.transport, self._drain = ws.outlet(high=self.queue.bound // 4)
                self.flush()
            ws.offer(self._take)
            await self._read(ws)
        except asyncio.CancelledError:
            if not self._stopped or reader.uncancel():
                raise  # by somebody else
        finally:
            self._reading = None
            self.leave(drop=True)
            if self._writing is not None and not self._writing.done():
                self._writing.cancel()
                await asyncio.wait((self._writing,))
            await ws.close(self.close_code)

    def _over(self) -> None:
        """See `Link`; no task waits for it beside the one that reads."""
        if self.transport is not None:
            self._stop_reading()

    def _stop_reading(self) -> None:
        """Nothing more is written, so nothing is read."""
        if self._reading is not None and not self._stopped:
            self._stopped = True
            self._reading.cancel()

    async def _write_each(self, ws: Any) -> None:
        """Write packet by packet, each as soon as the one before it is written, until the queue has ended."""
        queue = self.queue
        with suppress(OSError):  # the client is gone
            while True:
                for packet in queue.take(1):
                    await ws.send(packet)
                    queue.written(packet)
                if queue.empty:
                    if queue.ended:
                        return
                    await queue.changed.wait()

    async def _read(self, ws: Any) -> None:
        receive = ws.receive
        try:
            while True:
                self._at_rest = True
                message: WSMessage = await receive()
                self._at_rest = False
                if message.type is WSMsgType.TEXT:
                    if not self.closing:
                        await self._receive(message.data)
                elif message.type is WSMsgType.BINARY:
                    if not self.closing:
                        await self._message(message.data)
                else:
                    break
        except frames.BadFrame:
            self.close_code = WSCloseCode.PROTOCOL_ERROR
        finally:
            self._reading = None
            self.leave(drop=True)

    def _take(self, frame: str) -> bool:
        """Take an event at once, if nothing that came before it is still to be taken; never raises."""
        if not self._at_rest or self.closing or frame[:1] != frames.MESSAGE:
            return False
        try:
            taken: bool = self.server.on_event(self, frame[1:])
        except Exception:
            _log.exception("a frame crashed")
            self.close_code = WSCloseCode.PROTOCOL_ERROR
            self.leave(drop=True)
            return True
        if taken:
            self.server.traffic.received += len(frame) - 1
        return taken

    async def _upgrade(self, ws: Any) -> bool:
        """Whether the client has moved from polling to this WebSocket (engine.io-protocol, "Upgrade")."""
        self.upgrading = True
        try:
            async with asyncio.timeout(self.server.connect_timeout):
                if (await ws.receive()).data != frames.PROBE:
                    return False
                await ws.send(Packet(frames.PONG_TYPE, data="probe"))
                # Ends the poll that waits: nothing more goes out that way.
                self.queue.changed.fire()
                self.upgraded = (await ws.receive()).data == frames.UPGRADE
        except (TimeoutError, OSError):
            pass
        finally:
            self.upgrading = False
        return bool(self.upgraded)
