"""Writes times as the wire has them (contract, section 1)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import orjson

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@lru_cache(1_000)
def iso(moment: datetime) -> str:
    """Write `moment` in ISO 8601, UTC, with exactly three decimals (cut, not rounded) and `Z`.

    Raises:
        ValueError: a naive `datetime`, which names no moment.
    """
    if moment.tzinfo is not UTC:  # what asyncpg gives is UTC itself
        if moment.utcoffset() is None:
            raise ValueError("a naive datetime has no UTC form")
        moment = moment.astimezone(UTC)
    # Each message shown carries at least one of these, and those of one commit the same. orjson writes the
    # text in a third of the time of datetime.isoformat; it leaves the decimals out when they are all zero.
    text = orjson.dumps(moment)
    if moment.microsecond:
        return text[1:24].decode() + "Z"
    return text[1:20].decode() + ".000Z"


def iso_now() -> str:
    """Return the present moment, as `iso` writes it."""
    return _iso_milliseconds(time.time_ns() // 1_000_000)


@lru_cache(1)
def _iso_milliseconds(since_1970: int) -> str:
    """Write a moment in ms since 1970; kept, since many pushes are of the same millisecond."""
    return iso(datetime.fromtimestamp(since_1970 / 1000, UTC))


def iso_seconds(seconds: float) -> str:
    """Return a moment, given in seconds since 1970, in the form of `iso`.

    Raises:
        ValueError, OverflowError: the moment is outside the years that a datetime knows.
    """
    return iso(datetime.fromtimestamp(seconds, UTC))


def milliseconds(moment: datetime) -> int:
    """Return a moment in milliseconds since 1970, cut as `iso` cuts it."""
    return (moment - _EPOCH) // _MILLISECOND


def since_1970(milliseconds: int) -> datetime:
    """Return the moment so many milliseconds after the beginning of 1970, UTC."""
    return _EPOCH + milliseconds * _MILLISECOND
