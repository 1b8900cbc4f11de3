"""Counts how much of each limit was used: in this process, or through Redis in several (`limits.redis`).

Each decision is made here and now, from what this process knows: no limit ever waits for anybody.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

Sharing = Literal["never", "heavy", "always"]
Clock = Callable[[], float]

# Uses that come within this part of a window are counted, and forgotten, together with the last of them.
_GRAIN = 60
# A meter remembers at most twice as many; hostile addresses could be any number.
_MOST_WINDOWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `most` uses in any `seconds`.

    `sharing`: what other processes are told of: all uses, those of people who have used a quarter of it, or none.
    """

    name: str
    most: int
    seconds: float
    sharing: Sharing = "never"


class Window:
    """What one user (or address) used of a rule lately: `here`, and `elsewhere` as far as is known.

    A sliding window: a use counts for the rule's seconds and up to a sixtieth more, never less. Where it is
    shared: `changed` since the other processes were told, which was `asked`; `queued`: when they are told again.
    """

    __slots__ = (
        "_others",
        "_runs",
        "asked",
        "changed",
        "elsewhere",
        "here",
        "queued",
        "rule",
        "who",
    )

    def __init__(self, rule: RateLimit, who: str) -> None:
        self.rule = rule
        self.who = who
        self.here = 0
        self.elsewhere = 0
        self.changed = False
        self.asked = -math.inf
        self.queued: Literal["no", "later", "soon"] = "no"
        # [first, last, count] of uses close to each other, and (when forgotten, count); oldest first. There are
        # some tens at most, and in nearly all windows a few: a deque would take 600 bytes for none.
        self._runs: list[list[float]] = []
        self._others: list[tuple[float, int]] = []

    def forget(self, now: float) -> None:
        """Forget the uses that are older than the window."""
        runs, others, seconds = self._runs, self._others, self.rule.seconds
        # The same sum as in `wait`: rounded otherwise, what is over by the one would not be by the other.
        while runs and runs[0][1] + seconds <= now:
            self.here -= int(runs.pop(0)[2])
        while others and others[0][0] <= now:
            self.elsewhere -= others.pop(0)[1]

    def use(self, now: float, count: int = 1) -> None:
        """Count one use, or several."""
        runs = self._runs
        if runs and now - runs[-1][0] < self.rule.seconds / _GRAIN:
            runs[-1][1] = now
            runs[-1][2] += count
        else:
            # Not at every use: what is over and still counted here is a matter only for those at the limit.
            self.forget(now)
            runs.append([now, now, count])
        self.here += count

    def wait(self, now: float, most: int) -> float:
        """Return after how many seconds one more use is within `most`, if no other comes meanwhile; 0 for now."""
        over = self.here + self.elsewhere - most
        if over < 0:
            return 0.0
        seconds = self.rule.seconds
        ends = [(last + seconds, int(count)) for _, last, count in self._runs]
        for end, count in sorted([*ends, *self._others]):
            over -= count
            if over < 0:
                # Rounding may make it a little more than all of them, which would be told as a second.
                return min(seconds, end - now)
        return seconds

    def ages(self, now: float) -> list[tuple[float, int]]:
        """Return the uses in this process as pairs: how many seconds ago, and how many."""
        return [(now - last, int(count)) for _, last, count in self._runs]

    def learn(self, now: float, others: list[tuple[float, int]]) -> None:
        """Replace what is known of the uses in other processes.

        Args:
            now: the clock's time, in seconds.
            others: pairs as `ages` returns them: how many seconds ago, and how many.
        """
        seconds = self.rule.seconds
        self._others = sorted((now + seconds - age, count) for age, count in others)
        self.elsewhere = sum(count for _, count in others)
        self.forget(now)


class Meter:
    """The windows of one rule, one for each user (or address) seen lately.

    Args:
        used: called with each use.
        expected: called with those whose uses elsewhere are to be learned.
    """

    def __init__(
        self,
        rule: RateLimit,
        clock: Clock,
        used: Callable[[Window, float], None] | None = None,
        expected: Callable[[Window], None] | None = None,
    ) -> None:
        self.rule = rule
        self._clock = clock
        self._used = used
        self._expected = expected
        # Two generations: users not seen while a window's time passes are forgotten with the older one, and
        # nobody has to look through all of them.
        self._windows: dict[str, Window] = {}
        self._older: dict[str, Window] = {}
        self._turn_at = clock() + rule.seconds

    def take(self, who: str, most: int | None = None, count: int = 1) -> float:
        """Count one more use if it is within `most`, and return 0; else return after how many seconds it would be.

        Args:
            who: the user or address.
            most: how many uses are allowed; None for the rule's number.
            count: how many uses this one counts as. All of them must fit; more than `most` count as `most`.
        """
        now = self._clock()
        window = self._windows.get(who)
        if window is None or now >= self._turn_at:
            window = self._find(who, now)
        if most is None:
            most = self.rule.most
        if count > 1:
            count = min(count, most)
            most -= count - 1
        if window.here + window.elsewhere >= most:
            window.forget(now)
            if window.here + window.elsewhere >= most:
                return window.wait(now, most)
        window.use(now, count)
        if self._used is not None:
            self._used(window, now)
        return 0.0

    def charge(self, who: str, count: int) -> None:
        """Count uses that were made already, even if they exceed the limit."""
        now = self._clock()
        window = self._find(who, now)
        window.use(now, count)
        if self._used is not None:
            self._used(window, now)

    def wait(self, who: str, most: int | None = None, count: int = 1) -> float:
        """Return what `take` would, without counting."""
        now = self._clock()
        window = self._find(who, now)
        window.forget(now)
        if most is None:
            most = self.rule.most
        return window.wait(now, most - min(count, most) + 1)

    def expect(self, who: str) -> None:
        """Ask the other processes what a user or address, who is about to come, has used there."""
        if self._expected is not None:
            self._expected(self.window(who))

    def knows(self, who: str) -> bool:
        """Return whether somebody was seen lately."""
        return who in self._windows or who in self._older

    def window(self, who: str) -> Window:
        """Return somebody's window."""
        return self._find(who, self._clock())

    def windows(self) -> Iterator[Window]:
        """Yield all windows that are remembered."""
        yield from self._windows.values()
        yield from self._older.values()

    def _find(self, who: str, now: float) -> Window:
        if now >= self._turn_at or len(self._windows) >= _MOST_WINDOWS:
            self._older, self._windows = self._windows, {}
            self._turn_at = now + self.rule.seconds
        window = self._windows.get(who)
        if window is None:
            window = self._older.pop(who, None) or Window(self.rule, who)
            self._windows[who] = window
        return window


class LimitStore(Protocol):
    """Makes the meters. Processes that share a store share their uses, as far as the rules say."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes know of the uses here, and these of theirs."""

    def meter(self, rule: RateLimit) -> Meter:
        """Return the meter of a rule, which is asked for once."""

    def start(self) -> None:
        """Begin to share."""

    async def close(self) -> None:
        """Stop sharing; the meters go on alone."""


class LocalLimits:
    """For one process alone."""

    is_shared = False

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock

    def meter(self, rule: RateLimit) -> Meter:
        """See `LimitStore`."""
        return Meter(rule, self._clock)

    def start(self) -> None:
        """See `LimitStore`."""

    async def close(self) -> None:
        """See `LimitStore`."""
