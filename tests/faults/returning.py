"""A device that comes back by itself, to any process, and sends again what was not acked, under the same id."""

import asyncio
import random
import socket as sockets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.faults.history import History, Send
from tests.faults.postgres import now

# How many sends one client has under way; the others wait their turn.
_WINDOW = 8
# An answer that takes longer than this is none; it is asked again.
NO_ANSWER = 10.0
_LONGEST_BACKOFF = 1.0


class Dropped(Exception):  # noqa: N818 - it says what became of the connection
    """The connection is gone."""


@dataclass(frozen=True, slots=True)
class Refused(Exception):  # noqa: N818 - as the answer says
    """A command was refused.

    Args:
        after: seconds after which to try again; None where that is of no use.
    """

    code: str
    after: float | None


class Returning(ABC):
    """One device of a user, at one door.

    Args:
        name: the device's; it ends in ~ where its door tells of messages alone, without seqs.
        urls: the processes; the first is where it wants to be.
    """

    def __init__(
        self, name: str, user_id: str, token: str, urls: Sequence[str], history: History
    ) -> None:
        self.name = name
        self.user_id = user_id
        self.token = token
        self.urls = list(urls)
        self.at: str | None = None
        self.connections = 0
        self.history = history
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self._ready = asyncio.Condition()
        self._window = asyncio.Semaphore(_WINDOW)
        self._task: asyncio.Task[None] | None = None
        self._homesick = False
        self._stays_away = False

    def start(self) -> None:
        """Connect, and stay connected."""
        self._stays_away = False
        self._task = asyncio.create_task(self._stay_connected())

    @property
    def has_begun(self) -> bool:
        """Whether it was started."""
        return self._task is not None

    async def stop(self) -> None:
        """Hang up, and stay away."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def stay_away(self) -> None:
        """Do not come back from the next cut, until it is started again."""
        self._stays_away = True

    async def connected(self, after: int = 0) -> None:
        """Wait until it is ready for the `after + 1`th time, or later."""
        async with self._ready:
            await self._ready.wait_for(lambda: self.at is not None and self.connections > after)

    async def hang_up(self) -> None:
        """Lose the connection; it comes back by itself, to where it wants to be."""
        if self.socket is not None:
            self._homesick = True
            await self.socket.close()

    async def is_ready(self, url: str) -> None:
        """Note that the session is on, and that it has what it missed."""
        async with self._ready:
            self.at = url
            self.connections += 1
            self._ready.notify_all()

    async def _stay_connected(self) -> None:
        backoff, tries = 0.05, 0
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            while not self._stays_away:
                url = self.urls[tries % len(self.urls)]
                before = self.connections
                try:
                    async with session.ws_connect(
                        f"{url}{self.path}", max_msg_size=0, protocols=self.protocols
                    ) as socket:
                        raw = socket.get_extra_info("socket")
                        if raw is not None:
                            # A reader that stops is felt by the server early, whatever the system's buffers.
                            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 65_536)
                        await self.converse(session, socket, url)
                except (aiohttp.ClientError, OSError, TimeoutError, Dropped):
                    pass
                finally:
                    self.at = self.socket = None
                    self.dropped()
                if self.connections > before:
                    # Who was cut tries the other process first; who hung up has a mind to go home.
                    backoff, tries = 0.05, 0 if self._homesick else self.urls.index(url) + 1
                    self._homesick = False
                else:
                    backoff, tries = min(backoff * 2, _LONGEST_BACKOFF), tries + 1
                await asyncio.sleep(backoff * random.uniform(0.5, 1))

    async def post(self, send: Send, content: str, pause: float | None = None) -> None:
        """Send a message until it is acked, or refused for good.

        Args:
            pause: how long to wait after a refusal, if not as long as the server asks for.
        """
        async with self._window if pause is None else nullcontext():
            while True:
                await self.connected()
                asked_at = now()
                try:
                    try:
                        message_id, seq = await self.say(send, content)
                    finally:
                        # A lost connection is an answer too: the client knows that it must ask again.
                        self.history.answered(now() - asked_at)
                except Refused as refused:
                    if refused.after is None:
                        self.history.refusals[refused.code] += 1
                        return
                    self.history.retries[refused.code] += 1
                    wait = refused.after if pause is None else pause
                    await asyncio.sleep(wait * random.uniform(0.5, 1))
                except TimeoutError:
                    self.history.retries["no answer"] += 1
                except (Dropped, OSError):
                    await asyncio.sleep(0.05)
                else:
                    self.history.acked(self.name, send, message_id, seq)
                    return

    @property
    @abstractmethod
    def path(self) -> str:
        """Where the door's WebSocket is."""

    @property
    def protocols(self) -> Sequence[str]:
        """The subprotocols that it offers."""
        return ()

    @abstractmethod
    async def converse(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, url: str
    ) -> None:
        """Log in, and take what comes, until the connection is gone.

        Raises:
            Dropped
        """

    @abstractmethod
    async def say(self, send: Send, content: str) -> tuple[str | None, int | None]:
        """Try once to send a message; returns its id and its seq, where the door says them.

        Raises:
            Dropped, OSError: the connection is gone.
            TimeoutError: no answer came within `NO_ANSWER`.
            Refused
        """

    def dropped(self) -> None:  # noqa: B027 - there may be nothing to do
        """The connection is gone: nothing that was asked over it is answered any more."""


def drop(owed: "asyncio.Future[Any]") -> None:
    """An answer does not come any more, whether or not somebody still waits for it."""
    if not owed.done():
        owed.set_exception(Dropped())
        owed.exception()


def text_of(message: aiohttp.WSMessage) -> str:
    """The text that came.

    Raises:
        Dropped: it was the end, or no text.
    """
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise Dropped
    text: str = message.data
    return text
