"""What an import has read and written, and what it could not carry and why. Rows are named by their ids alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

# Of each reason so many rows are named; all are counted.
_NAMED = 1_000
_LONGEST_ID = 100


@dataclass(slots=True)
class Count:
    """The rows of one table of the source."""

    read: int = 0
    carried: int = 0
    # Those of conversations that were imported before.
    here: int = 0
    refused: int = 0


@dataclass(slots=True)
class RefusedRow:
    """The rows of one table that were not carried for one reason."""

    count: int = 0
    ids: list[str] = field(default_factory=list)


class Report:
    """Counts what becomes of each row."""

    def __init__(self) -> None:
        self.tables: dict[str, Count] = {}
        self.refused: dict[tuple[str, str], RefusedRow] = {}
        self.notes: dict[str, int] = {}

    def table(self, name: str) -> Count:
        """Return the count of a table, which begins at nothing."""
        return self.tables.setdefault(name, Count())

    def carry(self, table: str, number: int = 1) -> None:
        """Count rows that are carried."""
        count = self.table(table)
        count.read += number
        count.carried += number

    def pass_over(self, table: str, number: int = 1) -> None:
        """Count rows that were carried by an earlier run."""
        count = self.table(table)
        count.read += number
        count.here += number

    def leave(self, table: str, number: int, note: str) -> None:
        """Count rows that are not carried and not named, and say why in a line of its own."""
        count = self.table(table)
        count.read += number
        count.refused += number
        self.note(note, number)

    def refuse(self, table: str, row_id: object, reason: str) -> None:
        """Count a row that was read and is not carried, and name it in the report with the reason.

        Args:
            table: the table's name in the source.
            row_id: what names the row there; the report shows it.
            reason: the predicate of a sentence about the row ("is no event for anybody"). The report shows it, so
                it must have nothing that a person wrote.
        """
        count = self.table(table)
        count.read += 1
        count.refused += 1
        refused = self.refused.setdefault((table, reason), RefusedRow())
        refused.count += 1
        if len(refused.ids) < _NAMED:
            refused.ids.append(_shown(row_id))

    def note(self, text: str, count: int = 1) -> None:
        """Count something that is said at the end in a line of its own."""
        self.notes[text] = self.notes.get(text, 0) + count

    def merge(self, other: Report) -> None:
        """Add what another report has counted."""
        for name, theirs in other.tables.items():
            ours = self.table(name)
            ours.read += theirs.read
            ours.carried += theirs.carried
            ours.here += theirs.here
            ours.refused += theirs.refused
        for key, more in other.refused.items():
            refused = self.refused.setdefault(key, RefusedRow())
            refused.count += more.count
            refused.ids += more.ids[: _NAMED - len(refused.ids)]
        for text, count in other.notes.items():
            self.note(text, count)

    def lines(self, *, is_dry: bool) -> Iterator[str]:
        """Yield the lines that people read."""
        carried = "would be carried" if is_dry else "carried"
        width = max([len(name) for name in self.tables], default=0)
        for name, count in self.tables.items():
            yield (
                f"{name:<{width}}  {count.read} read, {count.carried} {carried}, "
                f"{count.here} here already, {count.refused} not carried"
            )
        for text, number in self.notes.items():
            yield f"{text}: {number}"
        for (name, reason), refused in self.refused.items():
            more = refused.count - len(refused.ids)
            ids = ", ".join(refused.ids) + (f" and {more} more" if more else "")
            yield f"not carried: {name} ({refused.count}), {reason}: {ids}"
        if is_dry:
            yield "dry run: nothing was written"


def _shown(row_id: object) -> str:
    text = "" if row_id is None else str(row_id)[:_LONGEST_ID]
    return "".join(sign if sign.isprintable() else "?" for sign in text) or "(no id)"
