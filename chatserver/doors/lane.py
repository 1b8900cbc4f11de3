"""One connection's commands: changes one at a time, in order; reads and pings beside them."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from chatserver.logs import get_logger

_log = get_logger(__name__)

# How many commands one connection may have under way; then its socket is not read until one is answered.
_UNDER_WAY = 64

Work = Callable[[], Coroutine[Any, Any, None]]


class Lane:
    """Starts the commands of one connection."""

    def __init__(self) -> None:
        self._changes: deque[Work] = deque()
        self._changing = False
        self._slots = asyncio.Semaphore(_UNDER_WAY)
        self._tasks: set[asyncio.Task[None]] = set()

    async def enter(self, work: Work, *, in_order: bool) -> None:
        """Start `work`, in its turn among the changes where `in_order`. Waits while too many are under way."""
        await self._slots.acquire()
        if not in_order:
            self._start(self._run(work))
            return
        self._changes.append(work)
        if not self._changing:
            self._changing = True
            self._start(self._run_changes())

    @property
    def under_way(self) -> frozenset[asyncio.Task[None]]:
        """What is to be done before all commands so far are answered, those that wait their turn included."""
        return frozenset(self._tasks)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Work) -> None:
        try:
            await work()
        except Exception:
            # What waits behind it has its turn all the same.
            _log.exception("a command's answer crashed")
        finally:
            self._slots.release()

    async def _run_changes(self) -> None:
        try:
            while self._changes:
                await self._run(self._changes.popleft())
        finally:
            self._changing = False
