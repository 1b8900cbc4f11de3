"""What a reader sees of a text, and the one form of a reaction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from chatserver.schemas.characters import one_form, or_empty, shows_something
from chatserver.schemas.fields import Text

BLANKS = (
    "\x01 \t\n\x85\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u180e\u2000\u200b\u200c\u200d\u200e\u2028"
    "\u202e\u2060\u2063\u2066\u206f\u2800\u3000\u3164\ufe00\ufe0e\ufe0f\ufeff\uffa0\ufff9"
    "\U0001d159\U000e0041\U000e0100"
)


@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
def test_what_shows_nothing_is_empty(blank: str) -> None:
    """A text, a title or a reaction of characters that show nothing is refused, however many they are."""
    for text in (blank, blank * 5, f" {blank}\u200b"):
        with pytest.raises(ValidationError, match="blank"):
            Text(1, 100, blank=False).deserialize(text)
        assert Text(0, 500, kept_as=or_empty).deserialize(text) == ""


@given(st.lists(st.sampled_from(BLANKS), min_size=1, max_size=20).map("".join))
def test_no_mixture_shows_anything(text: str) -> None:
    """Blank characters together are blank, and with a letter among them they are not."""
    assert not shows_something(text)
    assert shows_something(f"{text}a{text}")


@pytest.mark.parametrize(
    "text",
    ["👨\u200d👩\u200d👧", "می\u200cخواهم", "क्\u200dष", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1\ufe0f\u20e3", "\u0301", "."],
)
def test_what_shows_something_passes(text: str) -> None:
    """Joiners, selectors and tags within what is seen are part of it."""
    assert Text(1, 100, blank=False).deserialize(text) == text
    assert Text(0, 500, kept_as=or_empty).deserialize(text) == text


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("❤", "❤\ufe0f"),
        ("❤\ufe0e", "❤\ufe0f"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("👍\ufe0f", "👍"),
        ("👍", "👍"),
        ("👍🏽\ufe0f", "👍🏽"),
        ("☝🏽", "☝🏽"),
        ("☝\ufe0f🏽", "☝🏽"),
        ("☝", "☝\ufe0f"),
        ("1\u20e3", "1\ufe0f\u20e3"),
        ("🏳\u200d🌈", "🏳\ufe0f\u200d🌈"),
        ("👁\u200d🗨", "👁\ufe0f\u200d🗨\ufe0f"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        (" 👍\u200b ", "👍"),
        ("e\u0301", "\xe9"),
        ("+1", "+1"),
        ("葛\U000e0100", "葛"),
    ],
)
def test_a_reaction_has_one_form(typed: str, shown: str) -> None:
    """However it is typed, a reaction is kept as a keyboard types it, with the selectors that belong there."""
    assert Text(1, 64, blank=False, kept_as=one_form).deserialize(typed) == shown
    assert one_form(shown) == shown


@given(st.text(min_size=1, max_size=10))
def test_selectors_do_not_count(text: str) -> None:
    """Selectors anywhere in a reaction change nothing, and the form of a form is that form."""
    typed = "\ufe0f".join(["", *text, ""])
    assert one_form(typed) == one_form(text) == one_form(one_form(text))
