"""Which names a text mentions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver import mentions
from chatserver.mentions import MOST, names_in


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
        # Part of something else.
        ("ann@example.com", []),
        ("first.last+tag@example.com", []),
        ("https://example.com/@ann", []),
        ("@@ann", []),
        ("x_@ann", []),
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


def test_a_message_names_so_many() -> None:
    """After fifty different names the rest is only text; repetitions do not count."""
    names = [f"n{n}" for n in range(MOST + 10)]
    text = " ".join(f"@{name} @{name.upper()}" for name in names)
    assert [readings[0] for readings in names_in(text)] == names[:MOST]


@given(st.text(st.sampled_from("@a.-_ é名\u0301\n/"), max_size=200) | st.text(max_size=200))
def test_what_is_found_stands_in_the_text(text: str) -> None:
    """Whatever the text, each reading stands in it after an @, and each is shorter than the one before."""
    for readings in names_in(text):
        lengths = [len(reading) for reading in readings]
        assert lengths == sorted(set(lengths), reverse=True)
        assert 0 < lengths[-1] <= lengths[0] <= 64
        assert all(f"@{reading}" in text for reading in readings)


@pytest.mark.parametrize("piece", ["@", "@a", "@.", "a@", "@a.", "@-", "@ ", "a.", "@a@.b"])
def test_the_work_is_in_proportion_to_the_text(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a text is made, each of its characters is looked at twice at most."""
    looked = 0
    look = mentions._is_in_name

    def count(character: str) -> bool:
        nonlocal looked
        looked += 1
        return look(character)

    monkeypatch.setattr(mentions, "_is_in_name", count)
    text = (piece * 10_000)[:10_000]
    names_in(text)
    assert looked <= 2 * len(text)
