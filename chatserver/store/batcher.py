"""Commits in groups: requests that come while a batch is in flight form the next batch.

There is no timer: an idle server answers a request at once, alone, and the busier it is, the more of them share a
commit. (DeWitt et al., "Implementation Techniques for Main Memory Database Systems", SIGMOD 1984.)
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from chatserver.core.errors import ChatError, unavailable
from chatserver.core.logging import get_logger
from chatserver.core.tally import SIZES, Histogram

_log = get_logger(__name__)

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

# An ask, the future of its answer, its weight and its key.
_Waiting = tuple[Ask, "asyncio.Future[Answer]", int, Hashable]

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
        self.keys = {key for _, _, _, key in batch if key is not None}


class Batcher(Generic[Ask, Answer]):
    """Makes batches of requests, and hands out their answers.

    Args:
        flush: answers a batch, in its order; an exception in an answer's place is that ask's alone. Where it
            raises a `ChatError`, that is the answer to all (what became of them is unknown); where it raises
            anything else, or has another number of answers than of asks, one ask has failed the others: the
            halves of the batch are tried by themselves, until what is wrong fails alone.
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
        # The batches in flight, and those that have been in flight for long.
        self._flights: set[_Flight[Ask, Answer]] = set()
        self._slow: set[_Flight[Ask, Answer]] = set()
        # The event loop keeps no task alive by itself.
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = False
        # When a batch was last answered, or asked for where there was none: see `stands_still`.
        self._moved_at = 0.0
        # Answers that are not handed out yet.
        self._handing_out = False
        self._answered: deque[tuple[asyncio.Future[Answer], Answer | Exception]] = deque()
        # Asking for it costs a system call in Python 3.11.
        self._loop = asyncio.get_running_loop()

    def ask(self, ask: Ask) -> "asyncio.Future[Answer]":
        """Queue a request; return its answer to come. A caller that stops waiting cancels nothing.

        Raises:
            ChatError: UNAVAILABLE: too much waits already.
            Whatever `key` or `weigh` raise: nothing has been asked then.
        """
        weight = self._weigh(ask)
        key = None if self._key is None else self._key(ask)
        if self._weight + weight > self._bound:
            raise unavailable()
        if not self._weight:
            self._moved_at = self._loop.time()
        self._weight += weight
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.append((ask, future, weight, key))
        if not self._woken:
            # It starts once this tick's other asks are here, too.
            self._woken = True
            self._loop.call_soon(self._wake)
        return future

    def stands_still(self, patience: float) -> bool:
        """Return whether somebody waits, and no batch has been answered for `patience` seconds."""
        waits = bool(self._waiting or self._flights or self._answered)
        return waits and self._loop.time() - self._moved_at > patience

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
        """Take the next batch, if it may be in flight now: from now on it is."""
        if (
            len(self._flights) - len(self._slow) >= self._at_once
            or len(self._flights) >= self._in_all
        ):
            return None
        batch = self._next()
        if not batch:
            return None
        flight = _Flight(batch)
        self._flights.add(flight)
        self._loop.call_later(_PATIENCE, self._is_slow, flight)
        self.sizes.observe(len(batch))
        return flight

    def _next(self) -> "list[_Waiting[Ask, Answer]]":
        """Return the asks, in their order, whose keys are in no batch that is in flight."""
        busy = set().union(*[flight.keys for flight in self._flights])
        batch: list[_Waiting[Ask, Answer]] = []
        left: list[_Waiting[Ask, Answer]] = []
        while self._waiting and len(batch) < self._most:
            waiting = self._waiting.popleft()
            (left if waiting[3] in busy else batch).append(waiting)
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
            answers: Sequence[Answer | Exception] | None = None
            try:
                answers = await self._answers([ask for ask, _, _, _ in flight.batch])
            finally:
                # Also where this task is cancelled: nobody waits for ever.
                self._land(
                    flight, [unavailable()] * len(flight.batch) if answers is None else answers
                )
            flight = self._depart()
            # Where others have become slow, there may be more than one.
            self._start()

    def _land(
        self, flight: "_Flight[Ask, Answer]", answers: "Sequence[Answer | Exception]"
    ) -> None:
        """Take the answers of a batch."""
        self._flights.discard(flight)
        self._slow.discard(flight)
        self._moved_at = self._loop.time()
        self._weight -= sum([weight for _, _, weight, _ in flight.batch])
        self._answered += zip([future for _, future, _, _ in flight.batch], answers, strict=True)
        if not self._handing_out:
            self._hand_out()

    def _hand_out(self) -> None:
        """Give the next answers to those who wait for them."""
        answered = self._answered
        for _ in range(min(_SLICE, len(answered))):
            future, answer = answered.popleft()
            if future.done():
                continue  # nobody waits any more
            if isinstance(answer, StopIteration):
                # No future takes a StopIteration.
                answer = RuntimeError("StopIteration")
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._handing_out = bool(answered)
        if answered:
            self._loop.call_soon(self._hand_out)

    async def _answers(self, asks: Sequence[Ask]) -> Sequence[Answer | Exception]:
        try:
            answers = await self._flush(asks)
            if len(answers) != len(asks):
                raise RuntimeError(f"{len(answers)} answers to {len(asks)} asks")
            return answers
        except ChatError as error:
            return [error] * len(asks)
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None:
                if task.cancelling():
                    raise  # it is this task that is to end, not something inside the flush that was
                error = RuntimeError("the flush was cancelled")
            if len(asks) == 1:
                return [error if isinstance(error, Exception) else RuntimeError(str(error))]
            _log.warning("a batch failed", size=len(asks), error=type(error).__name__)
        # One poisoned ask of two hundred costs sixteen more batches this way, and two hundred one by one.
        half = len(asks) // 2
        return [*await self._answers(asks[:half]), *await self._answers(asks[half:])]
