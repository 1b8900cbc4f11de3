"""The requests by which SockJS clients fetch frames: polling, streaming and EventSource."""

from collections.abc import Mapping

from aiohttp import web
from aiohttp.http import HttpVersion11

from chatserver.doors.protocols import sockjs_frames
from chatserver.doors.protocols.sockjs_session import Receiver

_JAVASCRIPT = "application/javascript; charset=UTF-8"
# Some browsers show nothing of an answer that is shorter ("XhrStreaming").
_PRELUDE = b"h" * 2048 + b"\n"


class Polling(Receiver):
    """``xhr``: an answer is one frame."""

    def __init__(self, request: web.Request, most: int, headers: Mapping[str, str]) -> None:
        super().__init__(request, most)
        self._headers = headers
        self._frame = b""

    async def write(self, frame: bytes) -> bool:
        """See `Receiver`."""
        if self.is_gone:
            raise ConnectionResetError
        self._frame = frame + b"\n"
        return False

    async def end(self) -> web.StreamResponse:
        """See `Receiver`."""
        headers = {**self._headers, "Content-Type": _JAVASCRIPT}
        return web.Response(body=self._frame, headers=headers)


class Streaming(Receiver):
    """``xhr_streaming``: an answer is frames, a line each."""

    content_type = _JAVASCRIPT
    prelude = _PRELUDE

    def __init__(self, request: web.Request, most: int, headers: Mapping[str, str]) -> None:
        super().__init__(request, most)
        headers = {**headers, "Content-Type": self.content_type}
        self._response = web.StreamResponse(headers=headers)
        if request.version < HttpVersion11:
            # Nothing else would say where it ends.
            self._response.force_close()
        self._written = 0

    async def begin(self) -> None:
        """See `Receiver`."""
        await self._response.prepare(self._request)
        await self._response.write(self.prelude)

    async def write(self, frame: bytes) -> bool:
        """See `Receiver`."""
        if self.is_gone:
            raise ConnectionResetError
        line = self._line(frame)
        await self._response.write(line)
        self._written += len(line)
        return self._written < self.most

    def _line(self, frame: bytes) -> bytes:
        return frame + b"\n"

    async def end(self) -> web.StreamResponse:
        """See `Receiver`."""
        return self._response


class EventSource(Streaming):
    """``eventsource``: an answer is events."""

    content_type = "text/event-stream; charset=UTF-8"
    # Opera wants it.
    prelude = b"\r\n"

    def _line(self, frame: bytes) -> bytes:
        return sockjs_frames.eventsource(frame)
