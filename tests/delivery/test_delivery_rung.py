"""What other processes say of a room, true or not: the log has the last word."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.delivery.delivery import Delivery
from chatserver.delivery.pushes import Event, SilentBell
from tests.delivery.test_delivery import ROOM, _connected, _Stream, _until

FAR = 2**52


def _claim(seq: int, *, joined: str = "", left: str = "") -> Event:
    """An event that was never committed."""
    return Event(ROOM, seq, "forged", "x", joined=tuple(joined.split()), left=tuple(left.split()))


@pytest.mark.parametrize("claim", [_claim(FAR), _claim(2**53), _claim(3, joined="dave"), _claim(7)])
async def test_a_claim_deafens_no_room(claim: Event) -> None:
    """After a seq that the log does not have, the next true event is handed on, and nobody has joined."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    stream.commit(), stream.commit()
    bob, dave = _connected(delivery, "bob", (ROOM, 2)), _connected(delivery, "dave")
    delivery.rung(claim)
    await _until(lambda: bool(stream.reads))
    await delivery.caught_up([ROOM])
    for _ in range(2):
        delivery.rung(stream.commit())
    delivery.rung(claim)
    await _until(lambda: len(bob.heard) == 2)
    assert (bob.heard, dave.heard) == (["3", "4"], [])


async def test_what_an_event_is_about_is_read_where_it_is_not_said() -> None:
    """An event of a process that does not say what it is about is handed on as the log has it."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    bob = _connected(delivery, "bob", (ROOM, 0))
    delivery.rung(stream.commit()._replace(payload="without", about=None))
    await _until(lambda: bob.heard == ["1"])
    assert stream.reads


async def test_a_claim_is_forgotten_with_its_room() -> None:
    """A seq claimed of a room that nobody here is in deafens it for nobody who comes."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    stream.commit()
    delivery.rung(_claim(FAR))
    bob = _connected(delivery, "bob", (ROOM, 1))
    await _until(lambda: bool(stream.reads))
    await delivery.caught_up([ROOM])
    delivery.rung(stream.commit())
    await _until(lambda: bob.heard == ["2"])


async def test_what_is_committed_while_a_claim_is_looked_at_is_not_lost() -> None:
    """A true event that is heard of while the log is read for a false one is handed on by its own right."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    bob = _connected(delivery, "bob", (ROOM, 0))
    stream.commit()

    def meanwhile() -> None:
        stream.commit()
        delivery.rung(stream.commit())

    stream.while_reading = meanwhile
    delivery.rung(_claim(FAR))
    await _until(lambda: bob.heard == ["1", "2", "3"])


async def test_a_joining_said_again_brings_nobody_back() -> None:
    """The old event by which somebody joined, who was removed since, tells them nothing that came after that."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    joining = stream.commit(joined="dave")
    stream.commit(left="dave")
    stream.commit()
    dave = _connected(delivery, "dave")
    delivery.rung(joining)
    await _until(lambda: not delivery.missing.looking)
    delivery.rung(stream.commit())
    await delivery.caught_up([ROOM])
    assert dave.heard == ["1", "2"]
    assert delivery.members(ROOM) == ()


async def test_claims_are_bounded() -> None:
    """However much is claimed, little is kept and little is read at once."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    for _ in range(3_000):
        stream.commit()
    bob = _connected(delivery, "bob", (ROOM, 0))
    for seq in range(2, 5_000):
        delivery.rung(_claim(seq + FAR))
    assert len(delivery.rooms.open[ROOM].waiting) <= 1_000
    await _until(lambda: len(bob.heard) == 3_000)
    assert max(up_to - after for after, up_to in stream.reads) <= 1_000
    _connected(delivery, "dave")
    for n in range(500):
        delivery.rung(Event(f"conversation:{n}", 5, "forged", "x", joined=("dave",)))
    assert len(delivery.missing.looking) <= 100
    await _until(lambda: not delivery.missing.looking)


_said = st.lists(st.integers(0, 9) | st.just(FAR), max_size=25)


@given(_said, st.integers(0, 9))
def test_whatever_is_said_everybody_hears_all(said: list[int], before: int) -> None:
    """True events in any order, lost, doubled, and false ones between them: each is handed on once, in order."""

    async def play() -> None:
        stream = _Stream()
        delivery = Delivery(stream.read, SilentBell())
        for n in range(10):
            stream.commit(joined="dave" if n in (4, 8) else "", left="dave" if n == 6 else "")
        bob, dave = _connected(delivery, "bob", (ROOM, before)), _connected(delivery, "dave")
        for which in said:
            delivery.rung(_claim(FAR) if which == FAR else stream.events[which])
            await asyncio.sleep(0)
        delivery.reaches(ROOM, 10, [(5, ["dave"]), (9, ["dave"])])
        await delivery.caught_up([ROOM])
        assert bob.heard == [str(seq) for seq in range(before + 1, 11)]
        assert "10" in dave.heard
        assert dave.heard == sorted(set(dave.heard), key=int)
        assert "8" not in dave.heard

    asyncio.run(play())
