import asyncio

import pytest

from chatserver.doors import lane as lane_module
from chatserver.doors.lane import Lane, Work


class Step(Work):
    """Says when it begins, and ends when it is let."""

    def __init__(self, works: "Works", name: str) -> None:
        self._works = works
        self._name = name
        self.gate = asyncio.Event()

    async def run(self) -> None:
        """See `Work`."""
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

    def make(self, name: str, *, blocked: bool = False) -> Work:
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
        lane.enter(works.make(name, blocked=name != "b"), in_order=True)
    await works.until(works.begun, "a")
    # A read that is entered later, and has ended, shows that the changes had their chance.
    lane.enter(works.make("read"), in_order=False)
    await works.until(works.ended, "read")
    assert works.begun == ["a", "read"]
    works.let("a")
    await works.until(works.begun, "c")
    assert works.begun == ["a", "read", "b", "c"]
    assert works.ended == ["read", "a", "b"]
    works.let("c")
    await works.until(works.ended, "c")


async def test_a_lane_that_was_idle_goes_on() -> None:
    """A change that comes when all others have ended is run, too."""
    lane, works = Lane(), Works()
    for name in "abc":
        lane.enter(works.make(name), in_order=True)
        await works.until(works.ended, name)
    assert works.ended == ["a", "b", "c"]


async def test_reads_pass_a_blocked_change() -> None:
    """Reads run beside a change that hangs, and beside each other."""
    lane, works = Lane(), Works()
    lane.enter(works.make("change", blocked=True), in_order=True)
    lane.enter(works.make("slow read", blocked=True), in_order=False)
    lane.enter(works.make("read"), in_order=False)
    await works.until(works.ended, "read")
    assert works.ended == ["read"]
    works.let("change")
    works.let("slow read")
    await works.until(works.ended, "change", "slow read")


@pytest.mark.parametrize("in_order", [True, False])
async def test_what_is_under_way_is_bounded(
    monkeypatch: pytest.MonkeyPatch, in_order: bool
) -> None:
    """A lane is full when too many are under way or queued, and has room when one has ended."""
    monkeypatch.setattr(lane_module, "_UNDER_WAY", 3)
    lane, works = Lane(), Works()
    for name in "abc":
        assert not lane.is_full
        lane.enter(works.make(name, blocked=True), in_order=in_order)
    assert lane.is_full
    room = asyncio.create_task(lane.room())
    await works.until(works.begun, "a")
    done, _ = await asyncio.wait({room}, timeout=0)
    assert not done
    works.let("a")
    await room
    lane.enter(works.make("d"), in_order=in_order)
    for name in "bc":
        works.let(name)
    await works.until(works.ended, *"abcd")


@pytest.mark.parametrize("in_order", [True, False])
async def test_a_crash_stops_nothing(monkeypatch: pytest.MonkeyPatch, in_order: bool) -> None:
    """Work that crashes gives its place back, and what waits behind it runs."""
    monkeypatch.setattr(lane_module, "_UNDER_WAY", 3)
    lane, works = Lane(), Works()
    crash = works.make("crash", blocked=True)
    lane.enter(crash, in_order=in_order)
    lane.enter(works.make("behind"), in_order=in_order)
    await works.until(works.begun, "crash")
    task = crash._task
    assert task is not None
    task.cancel()
    await works.until(works.ended, "behind")
    for name in "abc":
        lane.enter(works.make(name, blocked=True), in_order=in_order)
        works.let(name)
    await works.until(works.ended, *"abc")


async def test_a_change_that_is_given_up_lets_the_next_begin() -> None:
    """A change that leaves before it ends has had its turn, once: the next begins, and those after it wait."""
    lane, works = Lane(), Works()
    for name in "abc":
        lane.enter(works.make(name, blocked=True), in_order=True)
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
        lane.enter(works.make(name, blocked=name == "a"), in_order=True)
    await works.until(works.begun, "a")
    works.made["b"].leave()
    lane.enter(works.make("read"), in_order=False)
    await works.until(works.ended, "read")
    assert works.begun == ["a", "read"]
    works.let("a")
    await works.until(works.ended, "c")
    assert works.begun == ["a", "read", "b", "c"]
    await lane.settled()


async def test_a_lane_is_settled_when_all_is_answered() -> None:
    """`settled` waits for what is under way and for what waits its turn behind it."""
    lane, works = Lane(), Works()
    await lane.settled()
    lane.enter(works.make("a", blocked=True), in_order=True)
    lane.enter(works.make("b", blocked=True), in_order=True)
    settled = asyncio.create_task(lane.settled())
    await works.until(works.begun, "a")
    works.let("a")
    await works.until(works.begun, "b")
    assert not settled.done()
    works.let("b")
    await settled
    assert works.ended == ["a", "b"]
