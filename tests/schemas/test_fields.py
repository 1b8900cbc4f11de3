import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields

from chatserver.schemas.fields import MAX_SEQ, Flag, Id, Many, Metadata, OneOf, Text, UserId, Whole

ID = "0190a6e0-aaaa-7000-8000-00000000000f"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Text(1, 3), "abc"),
        (Text(1, 3), "\U0001f600" * 3),
        (Text(0, 3), ""),
        (Text(1, 3), " \n"),
        (Text(2, 2), "ab"),
        (UserId(), "123"),
        (UserId(), "x" * 64),
        (UserId(), "Ünïcøde 名"),
        (Whole(), 0),
        (Whole(), MAX_SEQ),
        (Whole(1, 200), 1),
        (Whole(1, 200), 200),
        (Flag(), True),
        (Flag(), False),
        (OneOf("text", "image"), "image"),
        (Metadata(100), {}),
        (Metadata(100), {"a": [1, -1.5, None, True, {"b": "ü"}], "": 2**63 - 1}),
    ],
)
def test_what_fits_is_kept(field: fields.Field[Any], value: Any) -> None:
    """A value within its field's bounds is taken as it is."""
    assert field.deserialize(value) == value


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (Text(1, 3), "", "Must not be empty."),
        (Text(2, 3), "a", "Must have at least 2 characters."),
        (Text(1, 10_000), "x" * 10_001, "Must have at most 10,000 characters."),
        (Text(1, 3), 5, "Must be a string."),
        (Text(1, 3), "a\0", "Must not contain NUL."),
        (Text(1, 3), "\ud800", "Must not contain lone surrogates."),
        (Text(1, 3, blank=False), " \u3000\n", "Must not be blank."),
        (UserId(), "a\tb", "Must not contain control characters."),
        (UserId(), "x" * 65, "Must have at most 64 characters."),
        (Id(), "x", "Must be a UUID."),
        (Id(), ID + "\n", "Must be a UUID."),
        (Whole(1, 200), 0, "Must be from 1 to 200."),
        (Whole(1, 200), 201, "Must be from 1 to 200."),
        (Whole(), MAX_SEQ + 1, f"Must be from 0 to {MAX_SEQ}."),
        (Whole(), True, "Must be a whole number."),
        (Whole(), 1.0, "Must be a whole number."),
        (Whole(), "1", "Must be a whole number."),
        (Flag(), 1, "Must be true or false."),
        (OneOf("a", "b"), "c", "Must be one of: a, b."),
        (OneOf("a", "b"), ["a"], "Must be one of: a, b."),
        (Many(Id(), 1, 2), ID, "Must be a list."),
        (Many(Id(), 1, 2), [], "Must have 1 to 2 items."),
        (Many(Id(), 1, 2), [ID] * 3, "Must have 1 to 2 items."),
        (Metadata(9), [], "Must be an object."),
        (Metadata(9), {"a": float("nan")}, "Must not contain NaN or Infinity."),
        (Metadata(9), {"a": 2**63}, "Must not contain numbers of more than 64 bits."),
        (Metadata(9), {"a\0": 1}, "Must not contain NUL."),
    ],
)
def test_what_does_not_fit_is_told_why(field: fields.Field[Any], value: Any, reason: str) -> None:
    """A value beyond its field's bounds is refused with a reason for people."""
    with pytest.raises(ValidationError) as error:
        field.deserialize(value)
    assert error.value.messages == [reason]


def test_ids_are_read_in_either_case() -> None:
    """A UUID is the same in capitals."""
    assert Id().deserialize(ID.upper()) == Id().deserialize(ID) == UUID(ID)


def test_repetitions_count_once() -> None:
    """A list's repeated values are one, in the order of their first."""
    other = ID.replace("f", "e")
    assert Many(Id(), 1, 5).deserialize([ID, other, ID.upper()]) == (UUID(ID), UUID(other))


def test_wrong_items_are_named_by_position() -> None:
    """Each wrong item of a list is refused at its position."""
    with pytest.raises(ValidationError) as error:
        Many(Id(), 1, 5).deserialize([ID, "x", ID, None])
    assert error.value.messages == {1: ["Must be a UUID."], 3: ["Field may not be null."]}


def test_metadata_is_nested_16_deep_at_most() -> None:
    """An object with 16 levels is taken, one more is refused."""
    deep: Any = 1
    for _ in range(16):
        deep = [deep]
    assert Metadata(100).deserialize({"a": deep[0]}) == {"a": deep[0]}
    with pytest.raises(ValidationError, match="nested at most 16 deep"):
        Metadata(100).deserialize({"a": deep})


# Escapes, and spellings of floats, are not counted exactly.
_PLAIN = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"\\'), max_size=9
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_PLAIN, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_PLAIN, _VALUES, max_size=5))
def test_metadata_may_take_just_so_many_bytes(value: dict[str, Any]) -> None:
    """An object is taken up to its size as compact JSON in UTF-8, and refused where one byte is missing."""
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    assert Metadata(size).deserialize(value) == value
    with pytest.raises(ValidationError, match="bytes as JSON"):
        Metadata(size - 1).deserialize(value)


@pytest.mark.parametrize("piece", [1, "", [], {}, [[]], {"a": 1}])
def test_metadata_are_read_no_further_than_they_may_reach(
    piece: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte of metadata costs no more than the four kilobytes that they may take."""
    walked = 0
    walk = Metadata._left

    def count(self: Metadata, *arguments: Any) -> int:
        nonlocal walked
        walked += 1
        return walk(self, *arguments)

    monkeypatch.setattr(Metadata, "_left", count)
    for value in ({"a": [piece] * 300_000}, {str(n): piece for n in range(100_000)}):
        with pytest.raises(ValidationError, match="at most 4,096 bytes"):
            Metadata(4096).deserialize(value)
    assert walked < 2 * 4096


def test_few_wrong_items_are_named() -> None:
    """Of a thousand wrong items ten are named: the answer is no longer than the question."""
    with pytest.raises(ValidationError) as error:
        Many(UserId(), 0, 1000).deserialize([0] * 1000)
    assert list(error.value.messages) == list(range(10))
