"""The messaging system's door: its words, told and asked as the main door's."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Self

import aiohttp
import orjson

from tests.conftest import User
from tests.scenarios import lacking
from tests.scenarios.talks import Talks
from tests.scenarios.ways import TOO_MUCH, Way
from tests.support.inside import is_on, tell_typing, until
from tests.support.messaging import PATH
from tests.support.patience import PATIENCE
from tests.support.port import DevicePort
from tests.support.servers import Server
from tests.support.wire import Wire, handshake, text

_AWAY, _POLICY, _LATER = 1001, 1008, 1013

# By a command: the type that asks it, the type of its answer, and the answer's part of the ack.
_ASKS: dict[str, tuple[str, str, Callable[[Any], dict[str, Any]]]] = {
    "system:ping": ("ping", "pong", lambda _told: {}),
    "chat:nothing": ("nothing", "nothing", lambda _told: {}),
    "chat:message_send": (
        "send_private_message",
        "message_sent",
        lambda told: {"message": told["message"]},
    ),
    "chat:message_read": ("mark_message_read", "message_read", lambda _told: {}),
    "chat:history": (
        "get_private_messages",
        "private_messages",
        lambda told: {"messages": told["messages"]},
    ),
}


def _received(told: dict[str, Any]) -> dict[str, Any]:
    return {**told["message"], "conversationId": told["conversationId"]}


def _status(told: dict[str, Any]) -> dict[str, Any]:
    return {"userId": told["user"]["userId"], "status": told["type"].removeprefix("user_")}


def _read(told: dict[str, Any]) -> dict[str, Any]:
    return {"userId": told["readBy"], "messageId": told["messageId"], "status": "read"}


def _as_it_is(told: dict[str, Any]) -> dict[str, Any]:
    return told


# By the type of what is told: the main door's push.
_PUSHES: Mapping[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "new_private_message": ("chat:message_received", _received),
    "message_read": ("chat:message_status_updated", _read),
    "user_typing": ("chat:user_typing", _as_it_is),
    "user_online": ("user:status_changed", _status),
    "user_offline": ("user:status_changed", _status),
    "error": ("error", _as_it_is),
    "auth_error": ("error", _as_it_is),
}


class MessagingDevice(DevicePort):
    """A device that speaks JSON."""

    def __init__(self, server: Server, user: User, talks: Talks) -> None:
        super().__init__()
        self._server = server
        self._user = user
        self._talks = talks
        self._session = aiohttp.ClientSession()
        self._reader: asyncio.Task[None] | None = None
        # Who waits for an answer: its type, which one, and where it goes.
        self._waiting: list[
            tuple[str, Callable[[dict[str, Any]], bool], asyncio.Future[dict[str, Any]]]
        ] = []
        self.code: int | None = None
        self.reason = ""
        # Whether the end is that of a token: with another one the client may come back.
        self._is_expired = False
        self._socket: aiohttp.ClientWebSocketResponse

    def _wrong_push(self, name: str, data: Any) -> str | None:
        return None

    def _wrong_ack(self, name: str, ack: dict[str, Any]) -> str | None:
        return None

    async def open(self, auth: Any) -> dict[str, Any]:
        """Ask to be let in; returns what comes of it, or an empty object where the connection ends instead."""
        self._socket = await self._session.ws_connect(f"{self._server.url}{PATH}", max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        told = await self._awaited("connected")
        if told.get("type") != "connected":
            return told
        return await self._asked({"type": "authenticate", **auth}, "connected")

    async def connect(self, auth: Any = None) -> Self:
        """See `DevicePort`."""
        told = await self.open(auth)
        assert told.get("type") == "connected", told
        self.ready = {
            "user": told["user"],
            "recovered": False,
            "limited": told.get("limited", False),
        }
        for queued in told["queuedEvents"]:
            await self._tell(queued)
        return self

    async def _read(self) -> None:
        while (message := await self._socket.receive()).type is aiohttp.WSMsgType.TEXT:
            await self._heed(message.json())
        self.code, self.reason = self._socket.close_code, str(message.extra)
        self.end = "for good" if self.code == _POLICY and not self._is_expired else "for now"
        for _, _, future in self._waiting:
            if not future.done():
                future.set_result({})
        self.disconnected.set()

    async def _heed(self, told: dict[str, Any]) -> None:
        for waiting in self._waiting:
            type_, matching, future = waiting
            if told["type"] in (type_, "error", "auth_error") and not future.done():
                if told["type"] == type_ and not matching(told):
                    continue
                self._waiting.remove(waiting)
                future.set_result(told)
                return
        await self._tell(told)

    async def _tell(self, told: dict[str, Any]) -> None:
        self._is_expired |= told.get("code") == "AUTH_FAILED"
        if told["type"] in _PUSHES:
            name, made = _PUSHES[told["type"]]
            await self._arrive(name, made(told))

    async def _awaited(
        self, type_: str, matching: Callable[[dict[str, Any]], bool] = lambda _told: True
    ) -> dict[str, Any]:
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((type_, matching, future))
        return await asyncio.wait_for(future, PATIENCE)

    async def _asked(
        self,
        message: dict[str, Any],
        answer: str,
        matching: Callable[[dict[str, Any]], bool] = lambda _told: True,
    ) -> dict[str, Any]:
        waiting = asyncio.ensure_future(self._awaited(answer, matching))
        await asyncio.sleep(0)
        await self._socket.send_json(message)
        return await waiting

    async def _call(self, name: str, *payload: Any) -> dict[str, Any]:
        fields = payload[0] if payload else {}
        if name == "chat:conversation_open":
            # By the main door: what starts a conversation here gives it another name.
            return await self._talks.opened(self._server, self._user, fields)
        if name == "chat:typing":
            other = self._talks.other(fields["conversationId"], self._user)
            said = {"type": "typing", "recipientId": other, "isTyping": fields["isTyping"]}
            await self._socket.send_json(said)
            return {"success": True}
        type_, answer, made = _ASKS[name]
        text = fields.get("content")
        told = await self._asked(
            {"type": type_, **fields},
            answer,
            lambda told: text is None or told["message"]["content"] == text,
        )
        if told["type"] == "error":
            return {"success": False, "error": told}
        return {"success": True, **made(told)}

    async def tell(self, name: str, /, **payload: Any) -> None:
        """See `DevicePort`."""
        await self._socket.send_json({"type": _ASKS[name][0], **payload})

    async def _hang_up(self) -> None:
        if self._reader is not None:
            await self._socket.close()
            await self._reader
        await self._session.close()


class MessagingWay(Way):
    """The messaging system's WebSocket."""

    has_offsets = False
    tells_ends = False
    lacks = lacking.MESSAGING

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._talks = Talks()

    def _device(self, user: User) -> MessagingDevice:
        return MessagingDevice(self._server, user, self._talks)

    async def refused(self, auth: Any) -> dict[str, Any]:
        """See `Way`."""
        device = self._device(User("whoever", ""))
        told = await device.open(auth)
        await device.close()
        assert told["type"] == "auth_error", told
        return told

    async def sent_back(self, user: User) -> str:
        """See `Way`."""
        device = self._device(user)
        told = await device.open({"token": user.token})
        await device.ended()
        await device.close()
        if device.code == _AWAY:
            # The process ends.
            return "UNAVAILABLE"
        assert device.code == _LATER
        assert told.get("code", device.reason) == device.reason
        return device.reason

    async def does_not_read(self, user: User) -> None:
        """See `Way`."""
        async with Wire(self._server.url) as wire:
            await wire.send(handshake(wire.host, path=PATH))
            said = {"type": "authenticate", "token": user.token}
            await wire.send(text(orjson.dumps(said).decode()))
            await until(lambda: is_on(self._server, user))
            for _ in range(TOO_MUCH // 100_000):
                tell_typing(self._server, user.id, 100_000)
                await asyncio.sleep(0)
            await wire.ended()
