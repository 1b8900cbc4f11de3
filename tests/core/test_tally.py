"""What is counted on the way of every message."""

import asyncio
import time

import pytest

from chatserver.core.tally import SECONDS, CommandTally, Headcount, Histogram, total
from chatserver.metrics.loop_lag import LoopLag


def test_a_bound_belongs_to_its_bucket() -> None:
    """A value counts in the first bucket whose upper end is not below it, beyond all in the last one."""
    histogram = Histogram((1, 2, 5))
    for value in (0, 1, 1.5, 2, 5, 5.1, 1_000):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1, 2]
    assert histogram.count == 7
    assert histogram.sum == pytest.approx(1014.6)


def test_names_that_are_none_share_one_histogram() -> None:
    """Whatever clients call their commands, there is one histogram for each that exists and one for the rest."""
    tally = CommandTally(["a", "b"])
    for name in ("a", "x" * 1_000, None, 5, ["a"], {}, "unknown"):
        tally.answered(name, 0.1, None if name == "a" else "UNKNOWN_COMMAND")
    assert set(tally.seconds) == {"a", "b", "unknown"}
    assert tally.seconds["a"].count == 1
    assert tally.seconds["unknown"].count == 6
    assert tally.answers == 7
    assert tally.average == pytest.approx(0.1)
    assert tally.errors == {"UNKNOWN_COMMAND": 6}
    assert total(tally.errors, "UNKNOWN_COMMAND", "UNAVAILABLE") == 6


def test_nothing_has_no_average() -> None:
    """Before the first command the average is 0."""
    assert CommandTally([]).average == 0


def test_heads() -> None:
    """Connections and users are counted apart, and the most that there were of each is kept."""
    heads = Headcount()
    for user_id in ("ann", "ann", "bob"):
        heads.come(user_id)
    heads.go("ann")
    assert (heads.connections, heads.users) == (2, 2)
    heads.go("ann")
    heads.go("bob")
    heads.come("cleo")
    assert (heads.connections, heads.users) == (1, 1)
    assert (heads.most_connections, heads.most_users) == (3, 2)


def test_buckets_are_in_order() -> None:
    """Bounds grow: the search for a value's bucket relies on it."""
    assert list(SECONDS) == sorted(set(SECONDS))


async def test_a_loop_that_is_held_up() -> None:
    """Who computes for long shows while it lasts, and for a while after; without that the lag is small."""
    lag = LoopLag()
    lag.start()
    try:
        _compute(0.7)
        assert lag.worst >= 0.2
        while len(lag._late) == 1:  # noqa: ASYNC110 - its timer has no event
            await asyncio.sleep(0)
        assert max(lag._late) >= 0.2
        assert lag.worst >= 0.2
    finally:
        lag.stop()


def _compute(seconds: float) -> None:
    time.sleep(seconds)
