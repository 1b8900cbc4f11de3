"""Group commit: asks that come while a batch is in flight form the next one.

There is no timer: an idle server answers an ask at once, alone, and the busier it is, the more asks share a
commit. (DeWitt et al., "Implementation Techniques for Main Memory Database Systems", SIGMOD 1984.)
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from chatserver.errors import ChatError, unavailable
from chatserver.logs import get_logger
from chatserver.tally import SIZES, Histogram

_log = get_logger(__name__)

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

# An ask, who waits for its answer, and its weight.
_Waiting = tuple[Ask, "asyncio.Future[Answer]", int]

# A batch that takes longer (s) waits for somebody's lock, or the database stalls: others need not wait behind it.
_PATIENCE = 0.1
# So many answers are handed out, and then whatever else is ready has its turn: those who have theirs ask again
# while the others are still served, and the database is at work meanwhile. All at once, it would have nothing to
# do until the last is served, and this process nothing until the database is done with what they all asked.
_SLICE = 32


class _Flight(Generic[Ask, Answer]):
    """A batch on its way, and its keys."""

    __slots__ = ("batch", "keys")

    def __init__(self, batch: "list[_Waiting[Ask, Answer]]") -> None:
        self.batch = batch
        self.keys: set[Hashable] = set()


class Batcher(Generic[Ask, Answer]):
    """Asks become batches, and batches answers.

    Args:
        flush: answers a batch, in its order; an exception in an answer's place is that ask's alone. Where it
            raises a `ChatError`, that is the answer to all (what became of them is unknown); where it raises
            anything else, one ask has failed the others, and each is tried alone.
        key: asks of one key are never in two batches at once, which would wait for each other's locks; None:
            they may be (reading waits for nobody).
        weigh: what an ask costs to keep, in bytes.
        bound: how many bytes of asks may wait; past it they are UNAVAILABLE.
        at_once: how many batches are in flight, besides those that have been for long.
        in_all: how many with those.
        most: how many asks a batch has.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Ask]], Awaitable[Sequence[Answer | Exception]]],
        *,
        key: Callable[[Ask], Hashable] | None,
        weigh: Callable[[Ask], int],
        bound: int,
        at_once: int = 1,
        in_all: int = 4,
        most: int = 200,
    ) -> None:
        self._flush = flush
        self._key = key
        self._weigh = weigh
        self._bound = bound
        self._at_once = at_once
        self._in_all = in_all
        self._most = most
        self._waiting: deque[_Waiting[Ask, Answer]] = deque()
        self._weight = 0
        # How many asks a batch had.
        self.sizes = Histogram(SIZES)
        # What is in flight, and what of it has been for long.
        self._flights: set[_Flight[Ask, Answer]] = set()
        self._slow: set[_Flight[Ask, Answer]] = set()
        # The event loop keeps no task alive by itself.
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = False
        # Answers that are not handed out yet.
        self._answered: deque[tuple[asyncio.Future[Answer], Answer | Exception]] = deque()
        # Asking for it costs a system call in Python 3.11.
        self._loop = asyncio.get_running_loop()

    def ask(self, ask: Ask) -> "asyncio.Future[Answer]":
        """The answer to come. Whoever gives up waiting for it cancels nothing.

        Raises:
            ChatError: UNAVAILABLE: too much waits already.
        """
        weight = self._weigh(ask)
        if self._weight + weight > self._bound:
            raise unavailable()
        self._weight += weight
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.append((ask, future, weight))
        if not self._woken:
            # Once this tick's other asks are here, too.
            self._woken = True
            self._loop.call_soon(self._wake)
        return future

    async def finish(self) -> None:
        """Wait until everything that was asked is answered."""
        while self._waiting or self._tasks or self._answered:
            if self._tasks:
                await asyncio.wait(tuple(self._tasks))
            else:
                await asyncio.sleep(0)

    def _wake(self) -> None:
        self._woken = False
        self._start()

    def _start(self) -> None:
        """Send off as many batches as may be in flight."""
        while flight := self._depart():
            task = self._loop.create_task(self._fly(flight))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _depart(self) -> "_Flight[Ask, Answer] | None":
        """The next batch, if it may be in flight now; then it is."""
        if (
            len(self._flights) - len(self._slow) >= self._at_once
            or len(self._flights) >= self._in_all
        ):
            return None
        flight = _Flight(self._next())
        if not flight.batch:
            return None
        if self._key is not None:
            flight.keys = {self._key(ask) for ask, _, _ in flight.batch}
        self._flights.add(flight)
        self._loop.call_later(_PATIENCE, self._is_slow, flight)
        self.sizes.observe(len(flight.batch))
        return flight

    def _next(self) -> "list[_Waiting[Ask, Answer]]":
        """The asks, in their order, whose keys are in no batch that is in flight."""
        busy = set().union(*[flight.keys for flight in self._flights])
        batch: list[_Waiting[Ask, Answer]] = []
        left: list[_Waiting[Ask, Answer]] = []
        while self._waiting and len(batch) < self._most:
            waiting = self._waiting.popleft()
            excluded = busy and self._key is not None and self._key(waiting[0]) in busy
            (left if excluded else batch).append(waiting)
        self._waiting.extendleft(reversed(left))
        return batch

    def _is_slow(self, flight: "_Flight[Ask, Answer]") -> None:
        if flight in self._flights:
            self._slow.add(flight)
            self._start()

    async def _fly(self, flight: "_Flight[Ask, Answer] | None") -> None:
        """A batch, and the one after it: in this task, since one of its own would begin when this turn of the
        event loop is over, and the database would wait for that."""
        while flight:
            answers = await self._answers([ask for ask, _, _ in flight.batch])
            self._flights.discard(flight)
            self._slow.discard(flight)
            self._weight -= sum([weight for _, _, weight in flight.batch])
            handing_out = bool(self._answered)
            self._answered += zip([future for _, future, _ in flight.batch], answers, strict=True)
            if not handing_out:
                self._hand_out()
            flight = self._depart()
            # Where others have become slow, there may be more than one.
            self._start()

    def _hand_out(self) -> None:
        """Give the next answers to who waits for them."""
        answered = self._answered
        for _ in range(min(_SLICE, len(answered))):
            future, answer = answered.popleft()
            if future.done():
                continue  # nobody waits any more
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        if answered:
            self._loop.call_soon(self._hand_out)

    async def _answers(self, asks: Sequence[Ask]) -> Sequence[Answer | Exception]:
        try:
            return await self._flush(asks)
        except ChatError as error:
            return [error] * len(asks)
        except Exception as error:
            if len(asks) == 1:
                return [error]
            _log.warning("a batch failed", size=len(asks), error=type(error).__name__)
        return [(await self._answers([ask]))[0] for ask in asks]
