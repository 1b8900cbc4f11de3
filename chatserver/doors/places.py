"""How many clients there are from one address."""

from collections import Counter

from chatserver.errors import ChatError, ErrorCode

# Whoever hangs up makes room at once.
_RETRY_AFTER = 5


class Places:
    """Gives each address at most `most` places in this process; 0 is any number.

    Other processes count for themselves: were theirs counted here, those of one that crashed would keep its
    clients, who come here, from being let in.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._network_of_sid: dict[str, str] = {}
        self._taken: Counter[str] = Counter()

    def enter(self, sid: str, network: str) -> None:
        """Take a place of a `network_of` an address.

        Raises:
            ChatError: MAX_CONNECTIONS_EXCEEDED
        """
        if not self._most:
            return
        if self._taken[network] >= self._most:
            raise ChatError(
                code=ErrorCode.MAX_CONNECTIONS_EXCEEDED,
                message="Connection limit exceeded",
                details="There are too many connections from your address.",
                retry_after=_RETRY_AFTER,
            )
        self._taken[network] += 1
        self._network_of_sid[sid] = network

    def leave(self, sid: str) -> None:
        """Give the place back, if there is one."""
        if network := self._network_of_sid.pop(sid, None):
            self._taken[network] -= 1
            if not self._taken[network]:
                del self._taken[network]
