"""How much the garbage collector looks at in one go."""

from chatserver.ops.garbage import OFTEN, RARELY, Pace, Thresholds


class _Collector:
    """Looks at objects, each time for as long as it is told (ms), and says what is chosen by then."""

    def __init__(self) -> None:
        self._now = 0.0
        self._chosen: Thresholds | None = None
        self._pace = Pace(self._choose, lambda: self._now)

    def _choose(self, *thresholds: int) -> None:
        first, second, third = thresholds
        self._chosen = first, second, third

    def look(self, milliseconds: float, generation: int = 0) -> Thresholds | None:
        self._pace("start", {"generation": generation})
        self._now += milliseconds / 1000
        self._pace("stop", {"generation": generation})
        return self._chosen


def test_long_looks_become_short_ones() -> None:
    """After a look that took long less is looked at in one go, until little is found to be there."""
    collector = _Collector()
    assert collector.look(4) == RARELY
    assert collector.look(20, generation=1) == OFTEN
    assert collector.look(3) == OFTEN
    assert collector.look(0.5) == RARELY
    assert collector.look(3) == RARELY


def test_a_look_at_the_oldest_says_nothing_of_the_youngest() -> None:
    """However long the oldest objects are looked at, nothing else is looked at more or less often."""
    collector = _Collector()
    assert collector.look(300, generation=2) == RARELY
    collector.look(20)
    assert collector.look(0, generation=2) == OFTEN
