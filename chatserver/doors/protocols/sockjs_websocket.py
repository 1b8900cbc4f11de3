"""A SockJS session over a WebSocket, which lasts as long as that."""

from contextlib import suppress

from chatserver.doors.protocols import sockjs_frames, websocket_frames
from chatserver.doors.protocols.pulses import Pulse, Pulses
from chatserver.doors.protocols.sockjs_channel import Channel
from chatserver.doors.protocols.sockjs_session import Heartbeats, hand_on
from chatserver.doors.protocols.websocket import WebSocket

_OPEN = websocket_frames.text(sockjs_frames.OPEN)
_HEARTBEAT = websocket_frames.text(sockjs_frames.HEARTBEAT)
_BROKEN = 1007


class WebSocketSession:
    """Hears a WebSocket for a channel: see `Listener`."""

    def __init__(self, channel: Channel, heartbeats: Heartbeats, pulses: Pulses) -> None:
        self._channel = channel
        self._heartbeats = heartbeats
        self._pulses = pulses
        self._pulse: Pulse | None = None
        self._socket: WebSocket | None = None
        self._broken: bytes | None = None

    def opened(self, socket: WebSocket) -> None:
        """Say so before all else."""
        self._socket = socket
        self._channel.push(_OPEN)
        self._channel.opened(socket)
        self._pulse = self._pulses.start(self._beat, None)

    def _beat(self) -> None:
        if self._heartbeats.on:
            self._channel.push(_HEARTBEAT)

    def take(self, text: str) -> bool:
        """Take nothing before it is parsed."""
        return False

    async def text(self, text: str) -> None:
        """Take a frame: none, one or more messages."""
        if not text or self._channel.closing:
            return
        try:
            messages = sockjs_frames.parse(text.encode(), may_be_one=True)
        except sockjs_frames.BadMessages as error:
            self._broken = error.reason.encode()
            self._channel.leave(drop=True)
            return
        await hand_on(self._channel, messages)

    async def binary(self, data: bytes) -> None:
        """Hand on a binary message, though SockJS has none: the channel judges it."""
        await self._channel.binary(data)

    def pinged(self, payload: bytes) -> None:
        """See `Listener`."""
        self._channel.pinged(payload)

    def ponged(self, payload: bytes) -> None:
        """See `Listener`."""
        self._channel.ponged(payload)

    async def ended(self) -> tuple[int, bytes]:
        """Say why it is over, in SockJS' own frame too, unless the client went first or sent what is no frame."""
        if self._pulse is not None:
            self._pulse.stop()
        code, reason = await self._channel.ended()
        socket, self._socket = self._socket, None
        if self._broken is not None:
            return _BROKEN, self._broken
        if socket is not None and not socket.response.closed:
            frame = sockjs_frames.close(code, reason.decode(errors="replace"))
            with suppress(OSError):
                await socket.send(websocket_frames.text(frame))
        return code, reason
