import asyncio
from collections.abc import Callable

import pytest

from chatserver.doors import lane as lane_module
from chatserver.doors.lane import Lane, Work


class Works:
    """Makes work that says when it begins, and ends when it is let."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.leaves: dict[str, Callable[[], None]] = {}
        self._gates: dict[str, asyncio.Event] = {}
        self._changed = asyncio.Condition()

    def make(self, name: str, *, blocked: bool = False) -> Work:
        """Work of that name; blocked until `let`."""
        gate = self._gates[name] = asyncio.Event()
        if not blocked:
            gate.set()

        async def work(leave: Callable[[], None]) -> None:
            self.leaves[name] = leave
            await self._note(self.begun, name)
            await gate.wait()
            await self._note(self.ended, name)

        return work

    async def _note(self, where: list[str], name: str) -> None:
        async with self._changed:
            where.append(name)
            self._changed.notify_all()

    def let(self, name: str) -> None:
        """Unblock a work."""
        self._gates[name].set()

    async def until(self, where: list[str], *names: str) -> None:
        """Wait until these have begun, or ended, in any order."""
        async with self._changed:
            await self._changed.wait_for(lambda: set(names) <= set(where))


async def test_changes_run_one_at_a_time_in_order() -> None:
    """A change begins when the one before it has ended, and not before."""
    lane, works = Lane(), Works()
    for name in "abc":
        await lane.enter(works.make(name, blocked=name != "b"), in_order=True)
    await works.until(works.begun, "a")
    # A read that is entered later, and has ended, shows that the changes had their chance.
    await lane.enter(works.make("read"), in_order=False)
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
        await lane.enter(works.make(name), in_order=True)
        await works.until(works.ended, name)
    assert works.ended == ["a", "b", "c"]


async def test_reads_pass_a_blocked_change() -> None:
    """Reads run beside a change that hangs, and beside each other."""
    lane, works = Lane(), Works()
    await lane.enter(works.make("change", blocked=True), in_order=True)
    await lane.enter(works.make("slow read", blocked=True), in_order=False)
    await lane.enter(works.make("read"), in_order=False)
    await works.until(works.ended, "read")
    assert works.ended == ["read"]
    works.let("change")
    works.let("slow read")
    await works.until(works.ended, "change", "slow read")


@pytest.mark.parametrize("in_order", [True, False])
async def test_what_is_under_way_is_bounded(
    monkeypatch: pytest.MonkeyPatch, in_order: bool
) -> None:
    """Entering waits while too many are under way or queued, and goes on when one has ended."""
    monkeypatch.setattr(lane_module, "_UNDER_WAY", 3)
    lane, works = Lane(), Works()
    for name in "abc":
        await lane.enter(works.make(name, blocked=True), in_order=in_order)
    fourth = asyncio.create_task(lane.enter(works.make("d"), in_order=in_order))
    await works.until(works.begun, "a")
    done, _ = await asyncio.wait({fourth}, timeout=0)
    assert not done
    works.let("a")
    await fourth
    for name in "bc":
        works.let(name)
    await works.until(works.ended, *"abcd")


@pytest.mark.parametrize("in_order", [True, False])
async def test_a_crash_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, in_order: bool
) -> None:
    """Work that crashes is logged, gives its place back, and what waits behind it runs."""
    monkeypatch.setattr(lane_module, "_UNDER_WAY", 3)
    lane, works = Lane(), Works()

    async def crash(_: Callable[[], None]) -> None:
        raise RuntimeError("on purpose")

    await lane.enter(works.make("first", blocked=True), in_order=in_order)
    await lane.enter(crash, in_order=in_order)
    await lane.enter(works.make("behind"), in_order=in_order)
    works.let("first")
    await works.until(works.ended, "first", "behind")
    assert "a command's answer crashed" in caplog.text
    for name in "abc":
        await lane.enter(works.make(name, blocked=True), in_order=in_order)
        works.let(name)
    await works.until(works.ended, *"abc")


async def test_a_change_that_is_given_up_lets_the_next_begin() -> None:
    """A change that leaves before it ends has had its turn, once: the next begins, and those after it wait."""
    lane, works = Lane(), Works()
    for name in "abc":
        await lane.enter(works.make(name, blocked=True), in_order=True)
    await works.until(works.begun, "a")
    works.leaves["a"]()
    await works.until(works.begun, "b")
    works.let("a")
    await works.until(works.ended, "a")
    assert works.begun == ["a", "b"]
    works.let("b")
    works.let("c")
    await works.until(works.ended, "c")
    await lane.settled()


async def test_a_lane_is_settled_when_all_is_answered() -> None:
    """`settled` waits for what is under way and for what waits its turn behind it."""
    lane, works = Lane(), Works()
    await lane.settled()
    await lane.enter(works.make("a", blocked=True), in_order=True)
    await lane.enter(works.make("b", blocked=True), in_order=True)
    settled = asyncio.create_task(lane.settled())
    await works.until(works.begun, "a")
    works.let("a")
    await works.until(works.begun, "b")
    assert not settled.done()
    works.let("b")
    await settled
    assert works.ended == ["a", "b"]
