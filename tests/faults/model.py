"""Judges a history: whether one correct server could have shown all of it, given what the database holds.

The model is what the server promises: each conversation is one sequence of events; a message is in it once, at the
place that everybody is told; what was acked stays; nobody's view of it goes back; and each device is given it in
its order, each event once to a connection.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.history import Acked, Asked, Began, Entered, Pushed, Reloaded, Shown, Step

Kind = Literal[
    "lost",
    "doubled",
    "gaps",
    "phantom",
    "two orders",
    "disorder",
    "repeated",
    "stale",
    "missed",
    "trespass",
]


@dataclass(frozen=True, slots=True)
class Row:
    """A message in the database."""

    message_id: str
    conversation: str
    seq: int
    sender: str
    client_message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the database holds in the end.

    Args:
        last: where each conversation stands.
        logged: the seqs of each conversation's events.
        members: (conversation, user) → intervals of seqs, from joined to left.
    """

    rows: Sequence[Row]
    last: Mapping[str, int]
    logged: Mapping[str, Sequence[int]]
    members: Mapping[tuple[str, str], Sequence[tuple[int, int | None]]]


@dataclass(slots=True)
class _View:
    """What one device has of one conversation."""

    seen: set[int] = field(default_factory=set)
    highest: int = 0
    # By the connection that it has now.
    came: set[int] = field(default_factory=set)
    # The newest message that it knows of, by its acks too.
    newest: int = 0


class Model:
    """Takes the steps of a history one by one; `violations` counts what no correct server shows.

    Args:
        owners: each device's user.
    """

    def __init__(self, stored: Stored, owners: Mapping[str, str]) -> None:
        self.violations: Counter[Kind] = Counter()
        self._stored = stored
        self._owners = owners
        self._by_id = {row.message_id: row for row in stored.rows}
        self._by_send = {
            Began(row.sender, row.conversation, row.client_message_id): row for row in stored.rows
        }
        self._messages: dict[str, set[int]] = defaultdict(set)
        # Whose place in the order is claimed: by the database, an ack or a push.
        self._at: dict[tuple[str, int], str] = {}
        self._views: dict[tuple[str, str], _View] = defaultdict(_View)
        # Highest acked seq of each conversation; what it was when a send began, or a look.
        self._acked: dict[str, int] = defaultdict(int)
        self._floors: dict[Began, int] = {}
        self._looks: dict[int, int] = {}
        self._acks: dict[Began, set[str]] = defaultdict(set)
        for row in stored.rows:
            self._messages[row.conversation].add(row.seq)
            self._claim(row.conversation, row.seq, row.message_id)

    def _claim(self, conversation: str, seq: int, message_id: str) -> None:
        if self._at.setdefault((conversation, seq), message_id) != message_id:
            self.violations["two orders"] += 1

    def take(self, step: Step) -> None:
        """Judge the next step by all that came before it."""
        match step:
            case Began():
                self._floors.setdefault(step, self._acked[step.conversation])
            case Acked():
                self._take_ack(step)
            case Entered():
                self._take_entry(step)
            case Pushed():
                self._take_push(step)
            case Reloaded():
                self._take_reload(step)
            case Asked():
                self._looks[id(step)] = self._views[step.device, step.conversation].newest
            case Shown():
                self.violations["stale"] += step.seq < self._looks.pop(id(step.asked))

    def _take_ack(self, step: Acked) -> None:
        send = step.send
        row = (
            self._by_send.get(send) if step.message_id is None else self._by_id.get(step.message_id)
        )
        is_stored = (
            row is not None
            and (row.conversation, row.sender, row.client_message_id)
            == (send.conversation, send.sender, send.client_message_id)
            and step.seq in (None, row.seq)
        )
        if not is_stored:
            self.violations["lost"] += 1
        message_id = row.message_id if row is not None else step.message_id
        seq = row.seq if row is not None and step.seq is None else step.seq
        if message_id is None or seq is None:
            return
        acks = self._acks[send]
        self.violations["doubled"] += bool(acks) and message_id not in acks
        acks.add(message_id)
        self._claim(send.conversation, seq, message_id)
        # Whoever had an ack before this send began stands before it.
        self.violations["two orders"] += seq <= self._floors[send]
        self._acked[send.conversation] = max(self._acked[send.conversation], seq)
        view = self._views[step.device, send.conversation]
        view.newest = max(view.newest, seq)
        if step.device.endswith("~"):
            # Some doors tell nobody of what they did themselves, beyond the answer.
            view.seen.add(seq)

    def _take_entry(self, step: Entered) -> None:
        for (device, _), view in self._views.items():
            if device == step.device:
                view.came.clear()
        for conversation in step.forgets:
            view = self._views[step.device, conversation]
            view.seen.clear()
            view.highest = 0

    def _take_push(self, step: Pushed) -> None:
        seq = step.seq
        if step.message_id is not None:
            row = self._by_id.get(step.message_id)
            if row is None:
                self.violations["phantom"] += 1
            seq = row.seq if seq is None and row is not None else seq
            if seq is not None:
                self._claim(step.conversation, seq, step.message_id)
        if seq is None:
            return
        view = self._views[step.device, step.conversation]
        self.violations["repeated"] += seq in view.came
        self.violations["disorder"] += seq < view.highest and seq not in view.seen
        view.came.add(seq)
        view.seen.add(seq)
        view.highest = max(view.highest, seq)
        if step.message_id is not None:
            view.newest = max(view.newest, seq)

    def _take_reload(self, step: Reloaded) -> None:
        conversation = step.asked.conversation
        view = self._views[step.asked.device, conversation]
        rows = [self._by_id[found] for found in step.message_ids if found in self._by_id]
        seqs = [row.seq for row in rows]
        self.violations["phantom"] += len(step.message_ids) - len(rows)
        self.violations["two orders"] += seqs != sorted(set(seqs))
        self.violations["stale"] += max(seqs, default=0) < self._looks.pop(id(step.asked))
        # What is no message is in what is shown of those around it.
        between = set(range(1, max(seqs, default=0))) - self._messages[conversation]
        view.seen.update(seqs, between)
        view.highest = max(view.highest, *seqs, 0)

    def end(self) -> None:
        """Judge what was left behind, when all has come to rest."""
        sends = Counter(
            (row.conversation, row.sender, row.client_message_id) for row in self._stored.rows
        )
        self.violations["doubled"] += sum(count - 1 for count in sends.values())
        for conversation, last in self._stored.last.items():
            is_whole = list(self._stored.logged.get(conversation, ())) == [*range(1, last + 1)]
            self.violations["gaps"] += not is_whole
            for device, user in self._owners.items():
                self._judge_device(device, user, conversation, last)

    def _judge_device(self, device: str, user: str, conversation: str, last: int) -> None:
        intervals = self._stored.members.get((conversation, user), ())
        allowed = {
            seq
            for joined, left in intervals
            for seq in range(joined, (last if left is None else min(left, last)) + 1)
        }
        seen = self._views[device, conversation].seen
        self.violations["missed"] += len(self._owed(device, conversation, allowed) - seen)
        self.violations["trespass"] += len(seen - allowed)

    def _owed(self, device: str, conversation: str, allowed: set[int]) -> set[int]:
        """What a device must have in the end; some doors tell of messages alone."""
        return allowed & self._messages[conversation] if device.endswith("~") else allowed


def judged(steps: Iterable[Step], stored: Stored, owners: Mapping[str, str]) -> Counter[Kind]:
    """Judge a whole history; returns how often each promise was broken.

    Args:
        owners: each device's user; a device whose name ends in ~ is told of messages alone.
    """
    model = Model(stored, owners)
    for step in steps:
        model.take(step)
    model.end()
    return +model.violations
