"""The services that the SockJS protocol's own tests ask for."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from chatserver.doors.connection import Dialect, SendQueue, WebSocketLine
from chatserver.doors.protocols import sockjs_frames, websocket_frames
from chatserver.doors.protocols.sockjs import SockJS, SockJSOpening, SockJSOptions
from chatserver.doors.protocols.websocket_frames import FramedPacket
from tests.doors.protocols.serving import Host, serving

MAX_SIZE = 100_000
BOUND = 300_000
ORIGIN = "https://app.example"
_numbers = itertools.count()


def _raw(text: str) -> FramedPacket:
    return websocket_frames.text(text.encode())


_ENCODE: dict[str, Callable[[str], FramedPacket]] = {
    "raw": _raw,
    "websocket": lambda text: sockjs_frames.websocket_message(sockjs_frames.quoted(text)),
    "http": lambda text: sockjs_frames.queued_message(sockjs_frames.quoted(text)),
}


class EchoLine(WebSocketLine):
    """Says what it hears."""

    dialect = Dialect(
        event=lambda push: _raw(push.name),
        event_with_offset=lambda push: _raw(push.name),
        answer=lambda asked, _answer: _raw(str(asked)),
    )

    def __init__(self, host: Host, opening: SockJSOpening) -> None:
        super().__init__(host, f"line-{next(_numbers)}", SendQueue(BOUND), opening.address)
        self.encode = _ENCODE[opening.transport]
        self.heartbeats = opening.heartbeats
        self.said: list[str] = []
        # How often the client showed that it is there.
        self.signs = 0

    def say(self, text: str) -> None:
        """Say something by itself."""
        self.push(self.encode(text))

    def heard(self) -> None:
        """A sign of life."""
        self.signs += 1

    async def text(self, text: str) -> None:
        """Take a message."""
        self.said.append(text)
        if text == "crash":
            raise RuntimeError(text)
        if text == "close":
            self.close_with(3000, b"Go away!")
        else:
            self.say(text)


class CloseLine(EchoLine):
    """Closes at once."""

    def opened(self, socket: object) -> None:
        super().opened(socket)
        self.close_with(3000, b"Go away!")

    def attached(self, carrier: object) -> None:
        super().attached(carrier)
        self.close_with(3000, b"Go away!")


@dataclass
class Service:
    """One service under its path."""

    host: Host
    kind: type[EchoLine]
    lines: list[EchoLine] = field(default_factory=list)
    sockjs: SockJS | None = None

    def connect(self, opening: SockJSOpening) -> EchoLine:
        """A client comes; one whose query says so is refused."""
        if "refused" in opening.request.query:
            raise web.HTTPTooManyRequests
        self.lines.append(self.kind(self.host, opening))
        return self.lines[-1]

    @property
    def line(self) -> EchoLine:
        """The latest."""
        return self.lines[-1]

    def has_receiver(self, path: str) -> bool:
        """Whether a request waits for what comes in a session."""
        assert self.sockjs is not None
        return self.sockjs._sessions[path.rpartition("/")[2]]._receiver is not None

    @property
    def sessions(self) -> int:
        """How many are remembered."""
        assert self.sockjs is not None
        return self.sockjs.sessions


@dataclass(frozen=True)
class Services:
    """All of them. Their URLs are the server's and their names."""

    url: str
    host: Host
    echo: Service
    close: Service


@asynccontextmanager
async def services(**options: object) -> AsyncIterator[Services]:
    """Serve them; `options` are of echo's `SockJSOptions`."""
    host = Host()
    app = web.Application(client_max_size=MAX_SIZE)
    made = {}
    for name, kind, more in (
        ("echo", EchoLine, options),
        ("close", CloseLine, {}),
        ("disabled_websocket_echo", EchoLine, {"websocket": False}),
        ("cookie_needed_echo", EchoLine, {"cookie_needed": True}),
    ):
        service = made[name] = Service(host, kind)
        service.sockjs = SockJS(
            service.connect,
            # As if a proxy noted it.
            address_of=lambda request: request.headers.get("X-Address", "192.0.2.1"),
            allows=lambda origin: origin == ORIGIN,
            # The protocol's tests want streams to end early.
            options=SockJSOptions(**{"max_size": MAX_SIZE, "stream_limit": 4096, **more}),  # type: ignore[arg-type]
        )
        app.add_routes(service.sockjs.routes(f"/{name}"))
    async with serving(app) as url:
        yield Services(url, host, made["echo"], made["close"])
