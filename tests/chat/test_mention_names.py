"""Which names a text mentions."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.chat import code_spans, mention_names
from chatserver.chat.mention_names import MOST, fold, may_name, names_in


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("nobody", []),
        ("@ann", ["ann"]),
        ("Hello @ann!", ["ann"]),
        ("@ann, @bob and (@carol)", ["ann", "bob", "carol"]),
        ("@ann@bob", ["ann"]),
        ("@ann @Ann @ANN", ["ann"]),
        ("So it is, @ann.", ["ann"]),
        ("@ann... or @bob-", ["ann", "bob"]),
        ("it was @ann's", ["ann"]),
        ("@everyone: look!", ["everyone"]),
        ("über @jürgen und @名前", ["jürgen", "名前"]),
        ("@किरण", ["किरण"]),
        ("@user_1", ["user_1"]),
        ("@\nann", []),
        ("@ ann", []),
        ("@", []),
        ("@@", []),
        ("@.", []),
        ("\n@ann", ["ann"]),
        ("@ann/@bob", ["ann", "bob"]),
        # As it is typed in other scripts.
        ("＠ann ﹫bob", ["ann", "bob"]),
        ("＠ａｎｎ", ["ann"]),
        # Scripts that put no space between words, or put particles to names.
        ("你好@ann", ["ann"]),
        ("مرحبا@ann", ["ann"]),
        ("שלום@ann", ["ann"]),
        ("สวัสดี@ann", ["ann"]),
        ("こんにちは@ann", ["ann"]),
        ("スーパー@ann", ["ann"]),
        ("नमस्ते@ann", ["ann"]),
        ("看https://example.com/你好@ann", ["ann"]),
        # Marks around a mention.
        ("_@ann", ["ann"]),
        ("__@ann", ["ann"]),
        ("*@ann* ~~@bob~~ ||@carol|| [@dave](x)", ["ann", "bob", "carol", "dave"]),
        ("你好_@ann", ["ann"]),
        ("- @ann\n-@bob", ["ann", "bob"]),
        ("❤️@ann", ["ann"]),
        ("1\ufe0f\u20e3@ann", ["ann"]),
        ("①@ann", ["ann"]),
        ("@می\u200cخواهم", ["میخواهم"]),
        # Code.
        ("`@ann` @bob", ["bob"]),
        ("``@ann ` @bob`` @carol", ["carol"]),
        ("```\n@ann\n``` @bob", ["bob"]),
        ("```\n@ann\n```\n@bob", ["bob"]),
        ("```py\n@ann", []),
        ("~~~\n@ann\n~~~\n@bob", ["bob"]),
        ("> ```\n> @ann\n> ```\n@bob", ["bob"]),
        ("a single ` and @ann", ["ann"]),
        ("\\`@ann` and @bob", ["ann", "bob"]),
        ("`one\n\n@ann`", ["ann"]),
        # Part of something else.
        ("ann@example.com", []),
        ("first.last+tag@example.com", []),
        ("https://example.com/@ann", []),
        ("@@ann", []),
        ("x_@ann", []),
        ("https://example.com/?by=@ann", []),
        ("see https://example.com/@ann/@bob, @carol", ["carol"]),
        ("привет@ann", []),
        ("é@ann", []),
        ("e\u0301@ann", []),
        ("mail＠ann.org", []),
        ("@ann@example.com", []),
        ("@ann@mastodon.example!", []),
        ("＠ann＠例え.jp", []),
        # Too long to be anybody's.
        ("@" + "a" * 64, ["a" * 64]),
        ("@" + "a" * 65, []),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    """A name follows an @ that is no part of something else, and ends before what cannot be in a name."""
    assert [readings[0] for readings in names_in(text)] == names


def test_a_name_may_be_read_shorter() -> None:
    """Dots and hyphens may be of the name or of the sentence: the longest reading comes first."""
    assert names_in("@ann-marie.b.") == [("ann-marie.b", "ann-marie", "ann")]
    assert names_in("@a..b") == [("a..b", "a")]
    assert names_in("@-a") == [("-a",)]


def test_a_name_may_end_where_the_script_changes() -> None:
    """Letters without case may touch a name, and underscores may be marks around it; a whole name comes first."""
    assert names_in("@bobさん") == [("bobさん", "bobさ", "bob")]
    assert names_in("@bob님") == [("bob님", "bob")]
    assert names_in("@小明check") == [("小明check", "小明", "小")]
    assert names_in("_@bob_ @bob__") == [("bob_", "bob"), ("bob__", "bob_", "bob")]
    assert names_in("_@bob_さん") == [("bob_さん", "bob_さ", "bob_", "bob")]
    assert names_in("@bob_smith @bobby") == [("bob_smith",), ("bobby",)]
    assert names_in("@bob" + "天" * 200)[0][-1] == "bob"
    # A mark is no place to end at.
    assert names_in("@कि") == [("कि",)]


def test_everyone_may_be_touched_too() -> None:
    """What touches @all does not keep it from meaning all; a hyphen makes another word of it."""
    assert names_in("@all大家 _@everyone_") == [
        ("all大家", "all大", "all"),
        ("everyone_", "everyone"),
    ]
    assert names_in("@all-hands @all.") == [("all-hands",), ("all",)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("René", "RENE\u0301"),
        ("Straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ｂｏｂ", "Bob"),
        ("葛\U000e0100城", "葛城"),
        ("İnci", "i\u0307nci"),
    ],
)
def test_names_compare_folded(one: str, other: str) -> None:
    """Case, composition, width and selectors make no other name."""
    assert fold(one) == fold(other) == fold(fold(one))


def test_a_message_names_so_many() -> None:
    """After fifty different names the rest is only text; repetitions do not count."""
    names = [f"n{n}" for n in range(MOST + 10)]
    text = " ".join(f"@{name} @{name.upper()}" for name in names)
    assert [readings[0] for readings in names_in(text)] == names[:MOST]


@given(st.text(st.sampled_from("@a.-_ é名ー\u0301\n/`~"), max_size=200) | st.text(max_size=200))
def test_what_is_found_stands_in_the_text(text: str) -> None:
    """Whatever the text, each reading stands in it after an @, and each begins the one before it."""
    whole = fold(text).replace("﹫", "@")
    for readings in names_in(text):
        assert may_name(text)
        assert readings[-1]
        for longer, shorter in pairwise(readings):
            assert longer.startswith(shorter) or not unicodedata.is_normalized("NFKC", text)
        assert all(f"@{reading}" in whole for reading in readings)


@pytest.mark.parametrize(
    "piece", ["@", "@a", "@.", "a@", "@a.", "@-", "@ ", "a.", "@a@.b", "@名", "_@"]
)
def test_the_work_is_in_proportion_to_the_text(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a text is made, each of its characters is looked at twice at most."""
    looked = 0
    look = mention_names._is_in_name

    def count(character: str) -> bool:
        nonlocal looked
        looked += 1
        return look(character)

    monkeypatch.setattr(mention_names, "_is_in_name", count)
    text = (piece * 10_000)[:10_000]
    names_in(text)
    assert looked <= 2 * len(text)


@pytest.mark.parametrize(
    "piece", ["@a ", "@", "@a.", "@名", "`@a` ", "`a", "```\n", "~~~\n", "> ```\n@a\n", "名"]
)
def test_the_work_has_an_end(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a text made of nothing but signs the first five hundred names are read, and a thousand rows of code."""
    read: list[str] = []
    rows: list[object] = []
    readings, row = mention_names._readings, code_spans._Row
    monkeypatch.setattr(
        mention_names, "_readings", lambda name: read.append(name) or readings(name)
    )
    monkeypatch.setattr(code_spans, "_Row", lambda *a, **k: rows.append(a) or row(*a, **k))
    names_in("@" + piece * (10_000 // len(piece)) + "@bob")
    assert len(read) <= 500
    assert len(rows) <= 1_001


def test_a_long_name_is_read_to_where_a_name_may_end() -> None:
    """Of ten thousand letters without a space no more are looked at than a name may have."""
    assert names_in("@" + "名" * 9_999) == [tuple("名" * n for n in range(64, 0, -1))]
    assert names_in("@" + "a" * 64 + "_" * 9_000) == [("a" * 64,)]
    assert names_in("@" + "a" * 64 + "_" * 9_000 + "b") == []


def test_what_follows_a_thousand_rows_counts_as_code() -> None:
    """Nobody is mentioned behind a thousand rows of backticks, and whoever stands before them is."""
    assert names_in("@ann " + "`a " * 1_000 + "@bob") == [("ann",), ("bob",)]
    assert names_in("@ann " + "`a " * 1_001 + "@bob") == [("ann",)]
