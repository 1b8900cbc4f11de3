"""One connection's commands: changes one at a time, in order; reads and pings beside them."""

import asyncio
from collections import deque

from chatserver.signal import Signal

# How many commands one connection may have under way; then its socket is not read until one is answered.
_UNDER_WAY = 64


class Work:
    """A command's place in its lane, from when it is entered until it leaves, and what it does there."""

    __slots__ = ("_has_turn", "_in_order", "_lane", "_task")

    _lane: "Lane"
    _in_order: bool
    _has_turn: bool
    _task: asyncio.Task[None] | None

    async def run(self) -> None:
        """Its turn has come. It is `done` in the end, whatever happens: others may wait behind it."""
        raise NotImplementedError

    def leave(self) -> None:
        """Give up its turn, if it has it: the next one may begin, though this one may go on."""
        if self._has_turn:
            self._has_turn = False
            self._lane._leave(in_order=self._in_order)

    def done(self) -> None:
        """It is through."""
        self._lane._running.discard(self)
        # It stands in its task, which is garbage else.
        self._task = None
        self.leave()


class Lane:
    """Starts the commands of one connection."""

    __slots__ = ("_changes", "_changing", "_left", "_loop", "_running", "_under_way")

    def __init__(self) -> None:
        # Made when something waits: a deque is 760 bytes, and most connections never need it.
        self._changes: deque[Work] | None = None
        self._changing = False
        self._under_way = 0
        # The event loop keeps no task alive by itself.
        self._running: set[Work] = set()
        self._left = Signal()
        # Asking for it costs a system call in Python 3.11.
        self._loop = asyncio.get_running_loop()

    @property
    def is_full(self) -> bool:
        """Whether nothing may be entered now."""
        return self._under_way >= _UNDER_WAY

    async def room(self) -> None:
        """Wait while it is full."""
        while self._under_way >= _UNDER_WAY:
            await self._left.wait()

    def enter(self, work: Work, *, in_order: bool) -> None:
        """Start `work`, in its turn among those that are `in_order`."""
        self._under_way += 1
        work._lane = self
        work._in_order = in_order
        work._has_turn = False
        if not (in_order and self._changing):
            self._changing = self._changing or in_order
            self._start(work)
        else:
            if self._changes is None:
                self._changes = deque()
            self._changes.append(work)

    async def settled(self) -> None:
        """Wait until all commands so far are answered, those that wait their turn included."""
        while self._under_way:
            await self._left.wait()

    def _start(self, work: Work) -> None:
        work._has_turn = True
        self._running.add(work)
        work._task = self._loop.create_task(work.run())

    def _leave(self, *, in_order: bool) -> None:
        self._under_way -= 1
        self._left.fire()
        if in_order:
            if self._changes:
                self._start(self._changes.popleft())
            else:
                self._changing = False
                self._changes = None
