"""The deadlines of all sessions: a queue for each kind, instead of a timer for each session."""

from collections.abc import Callable

from chatserver.deadlines import Deadlines

# A client that does not read what is left for it, or does not hang up, is cut off after so many seconds.
_FAREWELL = 5.0


class Due:
    """What is done after a while, unless it is settled before."""

    __slots__ = ("_act",)

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    @property
    def settled(self) -> bool:
        """Whether nothing is to be done any more."""
        return self._act is None

    def settle(self) -> None:
        """Do nothing; whoever would have done it may be forgotten."""
        self._act = None

    def expire(self) -> None:
        """It is time."""
        act, self._act = self._act, None
        if act is not None:
            act()


class Dues:
    """Those of one kind, all `seconds` after they are set."""

    def __init__(self, seconds: float) -> None:
        self._deadlines = Deadlines(seconds)

    def set(self, act: Callable[[], None]) -> Due:
        """Have something done."""
        due = Due(act)
        self._deadlines.watch(due)
        return due


class SessionDeadlines:
    """Args: seconds until a ping, for its pong, and for a CONNECT."""

    def __init__(self, *, ping: float, pong: float, connect: float) -> None:
        self.ping = Dues(ping)
        self.pong = Dues(pong)
        self.connect = Dues(connect)
        # For a client to read what is left for it, and to hang up.
        self.farewell = Dues(_FAREWELL)
