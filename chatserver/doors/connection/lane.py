"""Orders one connection's commands: changes one at a time, and queries behind those that came before them."""

import asyncio
from collections import deque

from chatserver.core.signal import Signal
from chatserver.schemas.table import Turn

# How many commands one connection may have under way; then its socket is not read until one is answered.
_UNDER_WAY = 64


class QueuedCommand:
    """A command's place in its lane, from when it is entered until it leaves, and what it does there."""

    __slots__ = ("_has_turn", "_lane", "_task", "_turn")

    _lane: "Lane"
    _turn: Turn
    _has_turn: bool
    _task: asyncio.Task[None] | None

    async def run(self) -> None:
        """Do the command's work; its lane calls this when its turn has come.

        It must call `done` at its end, whatever happens: others may wait for it.
        """
        raise NotImplementedError

    def leave(self) -> None:
        """End this command's turn, if it has one: the next command may begin while this one still works."""
        if self._has_turn:
            self._has_turn = False
            self._lane._leave(self._turn)

    def done(self) -> None:
        """Take this command out of its lane, since its work is over; it ends its turn, too."""
        self._lane._running.discard(self)
        # Its task would be garbage without a reference.
        self._task = None
        self.leave()


class Lane:
    """Starts the commands of one connection: what it asks for sees what it has changed before."""

    __slots__ = (
        "_changing",
        "_left",
        "_loop",
        "_running",
        "_typing",
        "_typings",
        "_under_way",
        "_waiting",
    )

    def __init__(self) -> None:
        # Changes, and queries that wait for one of them. Made when something waits: a deque is 760 bytes, and most
        # connections never need it.
        self._waiting: deque[QueuedCommand] | None = None
        self._changing = False
        # Typing waits for nothing else, and nothing for it.
        self._typings: deque[QueuedCommand] | None = None
        self._typing = False
        self._under_way = 0
        # The event loop keeps no task alive by itself.
        self._running: set[QueuedCommand] = set()
        self._left = Signal()
        # Asking for it costs a system call in Python 3.11.
        self._loop = asyncio.get_running_loop()

    @property
    def is_full(self) -> bool:
        """Whether nothing may be entered now."""
        return self._under_way >= _UNDER_WAY

    @property
    def is_idle(self) -> bool:
        """Whether everything that was entered is answered."""
        return not self._under_way

    async def room(self) -> None:
        """Wait while the lane is full."""
        while self._under_way >= _UNDER_WAY:
            await self._left.wait()

    def enter(self, work: QueuedCommand, turn: Turn) -> None:
        """Start `work` when its turn has come."""
        self._under_way += 1
        work._lane = self
        work._turn = turn
        work._has_turn = False
        if turn == "typing" and self._typing:
            if self._typings is None:
                self._typings = deque()
            self._typings.append(work)
        elif turn in ("change", "query") and self._changing:
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append(work)
        else:
            self._start(work)

    async def settled(self) -> None:
        """Wait until all commands so far are answered, those that wait their turn included."""
        while self._under_way:
            await self._left.wait()

    def _start(self, work: QueuedCommand) -> None:
        if work._turn == "change":
            self._changing = True
        elif work._turn == "typing":
            self._typing = True
        work._has_turn = True
        self._running.add(work)
        work._task = self._loop.create_task(work.run())

    def _leave(self, turn: Turn) -> None:
        self._under_way -= 1
        self._left.fire()
        if turn == "change":
            self._changing = False
            # Start the queries that waited for it, and the next change; what stands behind that goes on waiting.
            while self._waiting and not self._changing:
                self._start(self._waiting.popleft())
            self._waiting = self._waiting or None
        elif turn == "typing":
            self._typing = False
            if self._typings:
                self._start(self._typings.popleft())
            self._typings = self._typings or None
