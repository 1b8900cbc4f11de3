"""Finds the code in a text, as Markdown marks it: nobody is mentioned in code.

Source: CommonMark 0.31, sections 4.5 (fenced code blocks) and 6.1 (code spans). A fence that no line closes
ends, as chat clients show it, with the next row of as many backticks, else with the text.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

# A row of backticks, or of the tildes that make a fence.
_ROW = re.compile(r"`+|~{3,}")
# What may stand before a fence on its line: quotation marks, the sign of a list's item, and a few blanks.
_INDENT = re.compile(r"(?: {0,3}>)* {0,3}(?:(?:[-+*]|\d{1,9}[.)]) {1,4})?")
# So many backticks or tildes make a fence.
_FENCE = 3
# Nobody writes a text with more rows: from there on it counts as code.
_MOST_ROWS = 1_000


class _Row(NamedTuple):
    start: int
    end: int
    sign: str
    # Whether it may open a fence, and whether it may close one.
    opens: bool
    closes: bool
    # Which paragraph it stands in: code within a line does not reach beyond it.
    paragraph: int

    @property
    def length(self) -> int:
        return self.end - self.start


def _rows(text: str) -> Iterator[_Row]:
    begin = paragraph = 0
    for line in text.split("\n"):
        found = list(_ROW.finditer(line))
        if not found and not line.strip():
            paragraph += 1
        for nth, match in enumerate(found):
            sign = match.group()[0]
            # Nothing that may stand before a fence has such a row in it, so only the first row can be a fence.
            is_fence = (
                nth == 0
                and len(match.group()) >= _FENCE
                and _INDENT.fullmatch(line, 0, match.start()) is not None
            )
            yield _Row(
                begin + match.start(),
                begin + match.end(),
                sign,
                opens=is_fence
                and not (sign == "`" and any(m.group()[0] == "`" for m in found[1:])),
                closes=is_fence and not line[match.end() :].strip(),
                paragraph=paragraph,
            )
        begin += len(line) + 1


class _Text:
    """The rows of a text, and the sign that ends each. Every method takes time in proportion to the text."""

    def __init__(self, text: str) -> None:
        rows = _rows(text)
        self.rows = list(islice(rows, _MOST_ROWS))
        # The first row that is not looked at.
        self.beyond = next(rows, None)
        # The positions of rows of as many signs, in one paragraph and (None) anywhere.
        self._alike: dict[tuple[str, int, int | None], list[int]] = {}
        # The positions of rows that close fences, each with the longest from it on.
        self._closing: dict[str, tuple[list[int], list[int]]] = {}
        for position, row in enumerate(self.rows):
            for paragraph in (row.paragraph, None):
                self._alike.setdefault((row.sign, row.length, paragraph), []).append(position)
        for sign in "`~":
            closing = [n for n, row in enumerate(self.rows) if row.closes and row.sign == sign]
            longest: list[int] = []
            for position in reversed(closing):
                longest.append(max(self.rows[position].length, longest[-1] if longest else 0))
            self._closing[sign] = closing, longest[::-1]

    def alike(self, position: int, length: int, paragraph: int | None) -> int | None:
        """Return the next row after one that has so many signs, in its paragraph or anywhere; else None."""
        found = self._alike.get((self.rows[position].sign, length, paragraph), [])
        nth = bisect_right(found, position)
        return found[nth] if nth < len(found) else None

    def closing(self, position: int) -> int | None:
        """Return the row that closes the fence which a row opens."""
        length = self.rows[position].length
        closing, longest = self._closing[self.rows[position].sign]
        nth = bisect_right(closing, position)
        if nth == len(closing) or longest[nth] < length:
            return None
        return next(found for found in closing[nth:] if self.rows[found].length >= length)


def code_spans(text: str) -> list[tuple[int, int]]:
    """Return the stretches of a text that are code, in order: each from its first sign to behind its last."""
    if "`" not in text and "~~~" not in text:
        return []
    marked = _Text(text)
    found: list[tuple[int, int]] = []
    position = 0
    while position < len(marked.rows):
        row = marked.rows[position]
        start, length = row.start, row.length
        close: int | None = None
        if row.opens:
            close = marked.closing(position)
            if close is None and row.sign == "`":
                close = marked.alike(position, length, None)
            if close is None:
                return [*found, (start, len(text))]
        elif row.sign == "`":
            if _is_escaped(text, start):
                start, length = start + 1, length - 1
            # Chat clients let rows of three and more go on over empty lines.
            close = marked.alike(position, length, row.paragraph if length < _FENCE else None)
        if close is not None:
            found.append((start, marked.rows[close].end))
            position = close
        position += 1
    if marked.beyond is not None:
        found.append((marked.beyond.start, len(text)))
    return found


def _is_escaped(text: str, start: int) -> bool:
    """Return whether a backslash, itself not escaped, escapes the first sign of a row."""
    before = text[max(start - 64, 0) : start]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
