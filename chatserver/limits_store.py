"""How much was used of each limit: in this process, or with Redis by several (`limits_redis`).

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
class Rule:
    """At most `most` uses in any `seconds`.

    `sharing`: what other processes are told of: everybody's uses, those of who has used a quarter of it, or none.
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

    def __init__(self, rule: Rule, who: str) -> None:
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
        """Let go of what is over."""
        runs, others, seconds = self._runs, self._others, self.rule.seconds
        # The same sum as in `wait`: rounded otherwise, what is over by the one would not be by the other.
        while runs and runs[0][1] + seconds <= now:
            self.here -= int(runs.pop(0)[2])
        while others and others[0][0] <= now:
            self.elsewhere -= others.pop(0)[1]

    def use(self, now: float) -> None:
        """Count one more."""
        runs = self._runs
        if runs and now - runs[-1][0] < self.rule.seconds / _GRAIN:
            runs[-1][1] = now
            runs[-1][2] += 1
        else:
            # Not at every use: what is over and still counted here is a matter only of who is at the limit.
            self.forget(now)
            runs.append([now, now, 1])
        self.here += 1

    def wait(self, now: float, most: int) -> float:
        """Seconds until one more is within `most`, if nothing else comes."""
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
        """The uses here: how many, how many seconds ago."""
        return [(now - last, int(count)) for _, last, count in self._runs]

    def learn(self, now: float, others: list[tuple[float, int]]) -> None:
        """The uses elsewhere: how many, how many seconds ago; in the place of what was known of them."""
        seconds = self.rule.seconds
        self._others = sorted((now + seconds - age, count) for age, count in others)
        self.elsewhere = sum(count for _, count in others)
        self.forget(now)


class Meter:
    """The windows of one rule, one for each user (or address) seen lately.

    Args:
        used: told of each use.
        expected: told whose uses elsewhere are to be learned.
    """

    def __init__(
        self,
        rule: Rule,
        clock: Clock,
        used: Callable[[Window, float], None] | None = None,
        expected: Callable[[Window], None] | None = None,
    ) -> None:
        self.rule = rule
        self._clock = clock
        self._used = used
        self._expected = expected
        # Two generations: who is not seen while a window's time passes is forgotten with the older one, and
        # nobody has to look through all of them.
        self._windows: dict[str, Window] = {}
        self._older: dict[str, Window] = {}
        self._turn_at = clock() + rule.seconds

    def take(self, who: str, most: int | None = None) -> float:
        """Count one more use, if it is within `most` (the rule's): 0, or the seconds until it would be."""
        now = self._clock()
        window = self._windows.get(who)
        if window is None or now >= self._turn_at:
            window = self._find(who, now)
        if most is None:
            most = self.rule.most
        if window.here + window.elsewhere >= most:
            window.forget(now)
            if window.here + window.elsewhere >= most:
                return window.wait(now, most)
        window.use(now)
        if self._used is not None:
            self._used(window, now)
        return 0.0

    def wait(self, who: str, most: int | None = None) -> float:
        """What `take` would answer; counts nothing."""
        now = self._clock()
        window = self._find(who, now)
        window.forget(now)
        return window.wait(now, self.rule.most if most is None else most)

    def expect(self, who: str) -> None:
        """Somebody is about to come: learn what they used elsewhere."""
        if self._expected is not None:
            self._expected(self.window(who))

    def window(self, who: str) -> Window:
        """Somebody's window."""
        return self._find(who, self._clock())

    def windows(self) -> Iterator[Window]:
        """All that are remembered."""
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
    """Gives the meters. Those of several processes that share one agree, as far as their rules say."""

    def meter(self, rule: Rule) -> Meter:
        """The meter of a rule, which is asked for once."""

    def start(self) -> None:
        """Begin to share."""

    async def close(self) -> None:
        """Share no more; the meters go on alone."""


class LocalLimits:
    """For one process alone."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock

    def meter(self, rule: Rule) -> Meter:
        """See `LimitStore`."""
        return Meter(rule, self._clock)

    def start(self) -> None:
        """See `LimitStore`."""

    async def close(self) -> None:
        """See `LimitStore`."""
