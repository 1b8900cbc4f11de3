"""The deadlines of all sessions."""

from chatserver.core.deadlines import Due, Dues

__all__ = ["Due", "Dues", "SessionDeadlines"]

# A client that does not read what is left for it, or does not hang up, is cut off after so many seconds.
_FAREWELL = 5.0
# A client that has pushes to prove is pinged as often (s).
_PROOF = 1.0


class SessionDeadlines:
    """The deadlines of sessions: seconds until a ping, for its pong, and for a CONNECT."""

    def __init__(self, *, ping: float, pong: float, connect: float) -> None:
        self.ping = Dues(ping)
        self.pong = Dues(pong)
        self.connect = Dues(connect)
        # For a client to read what is left for it, and to hang up.
        self.farewell = Dues(_FAREWELL)
        # From one ping until the next that is sent because of a push.
        self.proof = Dues(_PROOF)
