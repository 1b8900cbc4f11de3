"""Names where a client stands in the whole log: one string for its connection, and the id that it is bound to.

An offset is ``<epoch>.<pg_snapshot>``: the snapshot through which a process had handed everything on.
Transactions commit out of order, so no counter could say it: what a client missed is what is not visible
in its snapshot (PostgreSQL, "Transaction ID and Snapshot Information Functions").
"""

import base64
import hmac
import re
from dataclasses import dataclass
from itertools import pairwise

from chatserver.core.crypto import Vault
from chatserver.core.ids import random_bytes

# A snapshot lists the transactions that were running: some dozens as a rule. A client that has more has
# everything to reload, and ours never have more: see `shortened`.
MOST_RUNNING = 256
_LONGEST = 100 + 20 * MOST_RUNNING
_BEGINNING = r"([0-9]{1,20}-[0-9]{1,10}-[0-9]{1,19})\.([0-9]{1,19}):([0-9]{1,19}):"
_BEGINS = re.compile(_BEGINNING)
_OFFSET = re.compile(_BEGINNING + r"((?:[0-9]{1,19},)*[0-9]{1,19})?\Z")
_RANDOM_BYTES = 9


@dataclass(frozen=True, slots=True)
class Offset:
    """A position in the history named ``epoch``; ``snapshot`` is a pg_snapshot as text.

    It is empty where the client's snapshot lists too many transactions.
    """

    epoch: str
    snapshot: str

    def __str__(self) -> str:
        return f"{self.epoch}.{self.snapshot}"

    @property
    def is_too_long(self) -> bool:
        """Whether it lists too many transactions."""
        return not self.snapshot

    def is_after(self, snapshot: str) -> bool:
        """Return whether the offset is later than a snapshot taken now: then the history went back."""
        return int(self.snapshot.split(":")[1]) > int(snapshot.split(":")[1])


def parse_offset(text: object) -> Offset | None:
    """Read an offset that a client sent; None where it is malformed.

    Only what PostgreSQL would read as a pg_snapshot passes: xmin ≤ xmax, the list ascending and between them.
    """
    if not isinstance(text, str):
        return None
    if len(text) > _LONGEST:
        # The text may be long: only its beginning is looked at.
        begins = _BEGINS.match(text)
        return Offset(begins[1], "") if begins else None
    match = _OFFSET.match(text)
    if match is None:
        return None
    epoch, low, high, running = match.groups()
    xmin, xmax = int(low), int(high)
    listed = [int(xid) for xid in running.split(",")] if running else []
    ascending = all(a < b for a, b in pairwise(listed))
    if not (0 < xmin <= xmax < 2**63 and ascending and all(xmin <= x < xmax for x in listed)):
        return None
    # No transaction has the number 0 in any epoch of them, and PostgreSQL reads no such bound.
    if not (xmin % 2**32 and xmax % 2**32):
        return None
    if len(listed) > MOST_RUNNING:
        return Offset(epoch, "")
    return Offset(epoch, f"{xmin}:{xmax}:{','.join(map(str, listed))}")


def shortened(snapshot: str) -> str:
    """Return a snapshot that lists at most `MOST_RUNNING` transactions and shows nothing that `snapshot` does not.

    It ends before the first one that there is no room for: what is replayed from it comes twice at worst.
    """
    low, _, running = snapshot.split(":")
    listed = running.split(",")
    if len(listed) <= MOST_RUNNING:
        return snapshot
    return f"{low}:{listed[MOST_RUNNING]}:{','.join(listed[:MOST_RUNNING])}"


class Pids:
    """The ids that bind a recoverable session to its user: random, and an HMAC over it and the user's id."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def new(self, user_id: str) -> str:
        """Make an id for a user's session."""
        random = random_bytes(_RANDOM_BYTES)
        return _text(random + self._vault.fingerprint(b"pid", user_id.encode(), random))

    def belongs(self, pid: object, user_id: str) -> bool:
        """Return whether an id was made for this user."""
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
