"""The marketplace system's door: STOMP, told and asked as the main door's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

import aiohttp

from tests.conftest import User
from tests.scenarios import lacking
from tests.scenarios.talks import Talks
from tests.scenarios.ways import TOO_MUCH, Way
from tests.support.http import request
from tests.support.inside import is_on, tell_typing, until
from tests.support.port import DevicePort
from tests.support.servers import Server
from tests.support.stomp import (
    NOTIFICATIONS,
    PATH,
    SUBPROTOCOLS,
    Frame,
    Stomp,
    frame,
    topic,
)
from tests.support.wire import Wire, handshake, text

_POLICY, _LATER = 1008, 1013


class _Client(Stomp):
    """Hands on what it is told, and why it ends."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        heed: Callable[[Frame], Awaitable[None]],
        ended: Callable[[], None],
    ) -> None:
        self._heed = heed
        super().__init__(socket)
        self._reader.add_done_callback(lambda _reader: ended())

    async def _take(self, found: Frame) -> None:
        if found.command in ("MESSAGE", "ERROR"):
            await self._heed(found)
        if found.command != "MESSAGE":
            await super()._take(found)


class StompDevice(DevicePort):
    """A device that speaks STOMP: of what it follows it hears by the topic, of all else by its queue."""

    def __init__(self, server: Server, user: User, talks: Talks) -> None:
        super().__init__()
        self._server = server
        self._user = user
        self._talks = talks
        self._session = aiohttp.ClientSession()
        self._topics: dict[str, str] = {}
        self._own: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.client: _Client | None = None
        # Whether the end is that of a token: with another one the client may come back.
        self._is_expired = False

    def _wrong_push(self, name: str, data: Any) -> str | None:
        return None

    def _wrong_ack(self, name: str, ack: dict[str, Any]) -> str | None:
        return None

    async def open(self) -> _Client:
        """A connection on which nothing was said yet."""
        url = f"{self._server.url}{PATH}"
        socket = await self._session.ws_connect(url, protocols=SUBPROTOCOLS, max_msg_size=0)
        self.client = _Client(socket, self._heed, self._ended)
        return self.client

    async def connect(self, auth: Any = None) -> Self:
        """See `DevicePort`."""
        client = await self.open()
        connected = await client.connect(auth)
        self.ready = {
            "user": {"userId": connected.headers["user-name"]},
            "recovered": False,
            "limited": False,
        }
        await client.subscribe(NOTIFICATIONS, "queue")
        return self

    async def follow(self, conversation_id: str) -> None:
        """See `DevicePort`."""
        if conversation_id not in self._topics:
            assert self.client is not None
            self._topics[conversation_id] = await self.client.subscribe(topic(conversation_id))

    async def _heed(self, found: Frame) -> None:
        if found.command == "ERROR":
            error = {"code": found.headers["code"], "message": found.headers["message"]}
            self._is_expired = error["code"] == "AUTH_FAILED"
            await self._arrive("error", error)
            return
        told = found.data
        if found.headers["subscription"] == "queue":
            if told["conversationId"] in self._topics and told["type"] != "MESSAGE_READ":
                return  # it comes by the topic, too
        elif told["type"] == "NEW_MESSAGE" and told["message"]["senderId"] == self._user.id:
            self._own.put_nowait(told["message"])
        await self._tell(told)

    async def _tell(self, told: dict[str, Any]) -> None:
        match told["type"]:
            case "NEW_MESSAGE":
                message = told["message"]
                await self._arrive("chat:message_received", {**message, "content": message["text"]})
            case "MESSAGE_READ":
                await self._arrive("chat:message_status_updated", {**told, "status": "read"})
            case "USER_TYPING":
                await self._arrive("chat:user_typing", told)

    def _ended(self) -> None:
        assert self.client is not None
        code = self.client.socket.close_code
        self.end = "for good" if code == _POLICY and not self._is_expired else "for now"
        self.disconnected.set()

    async def _call(self, name: str, *payload: Any) -> dict[str, Any]:
        fields = payload[0] if payload else {}
        client = self.client
        assert client is not None
        match name:
            case "chat:conversation_open":
                return await self._talks.opened(self._server, self._user, fields)
            case "system:ping":
                await client.done("UNSUBSCRIBE", {"id": "nothing"})
            case "chat:typing":
                talk = fields["conversationId"]
                await client.send("/app/typing.start", conversationId=talk)
            case "chat:message_send":
                await self.follow(fields["conversationId"])
                said = {"conversationId": fields["conversationId"], "text": fields["content"]}
                await client.send("/app/message.send", **said)
                return {"success": True, "message": await self._own.get()}
            case "chat:message_read":
                url = f"{self._server.url}/marketplace/api/messages/mark-read"
                ids = {"messageIds": [fields["messageId"]]}
                answer = await request("PATCH", url, self._user, json=ids)
                assert answer.status == 200, answer.body
            case _:
                raise AssertionError(f"there is no word for {name}")
        return {"success": True}

    async def tell(self, name: str, /, **payload: Any) -> None:
        """See `DevicePort`."""
        raise AssertionError(f"there is no word for {name}")

    async def _hang_up(self) -> None:
        if self.client is not None:
            await self.client.close()
        await self._session.close()


class MarketplaceWay(Way):
    """The marketplace system's STOMP over a WebSocket."""

    has_offsets = False
    tells_ends = False
    lacks = lacking.MARKETPLACE

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._talks = Talks()

    def _device(self, user: User) -> StompDevice:
        return StompDevice(self._server, user, self._talks)

    async def is_idle(self, device: DevicePort) -> bool:
        """See `Way`: an ERROR would end the connection, whose end is to be seen."""
        return device.end is None

    async def refused(self, auth: Any) -> dict[str, Any]:
        """See `Way`."""
        device = self._device(User("whoever", ""))
        client = await device.open()
        await client.say("CONNECT", {"accept-version": "1.2", **auth})
        await client.refused()
        await device.close()
        error: dict[str, Any] = device.seen("error")[0]
        return error

    async def sent_back(self, user: User) -> str:
        """See `Way`."""
        device = self._device(user)
        client = await device.open()
        await client.say("CONNECT", {"accept-version": "1.2", "token": user.token})
        assert await client.closed() == _LATER
        await device.close()
        return client.reason

    async def does_not_read(self, user: User) -> None:
        """See `Way`."""
        async with Wire(self._server.url) as wire:
            await wire.send(handshake(wire.host, "Sec-WebSocket-Protocol: v12.stomp", path=PATH))
            connect = frame("CONNECT", {"accept-version": "1.2", "token": user.token})
            await wire.send(text(connect.decode()))
            await until(lambda: is_on(self._server, user))
            subscribe = {"id": "queue", "destination": NOTIFICATIONS, "receipt": "done"}
            await wire.send(text(frame("SUBSCRIBE", subscribe).decode()))
            await wire.head()
            while b"RECEIPT" not in (await wire.receive())[1]:
                pass
            for _ in range(TOO_MUCH // 100_000):
                tell_typing(self._server, user.id, 100_000)
                await asyncio.sleep(0)
            await wire.ended()
