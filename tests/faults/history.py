"""What every client saw, written down as it happened."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.faults.postgres import now


@dataclass(slots=True)
class Send:
    """One message that a client wants sent, however often it takes."""

    sender: str
    conversation: str
    client_message_id: str
    # Each ack's (message id, seq): a second one is another message if it differs.
    acks: set[tuple[str, int]] = field(default_factory=set)
    acked_at: float = 0.0


@dataclass(slots=True)
class History:
    """All clients' sends, acks and receipts. Times are those of `now`."""

    sends: dict[str, Send] = field(default_factory=dict)
    # (device, conversation) → (seq, message id or None) in the order of arrival.
    receipts: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    slowest_answer: float = 0.0
    slowest_receipt: float = 0.0
    longest_silence: float = 0.0
    _last_ack: float = 0.0
    _acked_at: dict[tuple[str, int], float] = field(default_factory=dict)
    # Woken by every receipt and every ack.
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def load_begins(self) -> None:
        """From now on silence counts."""
        self._last_ack = now()

    def load_ends(self) -> None:
        """Silence does not count any more."""
        self._silent_until_now()
        self._last_ack = 0.0

    def answered(self, took: float) -> None:
        """An attempt was answered, with whatever."""
        self.slowest_answer = max(self.slowest_answer, took)

    def acked(self, send: Send, message_id: str, seq: int) -> None:
        """A message is durable, says the server."""
        send.acks.add((message_id, seq))
        send.acked_at = now()
        self._acked_at[send.conversation, seq] = send.acked_at
        self._silent_until_now()
        self.changed.set()

    def received(self, device: str, conversation: str, seq: int, *, live: bool) -> None:
        """A durable push came; `live`: not in a replay."""
        self.receipts[device, conversation].append(seq)
        if live and (acked_at := self._acked_at.get((conversation, seq))):
            self.slowest_receipt = max(self.slowest_receipt, now() - acked_at)
        self.changed.set()

    def unacked(self) -> list[Send]:
        """What the server has not taken on yet."""
        return [send for send in self.sends.values() if not send.acks]

    def _silent_until_now(self) -> None:
        if self._last_ack:
            self.longest_silence = max(self.longest_silence, now() - self._last_ack)
            self._last_ack = now()
