"""The kinds of values that arrive on the wire, as strict marshmallow fields.

Strict means: a string is never read as a number, a number never as a boolean, and a text that the
database could not store (NUL) or no encoder could write (a lone surrogate) is refused with its field.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields

MAX_SEQ = 2**63 - 1
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.IGNORECASE)


def check_text(value: str) -> None:
    """Raises ValidationError for text that cannot be stored or sent."""
    if "\0" in value:
        raise ValidationError("Must not contain NUL.")
    # Encoding is the fastest look for lone surrogates, and ASCII needs none.
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValidationError("Must not contain lone surrogates.") from None


class Text(fields.Field[str]):
    """A string of `low` to `high` characters."""

    def __init__(self, low: int, high: int, *, blank: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low = low
        self.high = high
        self.blank = blank

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be a string.")
        if len(value) < self.low:
            raise ValidationError(
                "Must not be empty."
                if self.low == 1
                else f"Must have at least {self.low} characters."
            )
        if len(value) > self.high:
            raise ValidationError(f"Must have at most {self.high:,} characters.")
        check_text(value)
        if not self.blank and not value.strip():
            raise ValidationError("Must not be blank.")
        return value


class UserId(Text):
    """An opaque user (or product) id of 1 to 64 characters, without control characters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, 64, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.isprintable():
            raise ValidationError("Must not contain control characters.")
        return text


class _Id(UUID):
    """A UUID that keeps its text: it leaves more often than it comes."""

    __slots__ = ("_text",)
    _text: str

    def __init__(self, text: str) -> None:
        super().__init__(text)
        object.__setattr__(self, "_text", text.lower())

    def __str__(self) -> str:
        return self._text


@lru_cache(20_000)
def _read_id(text: str) -> UUID | None:
    """A UUID, of which a busy server sees the same ones again and again; None where it is none."""
    return _Id(text) if _UUID.match(text) else None


class Id(fields.Field[UUID]):
    """A conversation's or message's UUID in its canonical form."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> UUID:
        # No UUID is longer, and no longer text is worth remembering.
        found = _read_id(value) if isinstance(value, str) and len(value) == 36 else None
        if found is None:
            raise ValidationError("Must be a UUID.")
        return found


class Whole(fields.Field[int]):
    """A whole number from `low` to `high`."""

    def __init__(self, low: int = 0, high: int = MAX_SEQ, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low = low
        self.high = high

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("Must be a whole number.")
        if not self.low <= value <= self.high:
            raise ValidationError(f"Must be from {self.low} to {self.high}.")
        return value


class Flag(fields.Field[bool]):
    """true or false."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class OneOf(fields.Field[str]):
    """One of a few words."""

    def __init__(self, *words: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValidationError(f"Must be one of: {', '.join(self.words)}.")
        return value


class Many(fields.Field[tuple[Any, ...]]):
    """A list of `low` to `high` values of one kind; with `distinct`, repetitions count once."""

    def __init__(
        self,
        kind: fields.Field[Any],
        low: int,
        high: int,
        *,
        distinct: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.distinct = distinct
        self.kind = kind
        self.low = low
        self.high = high

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValidationError("Must be a list.")
        if not self.low <= len(value) <= self.high:
            raise ValidationError(f"Must have {self.low} to {self.high} items.")
        items: list[Any] = []
        wrong: dict[int, Any] = {}
        for position, item in enumerate(value):
            try:
                items.append(self.kind.deserialize(item))
            except ValidationError as error:
                wrong[position] = error.messages
        if wrong:
            raise ValidationError(wrong)
        return tuple(dict.fromkeys(items) if self.distinct else items)


class Metadata(fields.Field[dict[str, Any]]):
    """A JSON object that takes at most `max_bytes` as JSON, and is nested 16 deep at most."""

    depth = 16

    def __init__(self, max_bytes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_bytes = max_bytes

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        if self._size(value, self.depth) > self.max_bytes:
            raise ValidationError(f"Must take at most {self.max_bytes:,} bytes as JSON.")
        return value

    def _size(self, value: Any, depth: int) -> int:
        """The bytes of `value` as compact JSON in UTF-8, escapes aside: one walk that checks as it counts."""
        if depth < 0:
            raise ValidationError(f"Must be nested at most {self.depth} deep.")
        if isinstance(value, str):
            check_text(value)
            return len(value.encode()) + 2
        if isinstance(value, dict):
            sizes = (self._size(k, depth) + self._size(v, depth - 1) + 2 for k, v in value.items())
            return max(2, 1 + sum(sizes))
        if isinstance(value, list):
            return max(2, 1 + sum(self._size(item, depth - 1) + 1 for item in value))
        if isinstance(value, float) and not math.isfinite(value):
            raise ValidationError("Must not contain NaN or Infinity.")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValidationError("Must not contain numbers of more than 64 bits.")
        return len(repr(value))
