"""A client as a good one is written: it comes back by itself, to either process, resumes where it was, and
sends what was not acked again under the same id."""

import asyncio
import itertools
import random
import socket as sockets
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import aiohttp
import orjson

from tests.faults.history import History, Send
from tests.faults.postgres import now

# How many sends one client has under way; the others wait their turn.
_WINDOW = 8
# An answer that takes longer than this is none; it is asked again.
_NO_ANSWER = 10.0
_LONGEST_BACKOFF = 1.0


class _Dropped(Exception):  # noqa: N818 - it says what became of the connection
    """The connection is gone."""


class Client:
    """One device of a user.

    Args:
        urls: the processes; the first is where it wants to be.
    """

    def __init__(
        self, name: str, user_id: str, token: str, urls: Sequence[str], history: History
    ) -> None:
        self.name = name
        self.user_id = user_id
        self.urls = list(urls)
        self.at: str | None = None
        self.connections = 0
        self.limited = 0
        self.token = token
        self._history = history
        self._pid: str | None = None
        self._offset: str | None = None
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._ready = asyncio.Condition()
        self._window = asyncio.Semaphore(_WINDOW)
        self._task: asyncio.Task[None] | None = None
        self._reading = asyncio.Event()
        self._reading.set()
        self._prompt = True
        self._homesick = False
        self._stays_away = False

    # -- the connection ---------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and stay connected."""
        self._stays_away = False
        self._task = asyncio.create_task(self._stay_connected())

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
        if self._socket is not None:
            self._homesick = True
            await self._socket.close()

    def pause(self) -> None:
        """Read nothing any more; the connection stays."""
        self._reading.clear()
        # How late something reaches who does not read says nothing of the server.
        self._prompt = False

    def resume(self) -> None:
        """Read again."""
        self._reading.set()

    async def _stay_connected(self) -> None:
        backoff, tries = 0.05, 0
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            while not self._stays_away:
                url = self.urls[tries % len(self.urls)]
                before = self.connections
                try:
                    await self._converse(session, url)
                except (aiohttp.ClientError, OSError, TimeoutError, _Dropped):
                    pass
                finally:
                    self._drop()
                if self.connections > before:
                    # Who was cut tries the other process first; who hung up has a mind to go home.
                    backoff, tries = 0.05, 0 if self._homesick else self.urls.index(url) + 1
                    self._homesick = False
                else:
                    backoff, tries = min(backoff * 2, _LONGEST_BACKOFF), tries + 1
                await asyncio.sleep(backoff * random.uniform(0.5, 1))

    async def _converse(self, session: aiohttp.ClientSession, url: str) -> None:
        address = f"{url}/socket.io/?EIO=4&transport=websocket"
        async with session.ws_connect(address, max_msg_size=0, heartbeat=None) as socket:
            raw = socket.get_extra_info("socket")
            if raw is not None:
                # A reader that stops is felt by the server early, whatever the system's buffers.
                raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 65_536)
            async with asyncio.timeout(_NO_ANSWER):
                await self._enter(socket)
            self._socket = socket
            while True:
                await self._take(socket, await socket.receive(), url)

    async def _enter(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        if not _text(await socket.receive()).startswith("0{"):
            raise _Dropped
        resume = {"pid": self._pid, "offset": self._offset} if self._pid else {}
        await socket.send_str("40" + orjson.dumps({**resume, "token": self.token}).decode())
        answer = _text(await socket.receive())
        if answer.startswith("44"):
            error = orjson.loads(answer[2:])["data"]
            counter = self._history.retries if error["retryable"] else self._history.refusals
            counter[f"connect: {error['code']}"] += 1
            raise _Dropped
        if not answer.startswith("40"):
            raise _Dropped
        self._pid = orjson.loads(answer[2:]).get("pid")

    async def _take(
        self, socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage, url: str
    ) -> None:
        text = _text(message)
        await self._reading.wait()
        if text == "2":
            await socket.send_str("3")
        elif text.startswith("42"):
            name, *arguments = orjson.loads(text[2:])
            await self._pushed(name, arguments, url)
        elif text.startswith("43"):
            at = text.index("[")
            future = self._pending.pop(int(text[2:at]), None)
            if future is not None and not future.done():
                future.set_result(orjson.loads(text[at:])[0])

    async def _pushed(self, name: str, arguments: list[Any], url: str) -> None:
        data = arguments[0] if arguments else None
        if isinstance(data, dict) and "seq" in data and "conversationId" in data:
            live = self.at is not None and self._prompt
            self._history.received(self.name, data["conversationId"], data["seq"], live=live)
        if arguments and isinstance(arguments[-1], str):
            self._offset = arguments[-1]
        if name == "session:ready":
            self.limited += data["limited"]
            async with self._ready:
                self.at = url
                self.connections += 1
                self._ready.notify_all()

    def _drop(self) -> None:
        self.at = self._socket = None
        for future in self._pending.values():
            if not future.done():
                future.set_exception(_Dropped())
        self._pending.clear()

    # -- commands ---------------------------------------------------------------------------------

    async def ask(self, name: str, **payload: Any) -> dict[str, Any]:
        """The answer to a command, on whichever connection it comes; asked again where none comes.

        Only for what may be asked twice.
        """
        while True:
            await self.connected()
            try:
                return await self._attempt(name, payload)
            except (_Dropped, TimeoutError, OSError):
                await asyncio.sleep(0.05)

    async def post(self, send: Send, content: str, pause: float | None = None) -> None:
        """Send a message until it is acked, or refused for good.

        Args:
            pause: how long to wait after a refusal, if not as long as the server asks for.
        """
        async with self._window if pause is None else nullcontext():
            while True:
                answer = await self.ask(
                    "chat:message_send",
                    conversationId=send.conversation,
                    content=content,
                    clientMessageId=send.client_message_id,
                )
                if answer["success"]:
                    message = answer["message"]
                    self._history.acked(send, message["id"], message["seq"])
                    return
                error = answer["error"]
                if not error["retryable"]:
                    self._history.refusals[error["code"]] += 1
                    return
                self._history.retries[error["code"]] += 1
                wait = error.get("retryAfter", 1) if pause is None else pause
                await asyncio.sleep(wait * random.uniform(0.5, 1))

    async def sees(self, user_id: str, *, online: bool = True, within: float = 10.0) -> bool:
        """Whether somebody is online (or is not), in this user's eyes, by the end of some seconds."""
        deadline = now() + within
        while now() < deadline:
            answer = await self.ask("presence:list")
            people = {user["userId"] for user in answer.get("users", ())}
            if answer["success"] and (user_id in people) is online:
                return True
            await asyncio.sleep(0.1)
        return False

    async def _attempt(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        socket = self._socket
        if socket is None:
            raise _Dropped
        number = next(self._ids)
        future = self._pending[number] = asyncio.get_running_loop().create_future()
        asked_at = now()
        try:
            await socket.send_str(f"42{number}" + orjson.dumps([name, payload]).decode())
            return await asyncio.wait_for(future, _NO_ANSWER)
        except TimeoutError:
            self._history.retries["no answer"] += 1
            raise
        finally:
            self._pending.pop(number, None)
            # A lost connection is an answer too: the client knows that it must ask again.
            self._history.answered(now() - asked_at)


def _text(message: aiohttp.WSMessage) -> str:
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise _Dropped
    text: str = message.data
    return text
