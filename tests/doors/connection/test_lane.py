import asyncio

import pytest

from chatserver.doors.connection import lane as lane_module
from chatserver.doors.connection.lane import Lane, QueuedCommand
from chatserver.schemas.table import Turn


class Step(QueuedCommand):
    """Says when it begins, and ends when it is let."""

    def __init__(self, works: "Works", name: str) -> None:
        self._works = works
        self._name = name
        self.gate = asyncio.Event()

    async def run(self) -> None:
        """See `QueuedCommand`."""
        try:
            await self._works.note(self._works.begun, self._name)
            await self.gate.wait()
            await self._works.note(self._works.ended, self._name)
        finally:
            self.done()


class Works:
    """Makes work, and knows what of it has begun and ended."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.made: dict[str, Step] = {}
        self._changed = asyncio.Condition()

    def make(self, name: str, *, blocked: bool = False) -> QueuedCommand:
        """Work of that name; blocked until `let`."""
        step = self.made[name] = Step(self, name)
        if not blocked:
            step.gate.set()
        return step

    async def note(self, where: list[str], name: str) -> None:
        """It has got so far."""
        async with self._changed:
            where.append(name)
            self._changed.notify_all()

    def let(self, name: str) -> None:
        """Unblock a work."""
        self.made[name].gate.set()

    async def until(self, where: list[str], *names: str) -> None:
        """Wait until these have begun, or ended, in any order."""
        async with self._changed:
            await self._changed.wait_for(lambda: set(names) <= set(where))


async def test_changes_run_one_at_a_time_in_order() -> None:
    """A change begins when the one before it has ended, and not before."""
    lane, works = Lane(), Works()
    for name in "abc":
        lane.enter(works.make(name, blocked=name != "b"), "change")
    await works.until(works.begun, "a")
    # A ping that is entered later, and has ended, shows that the changes had their chance.
    lane.enter(works.make("ping"), "free")
    await works.until(works.ended, "ping")
    assert works.begun == ["a", "ping"]
    works.let("a")
    await works.until(works.begun, "c")
    assert works.begun == ["a", "ping", "b", "c"]
    assert works.ended == ["ping", "a", "b"]
    works.let("c")
    await works.until(works.ended, "c")


async def test_a_lane_that_was_idle_goes_on() -> None:
    """A change that comes when all others have ended is run, too."""
    lane, works = Lane(), Works()
    for name in "abc":
        lane.enter(works.make(name), "change")
        await works.until(works.ended, name)
    assert works.ended == ["a", "b", "c"]


async def test_queries_wait_for_the_changes_before_them() -> None:
    """A query begins when the changes that were entered before it have ended; no change waits for a query."""
    lane, works = Lane(), Works()
    for name in ("query 1", "change 1", "query 2", "query 3", "change 2", "query 4"):
        turn: Turn = "change" if name.startswith("change") else "query"
        lane.enter(works.make(name, blocked=True), turn)
    await works.until(works.begun, "query 1", "change 1")
    lane.enter(works.make("ping"), "free")
    await works.until(works.ended, "ping")
    assert works.begun == ["query 1", "change 1", "ping"]
    works.let("change 1")
    await works.until(works.begun, "query 2", "query 3", "change 2")
    lane.enter(works.make("ping 2"), "free")
    await works.until(works.ended, "ping 2")
    assert works.begun[3:] == ["query 2", "query 3", "change 2", "ping 2"]
    works.let("change 2")
    await works.until(works.begun, "query 4")
    for name in works.made:
        works.let(name)
    await lane.settled()


async def test_queries_run_beside_each_other() -> None:
    """A query that hangs keeps neither queries nor changes waiting."""
    lane, works = Lane(), Works()
    lane.enter(works.make("slow query", blocked=True), "query")
    lane.enter(works.make("change"), "change")
    lane.enter(works.make("query"), "query")
    await works.until(works.ended, "change", "query")
    assert works.ended == ["change", "query"]
    works.let("slow query")
    await lane.settled()


async def test_typing_has_an_order_of_its_own() -> None:
    """Typing waits for earlier typing and nothing else, and nothing else waits for it; pings wait for nothing."""
    lane, works = Lane(), Works()
    lane.enter(works.make("change", blocked=True), "change")
    lane.enter(works.make("typing 1", blocked=True), "typing")
    lane.enter(works.make("typing 2", blocked=True), "typing")
    lane.enter(works.make("ping"), "free")
    await works.until(works.ended, "ping")
    assert works.begun == ["change", "typing 1", "ping"]
    works.let("typing 1")
    await works.until(works.begun, "typing 2")
    works.let("change")
    await works.until(works.ended, "change")
    lane.enter(works.make("query"), "query")
    await works.until(works.ended, "query")
    works.let("typing 2")
    await lane.settled()
    lane.enter(works.make("typing 3"), "typing")
    await works.until(works.ended, "typing 3")


@pytest.mark.parametrize("turn", ["change", "query", "typing", "free"])
async def test_what_is_under_way_is_bounded(monkeypatch: pytest.MonkeyPatch, turn: Turn) -> None:
    """A lane is full when too many are under way or queued, and has room when one has ended."""
    monkeypatch.setattr(lane_module, "_UNDER_WAY", 3)
    lane, works = Lane(), Works()
    for name in "abc":
        assert not lane.is_full
        lane.enter(works.make(name, blocked=True), turn)
    assert lane.is_full
    room = asyncio.create_task(lane.room())
    await works.until(works.begun, "a")
    done, _ = await asyncio.wait({room}, timeout=0)
    assert not done
    works.let("a")
    await room
    lane.enter(works.make("d"), turn)
    for name in "bc":
        works.let(name)
    await works.until(works.ended, *"abcd")


@pytest.mark.parametrize("turn", ["change", "query", "typing", "free"])
async def test_a_crash_stops_nothing(monkeypatch: pytest.MonkeyPatch, turn: Turn) -> None:
    """Work that crashes gives its place back, and what waits behind it runs."""
    monkeypatch.setattr(lane_module, "_UNDER_WAY", 3)
    lane, works = Lane(), Works()
    crash = works.make("crash", blocked=True)
    lane.enter(crash, turn)
    lane.enter(works.make("behind"), turn)
    await works.until(works.begun, "crash")
    task = crash._task
    assert task is not None
    task.cancel()
    await works.until(works.ended, "behind")
    for name in "abc":
        lane.enter(works.make(name, blocked=True), turn)
        works.let(name)
    await works.until(works.ended, *"abc")


async def test_a_change_that_is_given_up_lets_the_next_begin() -> None:
    """A change that leaves before it ends has had its turn, once: the next begins, and those after it wait."""
    lane, works = Lane(), Works()
    for name in "abc":
        lane.enter(works.make(name, blocked=True), "change")
    await works.until(works.begun, "a")
    works.made["a"].leave()
    await works.until(works.begun, "b")
    works.let("a")
    await works.until(works.ended, "a")
    assert works.begun == ["a", "b"]
    works.let("b")
    works.let("c")
    await works.until(works.ended, "c")
    await lane.settled()


async def test_a_change_that_is_given_up_before_its_turn_still_waits_for_it() -> None:
    """A change that leaves before its turn has come lets nobody pass: one at a time, in order, as ever."""
    lane, works = Lane(), Works()
    for name in "abc":
        lane.enter(works.make(name, blocked=name == "a"), "change")
    await works.until(works.begun, "a")
    works.made["b"].leave()
    lane.enter(works.make("ping"), "free")
    await works.until(works.ended, "ping")
    assert works.begun == ["a", "ping"]
    works.let("a")
    await works.until(works.ended, "c")
    assert works.begun == ["a", "ping", "b", "c"]
    await lane.settled()


async def test_a_lane_is_settled_when_all_is_answered() -> None:
    """`settled` waits for what is under way and for what waits its turn behind it."""
    lane, works = Lane(), Works()
    await lane.settled()
    lane.enter(works.make("a", blocked=True), "change")
    lane.enter(works.make("b", blocked=True), "change")
    settled = asyncio.create_task(lane.settled())
    await works.until(works.begun, "a")
    works.let("a")
    await works.until(works.begun, "b")
    assert not settled.done()
    works.let("b")
    await settled
    assert works.ended == ["a", "b"]
