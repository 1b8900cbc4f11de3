"""Batches form by themselves: what is asked while one is in flight goes with the next."""

import asyncio
from collections.abc import Sequence

import pytest

from chatserver.core.errors import ChatError, ErrorCode, unavailable
from chatserver.store.batcher import Batcher


class Sink:
    """Answers each ask with itself; a batch waits for `release` where it is held."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.failing: dict[str, Exception] = {}
        self._holding = held
        self._started = asyncio.Condition()
        self._gates: list[asyncio.Event] = []

    async def flush(self, asks: Sequence[str]) -> list[str | Exception]:
        """A batch."""
        self.batches.append(list(asks))
        gate = asyncio.Event()
        self._gates.append(gate)
        async with self._started:
            self._started.notify_all()
        if self._holding:
            await gate.wait()
        for ask in asks:
            if error := self.failing.get(ask):
                raise error
        return [ValueError(ask) if ask.startswith("refused") else ask for ask in asks]

    async def started(self, count: int) -> None:
        """Wait until so many batches have begun."""
        async with self._started:
            await self._started.wait_for(lambda: len(self.batches) >= count)

    def release(self, number: int) -> None:
        """Let one batch go on."""
        self._gates[number].set()


def batcher_of(
    sink: Sink, *, bound: int = 1_000, at_once: int = 1, most: int = 200
) -> Batcher[str, str]:
    """One byte an ask; those of one first letter exclude each other."""
    return Batcher(
        sink.flush,
        key=lambda ask: ask[0],
        weigh=lambda _: 1,
        bound=bound,
        at_once=at_once,
        most=most,
    )


async def test_an_idle_batcher_answers_at_once() -> None:
    """An ask that finds nothing in flight is a batch of its own, without waiting for company."""
    sink = Sink()
    assert await batcher_of(sink).ask("a") == "a"
    assert sink.batches == [["a"]]


async def test_what_comes_meanwhile_is_the_next_batch() -> None:
    """All that is asked while a batch is in flight goes together, in its order, once it is back."""
    sink = Sink(held=True)
    batcher = batcher_of(sink)
    answers = [batcher.ask("a")]
    await sink.started(1)
    answers += [batcher.ask(ask) for ask in ("b", "c", "d")]
    assert sink.batches == [["a"]]
    sink.release(0)
    await sink.started(2)
    assert sink.batches == [["a"], ["b", "c", "d"]]
    sink.release(1)
    assert await asyncio.gather(*answers) == ["a", "b", "c", "d"]


async def test_what_comes_at_once_goes_at_once() -> None:
    """What is asked in one tick of the event loop is one batch, also where nothing was in flight."""
    sink = Sink()
    batcher = batcher_of(sink)
    assert await asyncio.gather(*(batcher.ask(ask) for ask in "abc")) == list("abc")
    assert sink.batches == [["a", "b", "c"]]


async def test_batches_have_a_largest_size() -> None:
    """No batch is larger than `most`; what is left is the one after it."""
    sink = Sink()
    batcher = batcher_of(sink, most=2)
    answers = [batcher.ask(ask) for ask in "abcde"]
    assert await asyncio.gather(*answers) == list("abcde")
    assert sink.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_one_key_is_in_one_batch_at_a_time() -> None:
    """Where two batches may be in flight, an ask waits for the batch that has its key, and others pass it."""
    sink = Sink(held=True)
    batcher = batcher_of(sink, at_once=2)
    answers = [batcher.ask("a1")]
    await sink.started(1)
    answers += [batcher.ask(ask) for ask in ("a2", "b1", "a3")]
    await sink.started(2)
    assert sink.batches == [["a1"], ["b1"]]
    sink.release(0)
    await sink.started(3)
    assert sink.batches[2] == ["a2", "a3"]
    for number in (1, 2):
        sink.release(number)
    assert await asyncio.gather(*answers) == ["a1", "a2", "b1", "a3"]


async def test_a_slow_batch_holds_up_its_own_keys_alone() -> None:
    """A batch that takes long (somebody else's lock) lets other keys pass, though only one may be in flight."""
    sink = Sink(held=True)
    batcher = batcher_of(sink)
    stuck = batcher.ask("a1")
    await sink.started(1)
    behind, other = batcher.ask("a2"), batcher.ask("b1")
    await sink.started(2)
    assert sink.batches == [["a1"], ["b1"]]
    sink.release(1)
    assert await other == "b1"
    assert not stuck.done()
    assert not behind.done()
    sink.release(0)
    await sink.started(3)
    sink.release(2)
    assert await asyncio.gather(stuck, behind) == ["a1", "a2"]


async def test_a_refused_ask_fails_alone() -> None:
    """An exception in the place of an answer is raised to its asker, and to nobody else."""
    sink = Sink(held=True)
    batcher = batcher_of(sink)
    answers = [batcher.ask(ask) for ask in ("a", "b", "refused", "c")]
    await sink.started(1)
    sink.release(0)
    with pytest.raises(ValueError, match="refused"):
        await answers[2]
    assert [await answers[n] for n in (0, 1, 3)] == ["a", "b", "c"]


async def test_an_ask_that_breaks_its_batch_fails_alone() -> None:
    """Where a batch fails as a whole, its halves are tried: what is wrong fails alone, the others do not."""
    sink = Sink()
    sink.failing["poison"] = RuntimeError("poison")
    batcher = batcher_of(sink)
    answers = [batcher.ask(ask) for ask in ("a", "b", "poison", "c")]
    assert [await answers[n] for n in (0, 1, 3)] == ["a", "b", "c"]
    with pytest.raises(RuntimeError, match="poison"):
        await answers[2]
    assert sink.batches == [
        ["a", "b", "poison", "c"], ["a", "b"], ["poison", "c"], ["poison"], ["c"],
    ]  # fmt: skip


async def test_what_became_of_a_batch_is_not_guessed() -> None:
    """Where the database does not answer nothing is tried again: all are told so, and their retries settle it."""
    sink = Sink()
    sink.failing["b"] = unavailable()
    batcher = batcher_of(sink)
    answers = [batcher.ask(ask) for ask in ("a", "b", "c")]
    for answer in answers:
        with pytest.raises(ChatError) as caught:
            await answer
        assert caught.value.code is ErrorCode.UNAVAILABLE
    assert sink.batches == [["a", "b", "c"]]


async def test_the_queue_has_a_bound() -> None:
    """What does not fit is UNAVAILABLE at once; there is room again when what waited is answered."""
    sink = Sink(held=True)
    batcher = batcher_of(sink, bound=2)
    answers = [batcher.ask("a")]
    await sink.started(1)
    answers.append(batcher.ask("b"))
    with pytest.raises(ChatError) as caught:
        batcher.ask("c")
    assert caught.value.code is ErrorCode.UNAVAILABLE
    sink.release(0)
    assert await answers[0] == "a"
    answers.append(batcher.ask("c"))
    await sink.started(2)
    sink.release(1)
    await sink.started(3)
    sink.release(2)
    assert await asyncio.gather(*answers) == ["a", "b", "c"]


async def test_who_gives_up_cancels_nothing() -> None:
    """An asker that is gone changes nothing for the batch it was in."""
    sink = Sink(held=True)
    batcher = batcher_of(sink)
    answers = [batcher.ask(ask) for ask in ("a", "b", "c")]
    await sink.started(1)
    answers[1].cancel()
    sink.release(0)
    assert (await answers[0], await answers[2]) == ("a", "c")
    assert sink.batches == [["a", "b", "c"]]


async def test_no_wake_up_is_lost() -> None:
    """Thousands of asks from tasks that come and go at any time are all answered."""
    sink = Sink()
    batcher = batcher_of(sink, at_once=2, most=7, bound=5_000)

    async def ask(number: int) -> str:
        for _ in range(number % 5):
            await asyncio.sleep(0)
        return await batcher.ask(f"{number % 10}/{number}")

    answers = await asyncio.gather(*(ask(number) for number in range(3_000)))
    assert answers == [f"{number % 10}/{number}" for number in range(3_000)]
    await batcher.finish()
    assert sum(map(len, sink.batches)) == 3_000


@pytest.mark.parametrize(
    "wrong",
    [RuntimeError("poison"), StopIteration(), asyncio.CancelledError(), KeyError(3), None],
    ids=["error", "stop", "cancelled", "key", "too few"],
)
async def test_no_flush_stops_a_batcher(wrong: BaseException | None) -> None:
    """Whatever a flush raises, and however many answers it gives: only what is wrong fails, now and later."""
    cancelled = isinstance(wrong, asyncio.CancelledError)

    async def flush(asks: Sequence[str]) -> list[str | Exception]:
        if "poison" in asks and wrong is not None:
            raise wrong
        return [ask for ask in asks if ask != "poison"]

    batcher: Batcher[str, str] = Batcher(flush, key=None, weigh=len, bound=1_000)
    for _ in range(2):
        answers = [batcher.ask(ask) for ask in ("a", "b", "poison", "c")]
        found = await asyncio.gather(*answers, return_exceptions=True)
        assert isinstance(found[2], Exception), (
            "and not a cancellation: its asker was not cancelled"
        )
        assert [found[n] for n in (0, 1, 3)] == ["a", "b", "c"]
        assert not cancelled or "cancelled" in str(found[2])
    assert not batcher.stands_still(0)


async def test_an_answer_may_be_any_exception() -> None:
    """An answer that no future can hold (StopIteration) is an error to its asker, and the others get theirs."""

    async def flush(asks: Sequence[str]) -> list[str | Exception]:
        return [StopIteration() if ask == "stop" else ask for ask in asks]

    batcher: Batcher[str, str] = Batcher(flush, key=None, weigh=len, bound=1_000)
    answers = [batcher.ask(ask) for ask in ("stop", *("a" * 100))]
    found = await asyncio.gather(*answers, return_exceptions=True)
    assert isinstance(found[0], RuntimeError)
    assert found[1:] == ["a"] * 100


async def test_an_ask_without_a_key_or_weight_is_not_asked() -> None:
    """What fails while an ask is weighed fails its asker, and nothing of it stays behind."""
    sink = Sink()
    batcher: Batcher[str, str] = Batcher(
        sink.flush, key=lambda ask: ask[1], weigh=lambda ask: 10 // len(ask), bound=1_000
    )
    with pytest.raises(IndexError):
        batcher.ask("a")
    with pytest.raises(ZeroDivisionError):
        batcher.ask("")
    assert await batcher.ask("ab") == "ab"
    await batcher.finish()
    assert batcher._weight == 0


async def test_a_batcher_whose_task_is_cancelled_answers() -> None:
    """Where the task of a batch is cancelled, its asks are UNAVAILABLE rather than waiting for ever."""
    sink = Sink(held=True)
    batcher = batcher_of(sink)
    answer = batcher.ask("a")
    await sink.started(1)
    for task in batcher._tasks:
        task.cancel()
    with pytest.raises(ChatError) as caught:
        await answer
    assert caught.value.code is ErrorCode.UNAVAILABLE
    again = batcher.ask("b")
    await sink.started(2)
    sink.release(1)
    assert await again == "b"


async def test_a_batcher_that_stands_still_says_so() -> None:
    """It stands still while something waits and nothing is answered, and no longer once that comes."""
    sink = Sink(held=True)
    batcher = batcher_of(sink)
    assert not batcher.stands_still(0)
    answer = batcher.ask("a")
    await sink.started(1)
    assert batcher.stands_still(-1)
    assert not batcher.stands_still(3_600)
    sink.release(0)
    await answer
    assert not batcher.stands_still(-1)
