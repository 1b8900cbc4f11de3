"""Heart-beats: what is agreed on, and that both sides keep to it."""

import asyncio

import pytest

from chatserver.doors.protocols.pulses import Pulses
from chatserver.doors.protocols.stomp import BadStompFrame
from chatserver.doors.protocols.stomp_beats import Beats, agreed, parse
from tests.support.patience import PATIENCE

_OURS = Beats(10_000, 30_000)


@pytest.mark.parametrize(
    ("header", "held"),
    [
        (None, Beats(0, 0)),
        ("0,0", Beats(0, 0)),
        ("10000,10000", Beats(10_000, 30_000)),
        ("60000,0", Beats(0, 60_000)),
        ("0,5000", Beats(10_000, 0)),
        ("1000, 60000", Beats(60_000, 30_000)),
    ],
)
def test_agreed(header: str | None, held: Beats) -> None:
    """Each side sends as often as it can and the other wants; 0 of either is not at all."""
    assert agreed(_OURS, parse(header)) == held
    assert agreed(Beats(0, 0), parse(header)) == Beats(0, 0)


@pytest.mark.parametrize(
    "header", ["", "1", "1,", ",", "a,b", "-1,1", "1,2,3", "1.5,2", "9" * 10 + ",1", "٣,1"]
)
def test_no_beats(header: str) -> None:
    """What is no pair of numbers is refused."""
    with pytest.raises(BadStompFrame, match="heart-beat is two numbers"):
        parse(header)


def test_a_header_is_what_parses() -> None:
    """Ours is written as it is read."""
    assert parse(str(_OURS)) == _OURS


async def test_pulses() -> None:
    """Beats go on for as long as something is heard; then silence is told once, and nothing more is sent."""
    beats = asyncio.Semaphore(0)
    silent = asyncio.Event()
    pulses = Pulses(every=0.001, patience=3600.0)
    pulse = pulses.start(beats.release, silent.set)
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            await beats.acquire()
        pulse.heard_at -= 3600.0
        pulse.hear()
        for _ in range(3):
            await beats.acquire()
        assert not silent.is_set()
        pulse.heard_at -= 3600.0
        await silent.wait()
    assert pulse.settled


async def test_a_pulse_that_is_stopped() -> None:
    """After its end nothing is sent or told, also where a beat ends it."""
    pulses = Pulses(every=0.001, patience=3600.0)
    counted = []

    def beat() -> None:
        counted.append("beat")
        pulse.stop()

    pulse = pulses.start(beat, None)
    behind = asyncio.Semaphore(0)
    other = pulses.start(behind.release, None)
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            await behind.acquire()
    other.stop()
    assert counted == ["beat"]
