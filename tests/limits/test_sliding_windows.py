"""Windows that slide: what is counted, for how long, and how much is remembered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.limits import store as limits_store
from chatserver.limits.store import LocalLimits, RateLimit
from tests.support.limits import Clock

_RULE = RateLimit(name="test", most=5, seconds=60)
# Seconds that pass before each use, and how often it is used then.
_PACES = st.lists(
    st.tuples(st.floats(0, 40, allow_subnormal=False), st.integers(1, 8)), min_size=1, max_size=40
)


@given(_PACES, st.data())
def test_never_more_and_honest(paces: list[tuple[float, int]], data: st.DataObject) -> None:
    """In no stretch of a window's length there are more uses than allowed, and a wait is as long as is said."""
    clock = Clock()
    meter = LocalLimits(clock).meter(_RULE)
    taken: list[float] = []
    for pause, times in paces:
        clock.now += pause
        for _ in range(times):
            wait = meter.take("ann")
            if not wait:
                taken.append(clock.now)
                continue
            assert 0 < wait <= _RULE.seconds
            assert meter.wait("ann") == wait
            if data.draw(st.booleans()):
                clock.now += wait
                assert meter.take("ann") == 0
                taken.append(clock.now)
    for start in taken:
        # A hair less than the window: what is exactly as old as it is over.
        within = [at for at in taken if start <= at < start + _RULE.seconds - 1e-6]
        assert len(within) <= _RULE.most


@given(_PACES)
def test_not_much_less(paces: list[tuple[float, int]]) -> None:
    """Who was refused nothing for a window and a sixtieth of it has all of it again."""
    clock = Clock()
    meter = LocalLimits(clock).meter(_RULE)
    for pause, times in paces:
        clock.now += pause
        for _ in range(times):
            meter.take("ann")
    clock.now += _RULE.seconds * 61 / 60
    assert [meter.take("ann") for _ in range(5)] == [0] * 5
    assert meter.take("ann") > 0


def test_each_has_their_own() -> None:
    """What one uses costs nobody else."""
    meter = LocalLimits(Clock()).meter(_RULE)
    assert [meter.take("ann") > 0 for _ in range(6)] == [False] * 5 + [True]
    assert meter.take("bob") == 0


def test_a_higher_ceiling() -> None:
    """One count, two ceilings: what is past the lower one is within the higher one until that is reached."""
    meter = LocalLimits(Clock()).meter(_RULE)
    assert [meter.take("ann", 10) > 0 for _ in range(11)] == [False] * 10 + [True]
    assert meter.take("ann") > 0


def test_the_lower_ceiling_takes_longer() -> None:
    """Past the higher ceiling, whoever has the lower one waits until enough of the uses are over for that."""
    clock = Clock()
    meter = LocalLimits(clock).meter(_RULE)
    for _ in range(10):
        assert meter.take("ann", 10) == 0
        clock.now += 2
    assert meter.take("ann", 10) == pytest.approx(40)
    assert meter.take("ann") == pytest.approx(50)


def test_who_is_idle_is_forgotten() -> None:
    """Nothing is kept of who was not seen for two windows, however many come meanwhile."""
    clock = Clock()
    meter = LocalLimits(clock).meter(_RULE)
    for number in range(1000):
        meter.take(f"guest-{number}")
        clock.now += 0.3
    assert len(list(meter.windows())) <= 2 * _RULE.seconds / 0.3
    clock.now += 60
    meter.take("ann")
    clock.now += 60
    meter.take("ann")
    assert [window.who for window in meter.windows()] == ["ann"]


def test_a_crowd_of_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come within one window, memory has an end: those seen longest ago are forgotten first."""
    monkeypatch.setattr(limits_store, "_MOST_WINDOWS", 10)
    meter = LocalLimits(Clock()).meter(_RULE)
    for number in range(1000):
        meter.take("ann")
        meter.take(f"guest-{number}")
        assert len(list(meter.windows())) <= 20
    assert meter.take("ann") > 0


def test_one_that_counts_as_several() -> None:
    """A use that counts as several must fit as a whole; one that never could takes all there is."""
    clock = Clock()
    meter = LocalLimits(clock).meter(_RULE)
    assert meter.take("ann", count=3) == 0
    clock.now += 10
    assert meter.wait("ann", count=3) == meter.take("ann", count=3) == 50
    assert meter.take("ann", count=2) == 0
    assert meter.take("ann") == 50
    assert meter.take("bob", count=1_000) == 0
    assert meter.take("bob") == 60
    clock.now += 60
    assert meter.take("bob", count=1_000) == 0
    assert meter.take("eve", most=10, count=6) == meter.take("eve", most=10, count=4) == 0
    assert meter.take("eve", most=10) == 60
