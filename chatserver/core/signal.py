"""Wakes all tasks that wait at the moment."""

import asyncio


class Signal:
    """Wakes all waiting tasks; lighter than an asyncio.Event, which costs each connection a deque."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Wait for the next `fire`."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def fire(self) -> None:
        """Wake all tasks that wait."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
