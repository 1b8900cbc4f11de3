"""What each member of a conversation has received and read, as it is gathered message by message."""

from __future__ import annotations

from collections.abc import Sequence

# As in add_read (0007_receipts.sql): past so many ranges, what came before the latest ones counts as read.
_MOST_RANGES = 1_000
_KEPT_RANGES = 500


class ReadMarks:
    """Gathers the read ranges of two people, and what has not reached whom.

    Args:
        people: the members.
    """

    def __init__(self, people: Sequence[str]) -> None:
        # Both ends included, in order.
        self._ranges: dict[str, list[tuple[int, int]]] = {person: [] for person in people}
        # Up to which seq the messages to each person have been looked at.
        self._looked: dict[str, int] = dict.fromkeys(people, 0)
        self._undelivered: dict[str, list[int]] = {}
        self._untold: set[str] = set()

    def said(self, seq: int, reader: str, *, is_read: bool) -> None:
        """Note a message to `reader`. If it is read, so is everything since the message to them before it."""
        ranges, start = self._ranges[reader], self._looked[reader] + 1
        self._looked[reader] = seq
        if not is_read:
            return
        if ranges and ranges[-1][1] == start - 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((start, seq))
            if len(ranges) > _MOST_RANGES:
                ranges[: -_KEPT_RANGES + 1] = [(ranges[0][0], ranges[-_KEPT_RANGES][1])]

    def not_delivered(self, seq: int, person: str) -> None:
        """Note that a message waits for a person, who has therefore not read it."""
        seqs = self._undelivered.setdefault(person, [])
        if len(seqs) < _MOST_RANGES and (not seqs or seqs[-1] < seq):
            seqs.append(seq)

    def not_told(self, person: str) -> None:
        """Note that something else of the conversation waits for a person."""
        self._untold.add(person)

    def delivered(self, person: str, last_message: int, last: int) -> int:
        """Return up to which seq a person has received everything.

        Args:
            person: whose it is.
            last_message: the seq of the last message.
            last: the seq of the last event, which tells of the conversation as it is.
        """
        if seqs := self._undelivered.get(person):
            return seqs[0] - 1
        return last_message if person in self._untold else last

    def read(self, person: str) -> str:
        """Return the seqs that one of two people has read, as an int8multirange."""
        waiting = set(self._undelivered.get(person, ()))
        return _text(_without(self._ranges[person], waiting))

    def read_up_to(self, person: str, up_to: int) -> str:
        """Return the same for somebody who has read everything up to a seq, except what waits for them."""
        if up_to < 1:
            return "{}"
        return _text(_without([(1, up_to)], set(self._undelivered.get(person, ()))))


def _without(ranges: Sequence[tuple[int, int]], seqs: set[int]) -> list[tuple[int, int]]:
    """Return the ranges without some seqs."""
    left: list[tuple[int, int]] = []
    waiting = sorted(seqs)
    for low, high in ranges:
        for seq in waiting:
            if low <= seq <= high:
                if low < seq:
                    left.append((low, seq - 1))
                low = seq + 1
        if low <= high:
            left.append((low, high))
    return left


def _text(ranges: Sequence[tuple[int, int]]) -> str:
    return "{" + ",".join(f"[{low},{high + 1})" for low, high in ranges) + "}"
