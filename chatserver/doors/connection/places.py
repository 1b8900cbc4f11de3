"""Counts the clients from each address, and those of each person."""

from collections import Counter

from chatserver.core.errors import ChatError, ErrorCode
from chatserver.core.networks import PER_SITE, site_of

# A client that hangs up makes room at once.
_RETRY_AFTER = 5


class Places:
    """Gives each address and each person so many places in this process.

    Other processes count for themselves: were theirs counted here, those of one that crashed would keep its
    clients, who come here, from being let in.

    Args:
        most: of an address; 0 is any number. An IPv6 site (a /48) has 16 times as many.
        of_person: of a person; 0 is any number.
    """

    def __init__(self, most: int, of_person: int = 0) -> None:
        self._most = most
        self._of_person = of_person
        self._networks_of_sid: dict[str, tuple[str, ...]] = {}
        self._taken: Counter[str] = Counter()
        self._person_of_sid: dict[str, str] = {}
        self._seated: Counter[str] = Counter()

    def enter(self, sid: str, network: str) -> None:
        """Take a place of a `network_of` an address, unless `sid` has one.

        Raises:
            ChatError: MAX_CONNECTIONS_EXCEEDED
        """
        if not self._most or sid in self._networks_of_sid:
            return
        site = site_of(network)
        if self._taken[network] >= self._most or (
            site and self._taken[site] >= PER_SITE * self._most
        ):
            raise _refusal("There are too many connections from your address.")
        networks = (network, site) if site else (network,)
        self._taken.update(networks)
        self._networks_of_sid[sid] = networks

    def seat(self, sid: str, user_id: str) -> None:
        """Take a place of a person's.

        Raises:
            ChatError: MAX_CONNECTIONS_EXCEEDED
        """
        if not self._of_person:
            return
        if self._seated[user_id] >= self._of_person:
            raise _refusal("You have too many connections. Close another one first.")
        self._seated[user_id] += 1
        self._person_of_sid[sid] = user_id

    def leave(self, sid: str) -> None:
        """Give back the places that were taken."""
        for network in self._networks_of_sid.pop(sid, ()):
            _give_back(self._taken, network)
        if person := self._person_of_sid.pop(sid, None):
            _give_back(self._seated, person)


def _give_back(taken: Counter[str], owner: str) -> None:
    taken[owner] -= 1
    if not taken[owner]:
        del taken[owner]


def _refusal(details: str) -> ChatError:
    return ChatError(
        code=ErrorCode.MAX_CONNECTIONS_EXCEEDED,
        message="Connection limit exceeded",
        details=details,
        retry_after=_RETRY_AFTER,
    )
