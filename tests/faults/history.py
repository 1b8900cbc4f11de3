"""What every client saw, written down as it happened."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.faults.postgres import now


@dataclass(slots=True)
class Send:
    """One message that a client wants sent, however often it takes."""

    sender: str
    conversation: str
    client_message_id: str
    is_acked: bool = False


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody begins to send a message."""

    sender: str
    conversation: str
    client_message_id: str


@dataclass(frozen=True, slots=True)
class Acked:
    """A message is durable, says the server; its id and its seq are None at doors that do not say them."""

    device: str
    send: Began
    message_id: str | None
    seq: int | None


@dataclass(frozen=True, slots=True)
class Entered:
    """A device is on again; it forgets what it had of the conversations that it was told to reload."""

    device: str
    forgets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pushed:
    """A durable push came; `message_id` is None where it is not about a new message."""

    device: str
    conversation: str
    seq: int | None
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A device asks for messages of a conversation, up to the newest."""

    device: str
    conversation: str


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A device has loaded a conversation's messages anew, having asked for them some time before."""

    asked: Asked
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The answer, with the seq of the newest message; 0 where there is none."""

    asked: Asked
    seq: int


Step = Began | Acked | Entered | Pushed | Reloaded | Asked | Shown


@dataclass(slots=True)
class History:
    """All that befell all clients, in the order in which it did. Times are those of `now`."""

    steps: list[Step] = field(default_factory=list)
    sends: dict[str, Send] = field(default_factory=dict)
    # What a device has by now: seqs, and ids where its door says no seqs.
    held: dict[tuple[str, str], set[int | str]] = field(default_factory=lambda: defaultdict(set))
    refusals: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    slowest_answer: float = 0.0
    slowest_receipt: float = 0.0
    longest_silence: float = 0.0
    _last_ack: float = 0.0
    _acked_at: dict[str, float] = field(default_factory=dict)
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

    def began(self, send: Send) -> None:
        """A client wants a message sent."""
        self.sends[send.client_message_id] = send
        self.steps.append(_began(send))

    def acked(self, device: str, send: Send, message_id: str | None, seq: int | None) -> None:
        """A message is durable, says the server."""
        send.is_acked = True
        if message_id is not None:
            self._acked_at[message_id] = now()
        if device.endswith("~") and message_id is not None:
            # Its answer is all that it has of it.
            self.held[device, send.conversation].add(message_id)
        self.steps.append(Acked(device, _began(send), message_id, seq))
        self._silent_until_now()
        self.changed.set()

    def entered(self, device: str, forgets: Iterable[str] = ()) -> None:
        """A device is on again, and forgets what it had of some conversations."""
        step = Entered(device, tuple(forgets))
        self.steps.append(step)
        for conversation in step.forgets:
            self.held[device, conversation].clear()

    def pushed(
        self,
        device: str,
        conversation: str,
        seq: int | None,
        message_id: str | None,
        *,
        live: bool,
    ) -> None:
        """A durable push came; `live`: not in a replay."""
        self.steps.append(Pushed(device, conversation, seq, message_id))
        found = message_id if seq is None else seq
        assert found is not None
        self.held[device, conversation].add(found)
        if live and message_id is not None and (acked_at := self._acked_at.get(message_id)):
            self.slowest_receipt = max(self.slowest_receipt, now() - acked_at)
        self.changed.set()

    def reloaded(self, asked: Asked, messages: Sequence[tuple[str, int | None]]) -> None:
        """A device has loaded a conversation anew: ids of its messages, oldest first, with their seqs."""
        self.steps.append(Reloaded(asked, tuple(message_id for message_id, _ in messages)))
        held = self.held[asked.device, asked.conversation]
        last = messages[-1][1] if messages else 0
        if last is None:
            held.update(message_id for message_id, _ in messages)
        else:
            # What lies between is no message, and is in what is shown of them.
            held.update(range(1, last + 1))
        self.changed.set()

    def asks(self, device: str, conversation: str) -> Asked:
        """A device asks for messages of a conversation, up to the newest."""
        asked = Asked(device, conversation)
        self.steps.append(asked)
        return asked

    def shown(self, asked: Asked, seq: int) -> None:
        """The answer came."""
        self.steps.append(Shown(asked, seq))

    def unacked(self) -> list[Send]:
        """What the server has not taken on yet."""
        return [send for send in self.sends.values() if not send.is_acked]

    def _silent_until_now(self) -> None:
        if self._last_ack:
            self.longest_silence = max(self.longest_silence, now() - self._last_ack)
            self._last_ack = now()


def _began(send: Send) -> Began:
    return Began(send.sender, send.conversation, send.client_message_id)
