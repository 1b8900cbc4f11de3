"""A client of the main door as a good one is written: it resumes where it was, and reloads what it is told to."""

import asyncio
import itertools
from typing import Any

import aiohttp
import orjson

from tests.faults.history import Send
from tests.faults.postgres import now
from tests.faults.returning import NO_ANSWER, Dropped, Refused, Returning, drop, text_of

# Every so many messages of its own, it looks at what is shown of the conversation.
_LOOKS_EVERY = 8


class Client(Returning):
    """One device of a user, at the main door."""

    path = "/socket.io/?EIO=4&transport=websocket"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # How often it had to reload, and the histories that it was told of.
        self.limited = 0
        self.epochs: set[str] = set()
        self._pid: str | None = None
        self._offset: str | None = None
        self._ids = itertools.count(1)
        self._acks = itertools.count(1)
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reloading: asyncio.Task[None] | None = None
        self._reading = asyncio.Event()
        self._reading.set()
        self._prompt = True

    def pause(self) -> None:
        """Read nothing any more; the connection stays."""
        self._reading.clear()
        # How late something reaches who does not read says nothing of the server.
        self._prompt = False

    def resume(self) -> None:
        """Read again."""
        self._reading.set()

    async def reloaded(self, times: int) -> None:
        """Wait until it was told so often to reload, and has."""
        async with self._ready:
            await self._ready.wait_for(lambda: self.at is not None and self.limited >= times)

    async def converse(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, url: str
    ) -> None:
        """See `Returning`."""
        async with asyncio.timeout(NO_ANSWER):
            await self._enter(socket)
        self.socket = socket
        while True:
            await self._take(socket, text_of(await socket.receive()), url)

    async def _enter(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        if not text_of(await socket.receive()).startswith("0{"):
            raise Dropped
        resume = {"pid": self._pid, "offset": self._offset} if self._pid else {}
        await socket.send_str("40" + orjson.dumps({**resume, "token": self.token}).decode())
        answer = text_of(await socket.receive())
        if answer.startswith("44"):
            error = orjson.loads(answer[2:])["data"]
            counter = self.history.retries if error["retryable"] else self.history.refusals
            counter[f"connect: {error['code']}"] += 1
            raise Dropped
        if not answer.startswith("40"):
            raise Dropped
        self._pid = orjson.loads(answer[2:]).get("pid")
        self.history.entered(self.name)

    async def _take(self, socket: aiohttp.ClientWebSocketResponse, text: str, url: str) -> None:
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
            message_id = data["id"] if name == "chat:message_received" else None
            live = self.at is not None and self._prompt
            self.history.pushed(
                self.name, data["conversationId"], data["seq"], message_id, live=live
            )
        if arguments and isinstance(arguments[-1], str):
            self._offset = arguments[-1]
        if name == "session:ready":
            assert isinstance(data, dict)
            self.limited += data["limited"]
            self.epochs.add(data["epoch"])
            if data["resync"]:
                self.history.entered(self.name, data["resync"])
                self._reloading = asyncio.create_task(self._reload(data["resync"], url))
            else:
                await self.is_ready(url)

    def dropped(self) -> None:
        """See `Returning`."""
        if self._reloading is not None:
            self._reloading.cancel()
        for future in self._pending.values():
            drop(future)
        self._pending.clear()

    # -- commands ---------------------------------------------------------------------------------

    async def ask(self, name: str, /, **payload: Any) -> dict[str, Any]:
        """The answer to a command, on whichever connection it comes; asked again where none comes.

        Only for what may be asked twice.
        """
        while True:
            await self.connected()
            try:
                return await self._attempt(name, payload)
            except (Dropped, TimeoutError, OSError):
                await asyncio.sleep(0.05)

    async def say(self, send: Send, content: str) -> tuple[str | None, int | None]:
        """See `Returning`."""
        answer = await self._attempt(
            "chat:message_send",
            {
                "conversationId": send.conversation,
                "content": content,
                "clientMessageId": send.client_message_id,
            },
        )
        if not answer["success"]:
            error = answer["error"]
            raise Refused(error["code"], error.get("retryAfter", 1) if error["retryable"] else None)
        return answer["message"]["id"], answer["message"]["seq"]

    async def post(self, send: Send, content: str, pause: float | None = None) -> None:
        """See `Returning`; now and then it looks, having sent."""
        await super().post(send, content, pause)
        if next(self._acks) % _LOOKS_EVERY == 0:
            await self._look(send.conversation)

    async def _look(self, conversation: str) -> None:
        """Ask for the newest message, where the connection allows it."""
        asked = self.history.asks(self.name, conversation)
        try:
            answer = await self._attempt(
                "chat:history", {"conversationId": conversation, "limit": 1}
            )
        except (Dropped, TimeoutError, OSError):
            return
        if answer["success"]:
            self.history.shown(asked, max((m["seq"] for m in answer["messages"]), default=0))

    async def _reload(self, conversations: list[str], url: str) -> None:
        """Load conversations anew; then it is ready."""
        try:
            for conversation in conversations:
                await self._load(conversation)
        except (Dropped, TimeoutError, OSError):
            # It is told to reload again when it comes back; its positions are of before.
            if self.socket is not None:
                await self.socket.close()
            return
        await self.is_ready(url)

    async def _load(self, conversation: str) -> None:
        asked = self.history.asks(self.name, conversation)
        messages: list[tuple[str, int | None]] = []
        is_whole = False
        while not is_whole:
            answer = await self._attempt(
                "chat:history",
                {
                    "conversationId": conversation,
                    "limit": 200,
                    "afterSeq": messages[-1][1] if messages else 0,
                },
            )
            if answer["success"]:
                messages += [(m["id"], m["seq"]) for m in answer["messages"]]
                is_whole = not answer["messages"]
            else:
                await asyncio.sleep(0.2)
        self.history.reloaded(asked, messages)

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
        socket = self.socket
        if socket is None:
            raise Dropped
        number = next(self._ids)
        future = self._pending[number] = asyncio.get_running_loop().create_future()
        try:
            await socket.send_str(f"42{number}" + orjson.dumps([name, payload]).decode())
            return await asyncio.wait_for(future, NO_ANSWER)
        finally:
            self._pending.pop(number, None)
