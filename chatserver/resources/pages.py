"""Says where a page ends: after as many rows as were asked for, or after about a mebibyte."""

from collections.abc import Iterable, Sequence
from typing import Any

from chatserver.store import Record

# A page ends with the row that reaches this: so it is longer by one row at most. The queries that read messages go
# no further than to the one after it.
PAGE_BYTES = 1024 * 1024
# What a row takes on the wire beside its text, and each reaction to a message: names, ids and times.
_ROW = 600
REACTION_BYTES = 150


def fitting(sizes: Iterable[int]) -> int:
    """Return how many of the rows with these sizes, in bytes, are one page."""
    count = total = 0
    for size in sizes:
        if total >= PAGE_BYTES:
            break
        total += size + _ROW
        count += 1
    return count


def fitting_messages(rows: Sequence[Record], limit: int) -> int:
    """Return how many of the first rows of ``shown_rows_of`` are one page of at most `limit`."""
    return fitting(map(_size, rows[:limit]))


def _size(row: Record) -> int:
    ciphertext: bytes | None = row["ciphertext"]
    reactions: Sequence[Any] | None = row["reactions"]
    return len(ciphertext or b"") + REACTION_BYTES * len(reactions or ())
