"""How much the garbage collector looks at in one go."""

from chatserver.ops.garbage import OFTEN, RARELY, Pace


class _Collector:
    """Looks at objects, each time for as long as it is told (ms), and says what is chosen by then."""

    def __init__(self) -> None:
        self._now = 0.0
        self._looks = 0
        self._thresholds = (0, 0, 0)
        self._pace = Pace(self._choose, lambda: (0, 0, self._looks), lambda: self._now)

    def _choose(self, *thresholds: int) -> None:
        first, second, third = thresholds
        self._thresholds = first, second, third

    def look(self, milliseconds: float, generation: int = 0) -> int:
        """Look at a generation. Returns how many objects more make it look at the youngest again."""
        self._pace("start", {"generation": generation})
        self._now += milliseconds / 1000
        self._looks = 0 if generation == 2 else self._looks + generation
        self._pace("stop", {"generation": generation})
        return self._thresholds[0]

    @property
    def until_the_oldest(self) -> int:
        """About how many objects more make it look at the oldest."""
        youngest, younger, oldest = self._thresholds
        return youngest * (younger + 1) * (oldest - self._looks)


def test_long_looks_become_short_ones() -> None:
    """After a look that took long less is looked at in one go, until little has been found for a while."""
    collector = _Collector()
    assert collector.look(2) == RARELY
    assert collector.look(20, generation=1) == OFTEN
    for _ in range(31):
        assert collector.look(0.1) == OFTEN
    assert collector.look(1) == OFTEN
    for _ in range(31):
        assert collector.look(0.1) == OFTEN
    assert collector.look(0.1) == RARELY
    assert collector.look(2) == RARELY


def test_a_look_at_the_oldest_says_nothing_of_the_youngest() -> None:
    """However long the oldest objects are looked at, nothing else is looked at more or less often."""
    collector = _Collector()
    assert collector.look(300, generation=2) == RARELY
    collector.look(20)
    assert collector.look(0, generation=2) == OFTEN


def test_the_oldest_are_looked_at_after_as_many_objects_however_many_looks_that_takes() -> None:
    """Many looks at few objects bring the look at the oldest no nearer than few looks at many."""
    collector = _Collector()
    whole = collector.until_the_oldest
    collector.look(20, generation=1)
    for _ in range(100):
        collector.look(1, generation=1)
    aged = 2 * (RARELY + 100 * OFTEN)
    # One look more or less.
    assert abs(collector.until_the_oldest - (whole - aged)) <= 2 * RARELY
    while collector.look(0.1) == OFTEN:
        pass
    assert abs(collector.until_the_oldest - (whole - aged)) <= 2 * RARELY
    collector.look(300, generation=2)
    assert collector.until_the_oldest == whole
