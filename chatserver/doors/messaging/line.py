"""The line to one client of the messaging system, from its upgrade on."""

import asyncio
from typing import Protocol

from aiohttp import WSCloseCode

from chatserver.core.errors import MEANINGS, ChatError, ErrorCode
from chatserver.core.times import iso_now
from chatserver.doors.connection import Device, LineHost, PingingLine, SendQueue
from chatserver.doors.messaging import errors
from chatserver.doors.messaging.dialect import DIALECT, packet
from chatserver.doors.messaging.shapes import Body


class Taker(Protocol):
    """What takes the messages of this door. ``timeout`` is how long a client may say nothing, in seconds."""

    timeout: float

    def take(self, line: "MessagingLine", text: str) -> bool:
        """Take a message at once, if nothing of it has to wait; its session is on."""

    async def receive(self, line: "MessagingLine", text: str) -> None:
        """Take a message."""


class MessagingLine(PingingLine):
    """See `PingingLine`. ``early`` counts what came before the client said who it is."""

    dialect = DIALECT
    device: Device | None

    def __init__(
        self, server: LineHost, taker: Taker, sid: str, queue: SendQueue, address: str
    ) -> None:
        super().__init__(server, sid, queue, address)
        self._taker = taker
        self.early = 0
        # Set once the client was told that its session is on, or there is nothing to wait for.
        self.greeted = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._silence: asyncio.TimerHandle | None = None

    def say(self, body: Body) -> None:
        """Queue a message."""
        self.push(packet(body))

    # -- what it hears ----------------------------------------------------------------------------

    def welcome(self) -> None:
        """Ask the client who it is, as soon as anything can be said to it."""
        self.say(
            {
                "type": "connected",
                "clientId": self.sid,
                "message": "Please authenticate to continue",
                "requiresAuth": True,
                "timestamp": iso_now(),
            }
        )
        self.schedule_ping()
        self.await_connect()
        self._silence = self._loop.call_later(self._taker.timeout, self._look)

    def take(self, text: str) -> bool:
        """See `WebSocketLine`."""
        self._heard = self._loop.time()
        return self.greeted.is_set() and self._taker.take(self, text)

    async def text(self, text: str) -> None:
        """See `WebSocketLine`."""
        self._heard = self._loop.time()
        await self._taker.receive(self, text)

    def _look(self) -> None:
        """Close where nothing was said for too long; pongs are no messages, pings of the door's own are."""
        left = self._heard + self._taker.timeout - self._loop.time()
        if left <= 0:
            self.close_with(WSCloseCode.OK, b"Connection timeout")
        else:
            self._silence = self._loop.call_later(left, self._look)

    # -- the end ----------------------------------------------------------------------------------

    def hang_up(self, *, come_back: ErrorCode | None = None, for_good: bool = False) -> None:
        """See `Line`: 1013 after an ``error`` that says why, where the client is to come back; else 1008."""
        if self.closing:
            return
        if come_back is not None:
            self.say(errors.refused(ChatError(code=come_back)))
            super().hang_up(come_back=come_back)
        else:
            self.close_with(WSCloseCode.POLICY_VIOLATION)

    def leave(self, *, drop: bool) -> None:
        """See `Line`."""
        super().leave(drop=drop)
        self.greeted.set()
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _miss_connect(self) -> None:
        """See `Line`."""
        self.say(
            {
                "type": "auth_error",
                "message": MEANINGS[ErrorCode.AUTH_REQUIRED].message,
                "details": "Authentication was not completed in time.",
                "code": ErrorCode.AUTH_REQUIRED.value,
            }
        )
        self.close_with(WSCloseCode.POLICY_VIOLATION, b"Authentication timeout")
