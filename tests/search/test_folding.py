"""Texts are compared in one form, and a match is told where it lies in the text as it was."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatserver.schemas.characters import IGNORABLE
from chatserver.search import folding
from chatserver.search.folding import fold, ranges_of

_MARKS = "\u0301\u0307\u0323\u0327\u0338\u0345\u0f71\u0f72\u0f74\u3099\u309a\uff9e\uff9f"
_PARTS = "aAiIsSßẞİıﬁﬃﬅΆΐᾳςσがカｶ가각ᄀ\u1161\u11a8\u0bc6\u0bbe\u0dd9\u0dcf\u09c7\u09be①½ℌﷺ漢👍🏽"
_NOTHING = "\u00ad\u034f\u200d\u2060\ufe0f\U000e0061"
_CHARACTERS = st.one_of(
    st.sampled_from(_MARKS + _PARTS + _NOTHING), st.characters(exclude_categories=["Cs"])
)


@pytest.mark.parametrize(
    ("text", "query", "ranges"),
    [
        ("Straße und STRASSE", "strasse", [(0, 6), (11, 18)]),
        ("of the ﬁnest", "fi", [(7, 8)]),
        ("of the ﬁnest", "in", [(7, 9)]),
        ("İstanbul", "i̇s", [(0, 2)]),
        ("👍🏽 ok 👍🏽", "OK", [(5, 7)]),
        ("re\u0301sume\u0301", "RÉSUMÉ", [(0, 8)]),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", [(0, 7)]),
        ("ＦＵＬＬ　width", "full w", [(0, 6)]),
        ("ﾊﾞｯｸ", "バッ", [(0, 3)]),
        ("한국어", "국", [(1, 2)]),
        ("soft\u00adhyphen", "softhyphen", [(0, 11)]),
        ("ßß", "ss", [(0, 1), (1, 2)]),
        ("ßß", "sss", [(0, 2)]),
        ("ẞẞẞ", "sss", [(0, 3)]),
        ("aaaaa", "aa", [(0, 2), (2, 4)]),
        ("resume", "résumé", []),
    ],
)
def test_where_a_match_is(text: str, query: str, ranges: list[tuple[int, int]]) -> None:
    """A match is told in UTF-16 units of the text as it is shown, by whole characters."""
    assert ranges_of(text, fold(query), 100) == ranges


def test_the_first_ranges_are_told() -> None:
    """Of more matches than may be told, the first are."""
    assert ranges_of("ab" * 500, "ab", 3) == [(0, 2), (2, 4), (4, 6)]
    assert ranges_of("äb" * 500, "äb", 3) == [(0, 2), (2, 4), (4, 6)]


@given(st.text(_CHARACTERS, max_size=12))
@settings(deadline=None, max_examples=2_000)
def test_folding_twice_is_folding_once(text: str) -> None:
    """What is folded is folded to itself, and so is what is the same text to Unicode."""
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)
    assert fold(unicodedata.normalize("NFC", text)) == fold(text)


@given(st.text(_CHARACTERS, max_size=12), st.integers(0, 11), st.integers(1, 6))
@settings(deadline=None, max_examples=2_000)
def test_ranges_are_where_the_folded_text_has_it(text: str, start: int, length: int) -> None:
    """A text has ranges exactly where its folded form has the query, and each range has it too."""
    query = fold(text)[start : start + length]
    if not query:
        return
    found = ranges_of(text, query, 100)
    units = text.encode("utf-16-le")
    assert found
    assert found == sorted(found)
    for begin, end in found:
        assert query in fold(units[2 * begin : 2 * end].decode("utf-16-le"))


@pytest.mark.parametrize(
    "text",
    [
        "a" + "\u0301\u0316" * 300,
        "\u0344\u0f73\u0334" * 200,
        "カ" + "\uff9e\u0301\uff9f\u0316" * 200,
        # What shows nothing goes, and leaves one long run.
        ("\u0301\u0316" * 10 + "\u3164") * 30,
        ("\u0301\u0316\u200d" * 10 + "!") * 30,
    ],
)
def test_marks_without_end_are_put_in_order_first(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python gets no long run of marks out of order, with which it takes a time that grows with the square."""
    expected = text
    for _ in range(2):
        expected = unicodedata.normalize("NFKC", expected.casefold())
        expected = re.sub(f"[{IGNORABLE}]", "", expected)
    expected = unicodedata.normalize("NFKC", expected)
    longest = 0

    class _Watched:
        combining = staticmethod(unicodedata.combining)

        @staticmethod
        def normalize(form: str, given: str) -> str:
            nonlocal longest
            run = last = 0
            is_ordered = True
            for character in given:
                mark = unicodedata.combining(character) or (character in "\u0f73\uff9e\uff9f")
                run, is_ordered = (run + 1, is_ordered and last <= mark) if mark else (0, True)
                last = mark
                if not is_ordered:
                    longest = max(longest, run)
            return unicodedata.normalize(form, given)

    monkeypatch.setattr(folding, "unicodedata", _Watched)
    assert folding.fold(text) == expected
    assert longest < 64
    assert ranges_of(text, expected[:2], 100)
    assert longest < 64


def test_marks_are_what_the_run_looks_for() -> None:
    """Whatever becomes a mark, at its beginning, is one of the characters of which a long run is made."""
    for code in range(0x110000):
        character = chr(code).casefold()
        if unicodedata.combining(unicodedata.normalize("NFKD", character)[0]):
            assert folding._MANY_MARKS.match(character[0] * 32)


def test_no_long_piece_is_kept() -> None:
    """What one person writes in one piece, however many marks it has, is not kept in memory."""
    kept = folding._folded.cache_info().currsize
    for length in range(100, 200):
        ranges_of("ä" + "\u0301" * length, "x", 1)
    assert folding._folded.cache_info().currsize - kept < 10
