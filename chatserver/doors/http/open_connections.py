"""Counts the TCP connections that are open, whatever comes over them: of one address, and in all."""

import time
from collections import Counter

from chatserver.core.logging import get_logger

_log = get_logger(__name__)

# One line is enough to know what is going on, however many are refused meanwhile (s).
_SAY_EVERY = 60.0


class OpenConnections:
    """Counts connections from when they are accepted: half a request's head counts as much as a session.

    Args:
        most: of the process.
        most_per_address: of one address (see `network_of`); 0 is any number.
    """

    def __init__(self, *, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._of: Counter[str] = Counter()
        self._said_at = float("-inf")
        self.count = 0
        # How many were refused.
        self.refused = 0

    def enter(self, network: str | None) -> bool:
        """Count a connection, unless it is one too many; None is of no address, such as a Unix socket's."""
        if self.count >= self._most:
            self._refuse("MAX_SOCKETS")
            return False
        if network is not None:
            if self._most_per_address and self._of[network] >= self._most_per_address:
                self._refuse("MAX_SOCKETS_PER_IP")
                return False
            self._of[network] += 1
        self.count += 1
        return True

    def leave(self, network: str | None) -> None:
        """Count a connection no longer."""
        self.count -= 1
        if network is not None:
            self._of[network] -= 1
            if not self._of[network]:
                del self._of[network]

    def _refuse(self, limit: str) -> None:
        self.refused += 1
        now = time.monotonic()
        if now - self._said_at >= _SAY_EVERY:
            self._said_at = now
            _log.warning("connections are refused", limit=limit, refused=self.refused)
