"""A device of a user, at any door: what it asks, and what it was pushed, in order."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

from tests.support.patience import PATIENCE
from tests.support.shapes import wrong_ack, wrong_push

Push = tuple[str, Any]


class DevicePort(ABC):
    """Connect, ask, and expect pushes; whatever comes must have the shape that the reference gives it.

    ``offset`` is that of the last push which had one. ``end`` says, once the connection has ended, whether the
    client is to stay away ("for good") or comes back ("for now").
    """

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self._wrong: list[str] = []
        self.ready: dict[str, Any] = {}
        self._arrived = asyncio.Condition()
        self.disconnected = asyncio.Event()
        self.offset: str | None = None
        self.end: str | None = None

    @abstractmethod
    async def connect(self, auth: Any = None) -> Self:
        """Connect and wait for ``session:ready``."""

    @abstractmethod
    async def _call(self, name: str, *payload: Any) -> dict[str, Any]:
        """The ack of a command."""

    @abstractmethod
    async def tell(self, name: str, /, **payload: Any) -> None:
        """Send a command for which no ack is wanted."""

    @abstractmethod
    async def _hang_up(self) -> None:
        """Close the connection."""

    async def follow(self, _conversation_id: str) -> None:
        """Be told of what happens in a conversation, where that has to be asked for."""
        return

    async def _arrive(self, name: str, data: Any) -> None:
        if wrong := self._wrong_push(name, data):
            self._wrong.append(f"the push {name}, {wrong}")
        async with self._arrived:
            self.pushes.append((name, data))
            self._arrived.notify_all()

    def _wrong_push(self, name: str, data: Any) -> str | None:
        """What of a push is not as the reference says."""
        return wrong_push(name, data)

    def _wrong_ack(self, name: str, ack: dict[str, Any]) -> str | None:
        """What of an ack is not as the reference says."""
        return wrong_ack(name, ack)

    async def ask(self, name: str, /, *payload: Any) -> dict[str, Any]:
        """The ack of a command, whatever it says."""
        ack = await self._call(name, *payload)
        wrong = self._wrong_ack(name, ack)
        assert wrong is None, f"the ack of {name}, {wrong}"
        return ack

    async def do(self, name: str, /, **payload: Any) -> dict[str, Any]:
        """The ack of a command that must succeed."""
        ack = await self.ask(name, payload)
        assert ack["success"] is True, ack
        return ack

    async def refused(self, name: str, /, **payload: Any) -> dict[str, Any]:
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

    @property
    def told(self) -> list[Push]:
        """The pushes that came so far and were not taken, but for offsets, which come whenever they are due."""
        return [(name, data) for name, data in self.pushes if name != "session:offset"]

    async def settled(self) -> None:
        """Everything that the server pushed to this device before now has arrived.

        An ack goes out by the same ordered writer as pushes do.
        """
        await self.do("system:ping")

    async def ended(self) -> str | None:
        """Wait until the server has hung up; how that is meant."""
        await asyncio.wait_for(self.disconnected.wait(), PATIENCE)
        return self.end

    async def close(self) -> None:
        """Hang up."""
        await self._hang_up()
        assert not self._wrong, self._wrong
