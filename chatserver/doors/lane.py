"""One connection's commands: changes one at a time, in order; reads and pings beside them."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from chatserver.logs import get_logger
from chatserver.signal import Signal

_log = get_logger(__name__)

# How many commands one connection may have under way; then its socket is not read until one is answered.
_UNDER_WAY = 64

# Takes what ends its turn before it ends itself: its answer may be given up before the work is done.
Work = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]


class Lane:
    """Starts the commands of one connection."""

    __slots__ = ("_changes", "_changing", "_left", "_loop", "_tasks", "_under_way")

    def __init__(self) -> None:
        # Made when something waits: a deque is 760 bytes, and most connections never need it.
        self._changes: deque[tuple[Work, _Turn]] | None = None
        self._changing = False
        self._under_way = 0
        self._left = Signal()
        # Asking for it costs a system call in Python 3.11.
        self._loop = asyncio.get_running_loop()
        # The event loop keeps no task alive by itself.
        self._tasks: set[asyncio.Task[None] | None] = set()

    async def enter(self, work: Work, *, in_order: bool) -> None:
        """Start `work`, in its turn among the changes where `in_order`. Waits while too many are under way."""
        while self._under_way >= _UNDER_WAY:
            await self._left.wait()
        self._under_way += 1
        turn = _Turn(self, in_order)
        if in_order and self._changing:
            if self._changes is None:
                self._changes = deque()
            self._changes.append((work, turn))
        else:
            self._changing = self._changing or in_order
            self._start(work, turn)

    async def settled(self) -> None:
        """Wait until all commands so far are answered, those that wait their turn included."""
        while self._under_way:
            await self._left.wait()

    def _start(self, work: Work, turn: "_Turn") -> None:
        turn.task = self._loop.create_task(self._run(work, turn))
        self._tasks.add(turn.task)

    async def _run(self, work: Work, turn: "_Turn") -> None:
        try:
            await work(turn.leave)
        except Exception:
            # What waits behind it has its turn all the same.
            _log.exception("a command's answer crashed")
        finally:
            self._tasks.discard(turn.task)
            turn.leave()

    def _leave(self, *, in_order: bool) -> None:
        self._under_way -= 1
        self._left.fire()
        if in_order:
            if self._changes:
                self._start(*self._changes.popleft())
            else:
                self._changing = False
                self._changes = None


class _Turn:
    """A command's place in its lane, until it leaves."""

    __slots__ = ("_in_order", "_lane", "task")

    def __init__(self, lane: Lane, in_order: bool) -> None:
        self._lane: Lane | None = lane
        self._in_order = in_order
        self.task: asyncio.Task[None] | None = None

    def leave(self) -> None:
        """The next one may begin. Leaving twice is leaving once."""
        if lane := self._lane:
            self._lane = None
            lane._leave(in_order=self._in_order)
