"""How much Python's garbage collector looks at in one go, and how often."""

import gc
import time
from collections.abc import Callable, Mapping

Thresholds = tuple[int, int, int]

# Where next to nothing of what was made is still there: a command's objects go by themselves.
RARELY: Thresholds = (20_000, 1, 50)
# Where most of it is: that of clients who come back by thousands. The oldest are looked at as often as above.
OFTEN: Thresholds = (5_000, 1, 200)
# How long a look at the younger objects may take, and what it takes at most where little is still there (s).
_LONG = 0.01
_SHORT = 0.0015


class Pace:
    """Has little looked at in one go where a look takes long: everybody is held up by it.

    Args:
        choose: sets the thresholds.
        clock: what this thread has used of the processor (s).
    """

    def __init__(
        self, choose: Callable[[int, int, int], None], clock: Callable[[], float] = time.thread_time
    ) -> None:
        self._choose = choose
        self._clock = clock
        self._began = 0.0
        self._often = False
        choose(*RARELY)

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        """Hear of a look's start and stop: see `gc.callbacks`."""
        if phase == "start":
            self._began = self._clock()
        elif info["generation"] < 2:  # the oldest take long whatever was made last
            took = self._clock() - self._began
            often = took > _LONG or (self._often and took > _SHORT)
            if often is not self._often:
                self._often = often
                self._choose(*(OFTEN if often else RARELY))


def settle_garbage() -> None:
    """Keep what was made at the start out of the collector's sight, and have it look less often at the rest.

    By default it looks at the youngest objects after every 700 that are made, and a command makes a hundred; what
    it finds there is next to nothing, since what is made for a command goes by itself, and what a connection
    leaves too. That keeps some 80 objects, and looking at 100,000 in one go holds up everybody for 50 ms; so
    little is looked at in one go, and the oldest seldom, for what the libraries may leave elsewhere: after some
    2.5 million objects more. Several thousand clients who come back at once make fewer, and looking at those of
    2,000 in the middle of that held up everybody for a quarter of a second.
    """
    gc.collect()
    gc.freeze()
    gc.callbacks.append(Pace(gc.set_threshold))
