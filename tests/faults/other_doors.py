"""Devices at the doors whose clients know no seqs: a message is acked and told by its id alone."""

import asyncio
import itertools
from collections import deque
from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson

from tests.faults.history import Send
from tests.faults.returning import NO_ANSWER, Dropped, Refused, Returning, drop, text_of
from tests.support import messaging, stomp


class OtherDoor(Returning):
    """A device of one person who talks in one conversation; set `conversation` before it starts."""

    conversation = ""

    def told(self, message_id: str) -> None:
        """A message of the conversation was pushed."""
        live = self.at is not None
        self.history.pushed(self.name, self.conversation, None, message_id, live=live)


class Messaging(OtherDoor):
    """A client of the messaging system, which is told what it missed when it comes back."""

    path = messaging.PATH

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # The answers that are owed, in the order of asking: so they come.
        self._owed: deque[asyncio.Future[dict[str, Any]]] = deque()

    async def converse(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, url: str
    ) -> None:
        """See `Returning`."""
        async with asyncio.timeout(NO_ANSWER):
            text_of(await socket.receive())
            await socket.send_json({"type": "authenticate", "token": self.token})
            welcome = orjson.loads(text_of(await socket.receive()))
        if welcome["type"] != "connected":
            self.history.retries[f"connect: {welcome.get('code')}"] += 1
            raise Dropped
        self.history.entered(self.name)
        self._take_queued(welcome)
        self.socket = socket
        await self.is_ready(url)
        while True:
            self._take(orjson.loads(text_of(await socket.receive())))

    def _take_queued(self, welcome: dict[str, Any]) -> None:
        assert not welcome.get("limited"), "more was missed than is queued: a scenario's fault"
        for event in welcome["queuedEvents"]:
            self._take(event)

    def _take(self, came: dict[str, Any]) -> None:
        if came["type"] == "new_private_message":
            self.told(came["messageId"])
        elif came["type"] in ("message_sent", "error") and self._owed:
            future = self._owed.popleft()
            if not future.done():
                future.set_result(came)

    async def say(self, send: Send, content: str) -> tuple[str | None, int | None]:
        """See `Returning`."""
        if self.socket is None:
            raise Dropped
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._owed.append(future)
        await self.socket.send_json(
            {
                "type": "send_private_message",
                "conversationId": send.conversation,
                "content": content,
                "clientMessageId": send.client_message_id,
            }
        )
        answer = await asyncio.wait_for(future, NO_ANSWER)
        if answer["type"] == "error":
            is_passing = answer["code"] in ("UNAVAILABLE", "RATE_LIMIT_EXCEEDED")
            raise Refused(answer["code"], answer.get("retryAfter", 1) if is_passing else None)
        return answer["messageId"], None

    def dropped(self) -> None:
        """See `Returning`."""
        while self._owed:
            drop(self._owed.popleft())


class Marketplace(OtherDoor):
    """A client of the marketplace system: STOMP, and the routes for what it missed."""

    path = stomp.PATH

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._receipts = itertools.count(1)
        self._owed: dict[str, asyncio.Future[None]] = {}

    @property
    def protocols(self) -> Sequence[str]:
        """See `Returning`."""
        return stomp.SUBPROTOCOLS

    async def converse(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, url: str
    ) -> None:
        """See `Returning`."""
        hello = {"accept-version": "1.2", "Authorization": f"Bearer {self.token}"}
        topic = {"id": "0", "destination": stomp.topic(self.conversation), "receipt": "topic"}
        async with asyncio.timeout(NO_ANSWER):
            await socket.send_str(stomp.frame("CONNECT", hello).decode())
            found = stomp.parsed(text_of(await socket.receive()))
            if found.command != "CONNECTED":
                self.history.retries[f"connect: {found.headers.get('code')}"] += 1
                raise Dropped
            self.history.entered(self.name)
            subscribed = self._owe("topic")
            await socket.send_str(stomp.frame("SUBSCRIBE", topic).decode())
        self.socket = socket
        loading = asyncio.create_task(self._load(session, subscribed, url))
        try:
            while True:
                text = text_of(await socket.receive())
                if text != "\n":
                    self._take(stomp.parsed(text))
        finally:
            loading.cancel()

    def _owe(self, receipt: str) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._owed[receipt] = future
        return future

    def _take(self, found: stomp.Frame) -> None:
        if found.command == "MESSAGE":
            if found.data["type"] == "NEW_MESSAGE":
                self.told(found.data["message"]["id"])
        elif found.command == "RECEIPT":
            future = self._owed.pop(found.headers["receipt-id"], None)
            if future is not None and not future.done():
                future.set_result(None)
        else:
            # It ends the connection, so the client knows that it must ask again.
            self.history.retries[str(found.headers.get("code"))] += 1
            raise Dropped

    async def _load(
        self, session: aiohttp.ClientSession, subscribed: "asyncio.Future[None]", url: str
    ) -> None:
        """Ask the route for what there is, newest page first; then it is ready."""
        try:
            async with asyncio.timeout(NO_ANSWER):
                await subscribed
            asked = self.history.asks(self.name, self.conversation)
            pages: list[list[str]] = []
            at = f"{url}/marketplace/api/messages?conversationId={self.conversation}"
            while at:
                headers = {"Authorization": f"Bearer {self.token}"}
                async with session.get(at, headers=headers) as response:
                    response.raise_for_status()
                    pages.append([message["id"] for message in await response.json()])
                    at = str(response.links["next"]["url"]) if "next" in response.links else ""
        except (aiohttp.ClientError, OSError, TimeoutError, Dropped):
            if self.socket is not None:
                await self.socket.close()
            return
        ids = [message_id for page in reversed(pages) for message_id in page]
        self.history.reloaded(asked, [(found, None) for found in ids])
        await self.is_ready(url)

    async def say(self, send: Send, content: str) -> tuple[str | None, int | None]:
        """See `Returning`."""
        if self.socket is None:
            raise Dropped
        receipt = f"r{next(self._receipts)}"
        body = {
            "conversationId": send.conversation,
            "text": content,
            "clientMessageId": send.client_message_id,
        }
        headers = {"destination": "/app/message.send", "receipt": receipt}
        done = self._owe(receipt)
        await self.socket.send_str(stomp.frame("SEND", headers, orjson.dumps(body)).decode())
        await asyncio.wait_for(done, NO_ANSWER)
        return None, None

    def dropped(self) -> None:
        """See `Returning`."""
        for future in self._owed.values():
            drop(future)
        self._owed.clear()
