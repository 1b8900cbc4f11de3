"""How much Python's garbage collector looks at in one go, and how often."""

import gc
import time
from collections.abc import Callable, Mapping

# How many objects more there are before the youngest are looked at: where next to nothing of what was made is
# still there, since a command's objects go by themselves; and where most of it is, as that of clients who come
# back by thousands.
RARELY = 20_000
OFTEN = 1_000
# Those that were looked at once are looked at again in every second look at the youngest.
_YOUNGER = 1
# After about so many objects more the oldest are looked at, too.
_OLDEST = 2_000_000
# How long a look at the younger objects may take, and what it takes at most where little is still there (s).
_LONG = 0.003
_SHORT = 0.0005
# So many short looks, one after the other, say that it is calm again: among long ones, some are short.
_CALM = 32


class Pace:
    """Has little looked at in one go where a look takes long: everybody is held up by it.

    Args:
        choose: sets the thresholds of the three generations.
        counts: what the collector has counted of each since it was looked at.
        clock: what this thread has used of the processor (s).
    """

    def __init__(
        self,
        choose: Callable[[int, int, int], None],
        counts: Callable[[], tuple[int, int, int]] = gc.get_count,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._choose = choose
        self._counts = counts
        self._clock = clock
        self._began = 0.0
        self._youngest = RARELY
        self._short_looks = 0
        # About how many objects have grown old since the oldest were looked at.
        self._aged = 0
        self._set()

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        """Hear of a look's start and stop: see `gc.callbacks`."""
        if phase == "start":
            self._began = self._clock()
        elif info["generation"] == 2:  # the oldest take long whatever was made last
            self._aged = 0
            self._set()
        else:
            if info["generation"] == 1:
                self._aged += self._in_a_look
            self._heed(self._clock() - self._began)

    def _heed(self, took: float) -> None:
        """Choose anew after a look at the younger objects that took so many seconds."""
        self._short_looks = self._short_looks + 1 if took <= _SHORT else 0
        if took > _LONG and self._youngest != OFTEN:
            self._youngest = OFTEN
            self._set()
        elif self._short_looks >= _CALM and self._youngest != RARELY:
            self._youngest = RARELY
            self._set()

    @property
    def _in_a_look(self) -> int:
        """About how many objects grow old by one look at the younger ones."""
        return self._youngest * (_YOUNGER + 1)

    def _set(self) -> None:
        # The collector counts looks, and those of before were at more objects, or at fewer.
        left = max(_OLDEST - self._aged, 0) // self._in_a_look
        self._choose(self._youngest, _YOUNGER, self._counts()[2] + left)


def settle_garbage() -> None:
    """Keep what was made at the start out of the collector's sight, and have it look less often at the rest.

    By default it looks at the youngest objects after every 700 that are made, and a command makes a hundred; what
    it finds there is next to nothing, since what is made for a command goes by itself, and what a connection
    leaves too. That keeps some 80 objects, and looking at 100,000 in one go holds up everybody for 50 ms; so
    little is looked at in one go, and the oldest seldom, for what the libraries may leave elsewhere: after some
    two million objects more. Several thousand clients who come back at once make fewer, and looking at those of
    2,000 in the middle of that held up everybody for a quarter of a second.
    """
    gc.collect()
    gc.freeze()
    gc.callbacks.append(Pace(gc.set_threshold))
