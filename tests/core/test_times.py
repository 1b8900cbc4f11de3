from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.core.times import iso


@pytest.mark.parametrize(
    ("microsecond", "decimals"),
    [(0, "000"), (1, "000"), (999, "000"), (1_000, "001"), (120_000, "120"), (999_999, "999")],
)
def test_three_decimals(microsecond: int, decimals: str) -> None:
    """There are always three decimals, cut and not rounded."""
    moment = datetime(2024, 1, 15, 10, 30, 0, microsecond, UTC)
    assert iso(moment) == f"2024-01-15T10:30:00.{decimals}Z"


def test_other_zones() -> None:
    """A moment is told in UTC whatever zone it came in."""
    told = "2024-07-01T10:30:00.500Z"
    assert iso(datetime(2024, 7, 1, 12, 30, 0, 500_000, ZoneInfo("Europe/Paris"))) == told
    assert iso(datetime(2024, 7, 1, 5, 0, 0, 500_000, timezone(timedelta(hours=-5.5)))) == told


def test_naive() -> None:
    """A time without a zone is refused, since it names no moment."""
    with pytest.raises(ValueError, match="naive"):
        iso(datetime(2024, 1, 15))  # noqa: DTZ001


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(0)), ZoneInfo("UTC")])))
def test_like_isoformat(moment: datetime) -> None:
    """The text is that of `datetime.isoformat`, only made faster."""
    plain = moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
    assert iso(moment) == plain + "Z"
