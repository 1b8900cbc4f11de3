"""Takes what comes by a WebSocket as it comes.

aiohttp wakes a task for every message: it is awaited through the dozen coroutines between the web server and our
reader, which is a twentieth of what a message costs. The usual one needs no task, so it is offered first; whatever
is not taken waits for the reader as ever. Pings and pongs wait for nobody: what stands before them may take its
time. Overridden of aiohttp 3.14.5: ``WebSocketResponse._post_start``, which makes the queue (and, for lack of a
heartbeat of aiohttp's here, nothing that has to do with one), and ``write_eof``, which closes; and of
``WebSocketDataQueue`` ``feed_data`` and ``feed_eof``. ``_close_transport`` asks ``_req`` for the transport alone,
which the request's protocol has, too.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.http import WS_CLOSED_MESSAGE, WebSocketWriter, WSMessage, WSMessageTextBytes

# What aiohttp lets wait for a reader before it stops reading (twice this).
_LIMIT = 2**16


class Inbox(WebSocketDataQueue):
    """The messages of one WebSocket that are not taken yet."""

    __slots__ = ("gone", "ping", "pong", "take")

    # Takes a text message, or says that it does not.
    take: Callable[[str], bool] | None
    # Told what a ping or a pong carries.
    ping: Callable[[bytes], None] | None
    pong: Callable[[bytes], None] | None
    # The connection is lost.
    gone: bool

    def feed_data(self, data: WSMessage | WSMessageTextBytes, size: int) -> None:
        """Take a message that has come."""
        kind = data.type
        if kind is WSMsgType.TEXT:
            # In their order: behind one that waits they all wait.
            if self.take is None or self._buffer or not self.take(data.data):
                super().feed_data(data, size)
        elif kind is WSMsgType.PING and self.ping is not None:
            self.ping(bytes(data.data))
        elif kind is WSMsgType.PONG and self.pong is not None:
            self.pong(bytes(data.data))
        else:
            super().feed_data(data, size)

    def feed_eof(self) -> None:
        """Note that the connection is lost; aiohttp's reader would try to say goodbye, and fail."""
        self.gone = True
        super().feed_data(WS_CLOSED_MESSAGE, 0)
        super().feed_eof()


class Response(web.WebSocketResponse):
    """aiohttp's, with an `Inbox` once it is prepared."""

    inbox: Inbox
    # Has the server let go of the request once it is answered; None where the WebSocket ends with it.
    hand_over: Callable[[], None] | None = None
    # The request, and from the handshake on its protocol alone.
    _req: Any

    def _post_start(
        self, request: web.BaseRequest, protocol: str | None, writer: WebSocketWriter
    ) -> None:
        self._ws_protocol = protocol
        self._writer = writer
        assert self._loop is not None  # it is being prepared
        self._reader = self.inbox = Inbox(request.protocol, _LIMIT, loop=self._loop)
        self.inbox.take = self.inbox.ping = self.inbox.pong = None
        self.inbox.gone = False
        compress = bool(self._compress)
        self._parser = WebSocketReader(self.inbox, self._max_msg_size, compress, self._decode_text)
        request.protocol.set_parser(self._parser)
        request.protocol.keep_alive(False)
        self._req = request.protocol

    async def write_eof(self) -> None:  # type: ignore[override]  # as aiohttp's own
        """Close, unless the WebSocket goes on without its request."""
        hand_over, self.hand_over = self.hand_over, None
        if hand_over is None:
            await super().write_eof()
        else:
            self.headers.clear()
            hand_over()

    async def close(
        self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True
    ) -> bool:
        """Say goodbye, unless nobody is there."""
        return not self.inbox.gone and await super().close(code=code, message=message, drain=drain)
