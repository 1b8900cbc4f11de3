"""A device of a user: the stock python-socketio client, with what it was pushed kept in order."""

from typing import Any, Self

import engineio
import socketio

from tests.support.patience import PATIENCE
from tests.support.port import DevicePort, Push

__all__ = ["PATIENCE", "Device", "Push"]


class _InOrder(engineio.AsyncClient):  # type: ignore[misc]  # engineio has no types
    """Takes each message before the next, and before the end.

    Upstream makes a task of each: on a busy machine the last ack, or the DISCONNECT, is taken after the end.
    """

    async def _trigger_event(self, event: str, *args: Any, run_async: bool = False) -> Any:
        return await super()._trigger_event(
            event, *args, run_async=run_async and event != "message"
        )


class _Client(socketio.AsyncClient):  # type: ignore[misc]  # socketio has no types
    """Knows whether a DISCONNECT came, after which it stays away; it gives the same reason where a CLOSE did."""

    was_disconnected = False

    def _engineio_client_class(self) -> type[engineio.AsyncClient]:
        return _InOrder

    async def _handle_disconnect(self, namespace: str) -> None:
        self.was_disconnected = True
        await super()._handle_disconnect(namespace)


class Device(DevicePort):
    """At the main door."""

    def __init__(self, url: str, token: str | None, transports: list[str] | None = None) -> None:
        super().__init__()
        self.url = url
        self.token = token
        self.transports = transports or ["websocket"]
        self.sio = _Client(reconnection=False)
        self.sio.on("*", self._on_push)
        self.sio.on("disconnect", self._on_disconnect)

    async def _on_push(self, name: str, *arguments: Any) -> None:
        if len(arguments) > 1:
            self.offset = arguments[1]
        await self._arrive(name, arguments[0] if arguments else None)

    async def _on_disconnect(self, *_: Any) -> None:
        self.end = "for good" if self.sio.was_disconnected else "for now"
        self.disconnected.set()

    async def connect(self, auth: Any = None) -> Self:
        """See `DevicePort`; raises ConnectionError with the server's error data."""
        await self.sio.connect(
            self.url,
            auth={"token": self.token} if auth is None else auth,
            transports=self.transports,
            wait_timeout=PATIENCE,
        )
        self.ready = await self.expect("session:ready")
        return self

    async def _call(self, name: str, *payload: Any) -> dict[str, Any]:
        data = payload if payload else None
        ack: dict[str, Any] = await self.sio.call(name, data, timeout=PATIENCE)
        return ack

    async def tell(self, name: str, /, **payload: Any) -> None:
        """See `DevicePort`."""
        await self.sio.emit(name, payload)

    async def _hang_up(self) -> None:
        await self.sio.disconnect()
