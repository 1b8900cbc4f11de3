"""Folds texts into the form in which they are compared, and finds where a match lies in the text as it was.

The form is Unicode's NFKC_Casefold (The Unicode Standard, section 3.13, D146; UAX #44): case, width, ligatures and
what shows nothing make no difference, accents do. It has another length than the text, and marks change their
order in it, so offsets are mapped by pieces: a piece is folded by itself to what it becomes in the whole.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate, chain, pairwise

from chatserver.schemas.characters import IGNORABLE

# Of the version of Unicode that folded it depends what a text becomes.
UNICODE = unicodedata.unidata_version

_IGNORED = re.compile(f"[{IGNORABLE}]+")
# Marks are neither letters nor digits, but for two: the voicing marks of halfwidth katakana.
_MANY_MARKS = re.compile(r"[\W\uff9e\uff9f]{32,}")
# Pieces that are longer are nobody's writing; they are not kept.
_MOST_KEPT = 16
# Characters of combining class 0 that nevertheless compose with what comes before them: second parts of canonical
# decompositions, and the vowels and final consonants of Hangul (Unicode 17).
_COMPOSING = re.compile(
    r"[\u09be\u09d7\u0b3e\u0b56\u0b57\u0bbe\u0bd7\u0cc2\u0cd5\u0cd6\u0d3e\u0d57\u0dcf\u0ddf\u102e\u1161-\u1175"
    r"\u11a8-\u11c2\u1b35\U00011127\U0001133e\U00011357\U000113b8\U000113bb\U000113c2\U000113c5\U000113c7-\U000113c9"
    r"\U000114b0\U000114ba\U000114bd\U000115af\U00011930\U0001611e-\U00016120\U00016129\U00016d67]"
)


def fold(text: str) -> str:
    """Return the form in which a text is compared."""
    if text.isascii():
        return text.lower()
    # Folding may decompose, and composing may give what folds again; after the second time nothing does.
    for _ in range(2):
        text = _nfkc(text.casefold())
        text = _IGNORED.sub("", text)
    return _nfkc(text)


def _nfkc(text: str) -> str:
    """Return a text in NFKC, in a time that grows with its length alone.

    Python orders marks by insertion: 10,000 of them held the whole process for half a second.
    """
    return unicodedata.normalize("NFKC", _MANY_MARKS.sub(_in_order, text))


def _in_order(run: re.Match[str]) -> str:
    """Return a run of characters decomposed, its marks in canonical order (The Unicode Standard, D109)."""
    ordered: list[str] = []
    marks: list[str] = []
    for character in chain.from_iterable(map(_decomposed, run[0])):
        if unicodedata.combining(character):
            marks.append(character)
        else:
            ordered += (*sorted(marks, key=unicodedata.combining), character)
            marks = []
    return "".join(ordered + sorted(marks, key=unicodedata.combining))


def _decomposed(character: str) -> str:
    return unicodedata.normalize("NFKD", character)


def ranges_of(text: str, wanted: str, most: int) -> list[tuple[int, int]]:
    """Return where a text has what is wanted, as ranges [from, to) in UTF-16 units, as JavaScript counts.

    Each covers whole characters: that of `fi` covers the ligature. They do not overlap.

    Args:
        text: as it is shown.
        wanted: folded, and not empty.
        most: so many ranges are returned at most, the first ones.
    """
    if text.isascii():
        return _found(text.lower(), wanted, most)
    starts = [at for at, character in enumerate(text) if at == 0 or _begins(character)]
    pieces = [
        (_folded if b - a <= _MOST_KEPT else fold)(text[a:b])
        for a, b in pairwise([*starts, len(text)])
    ]
    places = [0, *accumulate(map(len, pieces))]
    ends = [*starts[1:], len(text)]
    found: list[tuple[int, int]] = []
    for first, last in _found("".join(pieces), wanted, most):
        # The last piece that begins there: those before it are folded to nothing.
        begin, end = (
            starts[bisect_right(places, first) - 1],
            ends[bisect_right(places, last - 1) - 1],
        )
        if found and begin < found[-1][1]:
            begin = found.pop()[0]
        found.append((begin, end))
    return _in_utf16(text, found)


def _found(folded: str, wanted: str, most: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    at = folded.find(wanted)
    while at >= 0 and len(found) < most:
        found.append((at, at + len(wanted)))
        at = folded.find(wanted, at + len(wanted))
    return found


@lru_cache(4_096)
def _begins(character: str) -> bool:
    """Return whether a piece begins with this character: nothing before it changes what it is folded to."""
    if _IGNORED.match(character):
        return False
    decomposed = unicodedata.normalize("NFKD", character)[0]
    folded = unicodedata.normalize("NFD", fold(character))[:1]
    return not any(
        unicodedata.combining(first) or _COMPOSING.match(first)
        for first in (decomposed, folded or character)
    )


@lru_cache(4_096)
def _folded(piece: str) -> str:
    return fold(piece)


def _in_utf16(text: str, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Turn ranges of code points, in their order, into those of UTF-16 units."""
    if max(text) < "\U00010000":
        return found
    places, units, at = [], 0, 0
    for place in (place for pair in found for place in pair):
        units += len(text[at:place].encode("utf-16-le", "surrogatepass")) // 2
        at = place
        places.append(units)
    return list(zip(places[::2], places[1::2], strict=True))
