"""Which channels are asked for, on which link, and when they are left."""

from typing import Any, cast

import pytest

from chatserver.delivery.bell import subscriptions
from chatserver.delivery.bell.link import RedisLink
from chatserver.delivery.bell.subscriptions import LINGER, Subscriptions

ONE, OTHER = cast(RedisLink, "one"), cast(RedisLink, "other")


class Told:
    """Subscriptions, a clock, and what was said of them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.said: list[str] = []
        self.route: RedisLink | None = ONE
        self.channels = Subscriptions(
            lambda: self.said.append("young"), lambda: self.said.append("settled"), self.clock
        )

    def clock(self) -> float:
        return self.now

    def take(self) -> dict[Any, list[bytes]]:
        return self.channels.take_fresh(lambda _: self.route)


@pytest.fixture
async def told() -> Told:
    """New ones."""
    return Told()


async def test_a_channel_is_young_until_its_link_has_confirmed_it(told: Told) -> None:
    """It is asked for once, and heard when the link that was asked says so."""
    for channel in (b"a", b"b", b"a"):
        told.channels.join(channel)
    assert told.said == ["young"]
    assert told.take() == {ONE: [b"a", b"b"]}
    assert not told.channels.changed.is_set()
    told.channels.joined(OTHER, b"a")
    told.channels.joined(ONE, b"a")
    assert (told.channels.young, told.said) == (1, ["young"])
    told.channels.joined(ONE, b"b")
    assert (told.channels.young, told.said, told.take()) == (0, ["young", "settled"], {})


async def test_a_channel_is_left_when_nobody_has_come_back(told: Told) -> None:
    """Who comes back within the while keeps it; what is left is asked for anew."""
    for channel in (b"a", b"b"):
        told.channels.join(channel)
    told.take()
    told.channels.leave(b"a")
    told.channels.leave(b"b")
    told.channels.leave(b"never joined")
    told.now += LINGER / 2
    told.channels.join(b"a")
    assert told.channels.take_old() == {}
    told.now += LINGER / 2
    assert told.channels.take_old() == {ONE: [b"b"]}
    assert len(told.channels) == 1
    told.channels.join(b"b")
    assert told.take() == {ONE: [b"b"]}
    # The confirmation of the leaving, which comes now, is no loss of what was asked for since.
    assert not told.channels.left(ONE, b"b")
    assert told.channels.left(ONE, b"b")


async def test_what_moves_is_asked_for_where_it_is_now(told: Told) -> None:
    """So is what was not confirmed, and what had no link; the rest is let be."""
    for channel in (b"a", b"b"):
        told.channels.join(channel)
    told.take()
    told.channels.joined(ONE, b"a")
    told.channels.move(lambda _: ONE)
    assert told.take() == {ONE: [b"b"]}
    told.channels.joined(ONE, b"b")
    assert told.channels.left(ONE, b"a")
    assert told.said == ["young", "settled", "young"]
    told.route = None
    told.channels.move(lambda _: None)
    assert told.take() == {}
    told.route = OTHER
    told.channels.move(lambda _: OTHER)
    assert told.take() == {OTHER: [b"a", b"b"]}


async def test_a_new_session_asks_for_everything(told: Told) -> None:
    """Some at a time, and without what was left meanwhile."""
    for number in range(2_500):
        told.channels.join(b"%d" % number)
    told.take()
    told.channels.leave(b"7")
    told.now += LINGER
    told.channels.take_old()
    told.channels.start_over()
    taken = []
    while told.channels.changed.is_set():
        (some,) = told.take().values()
        assert len(some) <= 1_000
        taken += some
    assert sorted(taken) == sorted(b"%d" % number for number in range(2_500) if number != 7)


def test_a_while_is_long_enough_to_come_back() -> None:
    """Stock clients come back within seconds."""
    assert subscriptions.LINGER >= 10
