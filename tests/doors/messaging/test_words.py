"""The words of the door: its ids, and its tables."""

import re
from pathlib import Path

import pytest

from chatserver.core.about import About
from chatserver.delivery.pushes import Frame
from chatserver.doors.messaging.asks import ASKS, ROWS
from chatserver.doors.messaging.hidden import HIDDEN
from chatserver.doors.messaging.ids import direct_id, other_person, spelled, ungrouped
from chatserver.doors.messaging.pushes import PUSHES
from tests.doors.messaging import document

_ID = "0190a6e0-0000-7000-8000-00000000000a"


@pytest.mark.parametrize(
    ("one", "other", "named"),
    [
        ("123", "456", "conv_123_456"),
        ("456", "123", "conv_123_456"),
        # Numbers by their value.
        ("10", "9", "conv_9_10"),
        ("b", "a", "conv_a_b"),
        ("b", "7", "conv_7_b"),
        ("b", "٧", "conv_b_٧"),
        # These could not be told apart.
        ("a_b", "c", None),
        ("a", "b_c", None),
    ],
)
def test_the_name_of_a_direct_conversation(one: str, other: str, named: str | None) -> None:
    """A direct conversation is named by its two people, the lower id first, where they can be told apart."""
    assert direct_id(one, other) == named


@pytest.mark.parametrize(
    ("given", "other"),
    [
        ("conv_1_2", "2"), ("conv_2_1", "2"), ("conv_2_3", None), ("conv_1", None), ("conv_1_", None),
        (f"conv_1_{'2' * 64}", "2" * 64), (f"conv_1_{'2' * 65}", None), (f"conv_{'2' * 5_000}_1", None),
        ("conv__1", None), ("conv_1_2_3", None), ("group_1", None), ("", None), (None, None), (5, None),
    ],
)  # fmt: skip
def test_whose_conversation_it_is(given: object, other: str | None) -> None:
    """A name says with whom one shares a conversation, if one does."""
    assert other_person(given, "1") == other


def test_other_ids() -> None:
    """A group is known by its name and its UUID, a conversation by its UUID, in any case; all else is no id."""
    assert ungrouped(f"group_{_ID}") == ungrouped(_ID) == _ID
    for wrong in ("group_5", "group_", f"group_{_ID}0", "conv_1_2", 7, None, [], {}):
        assert ungrouped(wrong) == wrong
    assert spelled(f"group_{_ID.upper()}", "1") == f"group_{_ID}"
    assert spelled(_ID.upper(), "1") == _ID
    assert spelled("conv_2_1", "1") == "conv_1_2"
    for wrong in ("conv_2_3", "group_5", "msg_1", 7, None, [], {}):
        assert spelled(wrong, "1") is None


def test_every_type_of_the_document() -> None:
    """Every type that the documents name is asked under its name, and says what it does in ours."""
    named = document.types() | {"send_message", "get_messages", "update_message", "connect"}
    assert all(ASKS.find(type_) is not None for type_ in named)
    types = [name for row in ROWS for name in (row.type, *row.aliases)]
    assert set(types) == named
    assert len(set(types)) == len(types)


def test_what_is_hidden() -> None:
    """Every push that is not told has a reason that is a sentence."""
    for hidden in HIDDEN:
        assert re.fullmatch(r"[A-Z][^\n]+\.", hidden.why), hidden.push


def test_a_push_of_another_program() -> None:
    """What another program pushes, under a name of its own, has no word here."""
    assert PUSHES.json(Frame("notification:new", {"a": 1}, about=About("group"))) is None


def test_the_document_is_as_it_was_handed_over() -> None:
    """The copy of the document has all of its sections."""
    text = Path(__file__).with_name("messaging-api.md").read_text("utf-8")
    assert text.startswith("# API Reference\n")
    assert len(document.EXAMPLES) > 60
