"""Signs what our processes say to each other through Redis, and tells whether others are our processes.

A message is what is said behind a line about who said it:

    <sender>.<number>.<time>.<mac>\\n…

``mac`` is keyed BLAKE2b (RFC 7693) over all but itself. Its key is derived from ``CHAT_ENCRYPTION_KEY`` for one
history of the database (`bell_keys`), so a message means nothing beside another database, or after a restore. A
recorded message is worth nothing either: the ``number`` of a sender only grows, and ``time`` (milliseconds since
1970) is at most a minute from the reader's clock. A sender is a process on one way to Redis (a *lane*), on which
what is said comes in its order.
"""

import hmac
import re
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from hashlib import blake2b

from chatserver.core.crypto import Vault

# Seconds. More than clocks differ and a message is under way; doctor tells of worse clocks.
WINDOW = 60.0
# Our processes' lanes that were heard of lately; nobody else gets into the list.
_MOST_SENDERS = 2_000
_HEADER = re.compile(rb"([0-9a-f]{32})\.(\d{1,16})\.(\d{1,14})\.([0-9a-f]{32})\n")
_MAC = 32
# The digits of a sender that are its lane.
_LANE = 4


class Origin(Enum):
    """Who sent a message."""

    OURSELVES = auto()
    FELLOW = auto()
    # What one of our processes said to several channels at once was heard on another one just before.
    AGAIN = auto()
    # It is from none of our processes, or it was heard before.
    REFUSED = auto()


def bell_keys(vault: Vault, channel: str, epoch: str) -> tuple[bytes, ...]:
    """Return the keys of our messages, the one that signs first, for one history of the database."""
    return vault.derive(b"bell", channel.encode(), epoch.encode())


class BellSeal:
    """Signs the messages of process `host_id` (32 hex digits), and tells whose others are.

    Args:
        keys: the first signs; all are accepted (`CHAT_ENCRYPTION_KEY_PREVIOUS`).
    """

    def __init__(
        self, keys: Sequence[bytes], host_id: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._states = [blake2b(key=key, digest_size=_MAC // 2) for key in keys]
        self._host = host_id[:-_LANE].encode()
        self._clock = clock
        self._numbers: dict[int, int] = {}
        # The last number and time of each sender.
        self._heard: dict[bytes, tuple[int, float]] = {}

    def sign(self, said: bytes, lane: int = 0) -> bytes:
        """Return what is said as a message on one of this process' lanes."""
        number = self._numbers[lane] = self._numbers.get(lane, 0) + 1
        who = b"%b%04x.%d.%d" % (self._host, lane, number, int(self._clock() * 1000))
        return b"%b.%b\n%b" % (who, self._mac(0, who, said), said)

    def origin(self, raw: bytes) -> tuple[Origin, bytes]:
        """Return who sent a message, and what it says. Each of our own counts only once.

        What claims to be our own, or said again, is not looked at any further: it is not heeded.
        """
        if raw.startswith(self._host):
            return Origin.OURSELVES, b""
        header = _HEADER.match(raw)
        if header is None:
            return Origin.REFUSED, b""
        sender, number, mac = header[1], int(header[2]), header[4]
        now = self._clock()
        before = self._heard.get(sender, (0, 0.0))[0]
        if number == before:
            return Origin.AGAIN, b""
        if abs(now - int(header[3]) / 1000) > WINDOW or number < before:
            return Origin.REFUSED, b""
        who, said = raw[: header.start(4) - 1], raw[header.end() :]
        for which in range(len(self._states)):
            if hmac.compare_digest(mac, self._mac(which, who, said)):
                self._note(sender, number, now)
                return Origin.FELLOW, said
        return Origin.REFUSED, b""

    def _mac(self, which: int, who: bytes, said: bytes) -> bytes:
        # A copy of a keyed state takes half the time of a new one.
        state = self._states[which].copy()
        state.update(who)
        state.update(b"\n")
        state.update(said)
        return state.hexdigest().encode()

    def _note(self, sender: bytes, number: int, now: float) -> None:
        if sender not in self._heard and len(self._heard) >= _MOST_SENDERS:
            # What these have said can't be said again by now: it is too old. (Or they are more than anybody runs.)
            fresh = {s: last for s, last in self._heard.items() if now - last[1] <= 2 * WINDOW}
            self._heard = fresh if len(fresh) < _MOST_SENDERS else {}
        self._heard[sender] = (number, now)
