"""Where a client stands in the whole log: one string for its connection, and the id that it is bound to.

An offset is ``<epoch>.<pg_snapshot>``: the snapshot through which a process had handed everything on.
Transactions commit out of order, so no counter could say it: what a client missed is what is not visible
in its snapshot (PostgreSQL, "Transaction ID and Snapshot Information Functions").
"""

import base64
import hmac
import re
import secrets
from dataclasses import dataclass
from itertools import pairwise

from chatserver.crypto import Vault

# A snapshot lists the transactions that were running: some hundreds at the very most.
_LONGEST = 16_384
_OFFSET = re.compile(
    r"(\d{1,20}-\d{1,10}-\d{1,10})\.(\d{1,19}):(\d{1,19}):((?:\d{1,19},)*\d{1,19})?\Z"
)
_RANDOM_BYTES = 9


@dataclass(frozen=True, slots=True)
class Offset:
    """A position in the history named ``epoch``; ``snapshot`` is a pg_snapshot as text."""

    epoch: str
    snapshot: str

    def __str__(self) -> str:
        return f"{self.epoch}.{self.snapshot}"


def parse_offset(text: object) -> Offset | None:
    """An offset that a client sent, or None where it is none.

    Only what PostgreSQL would read as a pg_snapshot passes: xmin ≤ xmax, the list ascending and between them.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    match = _OFFSET.match(text)
    if match is None:
        return None
    epoch, low, high, running = match.groups()
    xmin, xmax = int(low), int(high)
    listed = [int(xid) for xid in running.split(",")] if running else []
    ascending = all(a < b for a, b in pairwise(listed))
    if not (0 < xmin <= xmax < 2**63 and ascending and all(xmin <= x < xmax for x in listed)):
        return None
    return Offset(epoch, f"{xmin}:{xmax}:{','.join(map(str, listed))}")


class Pids:
    """The ids that bind a recoverable session to its user: random, and an HMAC over it and the user's id."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def new(self, user_id: str) -> str:
        """An id for a user's session."""
        random = secrets.token_bytes(_RANDOM_BYTES)
        return _text(random + self._vault.fingerprint(b"pid", user_id.encode(), random))

    def belongs(self, pid: object, user_id: str) -> bool:
        """Whether an id is one of the user's."""
        if not isinstance(pid, str) or len(pid) > 64 or not pid.isascii():
            return False
        try:
            raw = base64.urlsafe_b64decode(pid + "=" * (-len(pid) % 4))
        except ValueError:
            return False
        random, mac = raw[:_RANDOM_BYTES], raw[_RANDOM_BYTES:]
        # One spelling per id: base64 would let stray bits and characters through.
        return hmac.compare_digest(_text(raw), pid) and self._vault.same_fingerprint(
            mac, b"pid", user_id.encode(), random
        )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
