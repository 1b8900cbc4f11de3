"""A device of a user: the stock python-socketio client, with what it was pushed kept in order."""

import asyncio
from collections.abc import Callable
from typing import Any

import socketio

from tests.support.shapes import wrong_ack, wrong_push

# Long enough for a busy CI machine; nothing waits this long unless it fails.
PATIENCE = 10.0

Push = tuple[str, Any]


class Device:
    """Connect, ask, and expect pushes; whatever comes must have the shape that the reference gives it."""

    def __init__(self, url: str, token: str | None, transports: list[str] | None = None) -> None:
        self.url = url
        self.token = token
        self.transports = transports or ["websocket"]
        self.sio = socketio.AsyncClient(reconnection=False)
        self.pushes: list[Push] = []
        self._wrong: list[str] = []
        self.ready: dict[str, Any] = {}
        self._arrived = asyncio.Condition()
        self.sio.on("*", self._on_push)
        self.disconnected = asyncio.Event()
        self.sio.on("disconnect", self._on_disconnect)

    async def _on_push(self, name: str, *arguments: Any) -> None:
        data = arguments[0] if arguments else None
        if wrong := wrong_push(name, data):
            self._wrong.append(f"the push {name}, {wrong}")
        async with self._arrived:
            self.pushes.append((name, data))
            self._arrived.notify_all()

    async def _on_disconnect(self, *_: Any) -> None:
        self.disconnected.set()

    async def connect(self, auth: Any = None) -> "Device":
        """Connect and wait for ``session:ready``; raises ConnectionError with the server's error data."""
        await self.sio.connect(
            self.url,
            auth={"token": self.token} if auth is None else auth,
            transports=self.transports,
            wait_timeout=PATIENCE,
        )
        self.ready = await self.expect("session:ready")
        return self

    async def ask(self, name: str, *payload: Any) -> dict[str, Any]:
        """The ack of a command, whatever it says."""
        data = payload if payload else None
        ack: dict[str, Any] = await self.sio.call(name, data, timeout=PATIENCE)
        wrong = wrong_ack(name, ack)
        assert wrong is None, f"the ack of {name}, {wrong}"
        return ack

    async def do(self, name: str, **payload: Any) -> dict[str, Any]:
        """The ack of a command that must succeed."""
        ack = await self.ask(name, payload)
        assert ack["success"] is True, ack
        return ack

    async def refused(self, name: str, **payload: Any) -> dict[str, Any]:
        """The error of a command that must fail."""
        ack = await self.ask(name, payload)
        assert ack["success"] is False, ack
        error: dict[str, Any] = ack["error"]
        return error

    async def expect(
        self, name: str, matching: Callable[[Any], bool] = lambda _: True, *, take: bool = True
    ) -> Any:
        """The data of the first push of that name that matches, now or within `PATIENCE`."""

        def found() -> int | None:
            return next(
                (i for i, (n, data) in enumerate(self.pushes) if n == name and matching(data)), None
            )

        async with self._arrived:
            try:
                await asyncio.wait_for(
                    self._arrived.wait_for(lambda: found() is not None), PATIENCE
                )
            except TimeoutError:
                raise AssertionError(f"no {name} came; what came: {self.pushes}") from None
            index = found()
            assert index is not None
            return (self.pushes.pop(index) if take else self.pushes[index])[1]

    def seen(self, name: str) -> list[Any]:
        """The data of all pushes of that name that came so far and were not taken."""
        return [data for n, data in self.pushes if n == name]

    async def settled(self) -> None:
        """Everything that the server pushed to this device before now has arrived.

        An ack goes out by the same ordered writer as pushes do.
        """
        await self.do("system:ping")

    async def close(self) -> None:
        """Hang up."""
        await self.sio.disconnect()
        assert not self._wrong, self._wrong
