"""The kinds of values that arrive on the wire, as strict marshmallow fields.

Strict means: a string is never read as a number, a number never as a boolean, and a text that the
database could not store (NUL) or no encoder could write (a lone surrogate) is refused with its field.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields

from chatserver.schemas.characters import shows_something

MAX_SEQ = 2**63 - 1
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.IGNORECASE)


def check_text(value: str) -> None:
    """Refuse text that cannot be stored or sent. Raises ValidationError."""
    if "\0" in value:
        raise ValidationError("Must not contain NUL.")
    # Encoding is the fastest look for lone surrogates, and ASCII needs none.
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValidationError("Must not contain lone surrogates.") from None


class Text(fields.Field[str]):
    """A string of `low` to `high` characters; unless `blank`, it must have a visible character.

    Args:
        kept_as: changes a valid string into the form that is kept.
    """

    def __init__(
        self,
        low: int,
        high: int,
        *,
        blank: bool = True,
        kept_as: Callable[[str], str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.low = low
        self.high = high
        self.blank = blank
        self.kept_as = kept_as

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
        if not self.blank and not shows_something(value):
            raise ValidationError("Must not be blank.")
        return value if self.kept_as is None else self.kept_as(value)


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
    """Return a UUID, of which a busy server sees the same ones again and again; None where it is none."""
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


class Moment(fields.Field[datetime]):
    """A moment in ISO 8601 (RFC 3339) with its offset from UTC; kept in UTC, in whole milliseconds."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        try:
            if isinstance(value, str) and _MOMENT.match(value):
                moment = datetime.fromisoformat(value).astimezone(UTC)
                return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        except (ValueError, OverflowError):
            pass
        raise ValidationError("Must be a time, such as 2026-01-31T08:00:00.000Z.")


class Unset(Enum):
    """The default of a `Nullable` field, in which null says something."""

    UNSET = None


UNSET = Unset.UNSET


class Nullable(fields.Field[Any]):
    """A value of another kind, or null, which is a value here and not a field left out."""

    def __init__(self, kind: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        return None if value is None else self.kind._deserialize(value, attr, data, **kwargs)


# Of a list's wrong items so many are named: naming a thousand takes longer than anything that is right.
_MOST_NAMED = 10


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
                if len(wrong) == _MOST_NAMED:
                    break
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
        self._left(value, self.depth, self.max_bytes)
        return value

    def _left(self, value: Any, depth: int, left: int) -> int:
        """Return how many of `left` bytes `value` leaves, as compact JSON in UTF-8, escapes aside.

        One walk that checks as it counts, and goes no further than it may: a client may send a megabyte.
        """
        if depth < 0:
            raise ValidationError(f"Must be nested at most {self.depth} deep.")
        if isinstance(value, str):
            if len(value) <= left:
                check_text(value)
                left -= len(value.encode())
            else:
                left = -1
            left -= 2
        elif isinstance(value, dict):
            left -= 1 if value else 2
            for key, item in value.items():
                left = self._left(item, depth - 1, self._left(key, depth, left - 2))
        elif isinstance(value, list):
            left -= 1 if value else 2
            for item in value:
                left = self._left(item, depth - 1, left - 1)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValidationError("Must not contain NaN or Infinity.")
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValidationError("Must not contain numbers of more than 64 bits.")
        else:
            left -= len(repr(value))
        if left < 0:
            raise ValidationError(f"Must take at most {self.max_bytes:,} bytes as JSON.")
        return left
