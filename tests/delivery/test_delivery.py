"""Membership rides the log: who is told what, however the events arrive."""

import asyncio
from collections.abc import Callable

from chatserver.core.caller import ASKER, Session, User
from chatserver.delivery.delivery import Delivery
from chatserver.delivery.late import Gap
from chatserver.delivery.pushes import Event, Frame, SilentBell
from tests.support.limits import generous
from tests.support.patience import PATIENCE
from tests.support.streams import missed

ROOM = "conversation:c"


class _Device:
    """A connection that keeps what it is sent."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.frames: list[Frame] = []

    def send(self, frame: Frame) -> None:
        self.frames.append(frame)

    @property
    def heard(self) -> list[str]:
        return [frame.name for frame in self.frames]


class _Stream:
    """A log of one room: events are committed here, and heard in any order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.reads: list[tuple[int, int]] = []
        self.while_reading: Callable[[], None] = lambda: None

    def commit(self, *, joined: str = "", left: str = "") -> Event:
        """The next event, named by its seq."""
        seq = len(self.events) + 1
        people = {"joined": tuple(joined.split()), "left": tuple(left.split())}
        event = Event(room=ROOM, seq=seq, name=str(seq), payload="all", welcome="new", **people)
        self.events.append(event)
        return event

    async def read(self, _room: str, after: int, up_to: int) -> list[Event]:
        self.reads.append((after, up_to))
        found = self.events[after:up_to]
        during, self.while_reading = self.while_reading, lambda: None
        during()
        await asyncio.sleep(0)
        return found


def _connected(delivery: Delivery, user_id: str, *positions: tuple[str, int]) -> _Device:
    device = _Device(user_id)
    delivery.register(device)
    assert delivery.attach(device, [(f"user:{user_id}", 0), *positions]) == []
    return device


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_who_joins_is_welcomed() -> None:
    """The person who joins by an event gets its welcome, everybody else its payload."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    old, new = _connected(delivery, "old", (ROOM, 0)), _connected(delivery, "new")
    delivery.hear(stream.commit(joined="new"))
    assert [frame.payload for frame in old.frames + new.frames] == ["all", "new"]


async def test_a_removal_heard_before_the_joining() -> None:
    """Who is added and removed hears both and no more, though the removal was heard of first."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    device = _connected(delivery, "bob")
    joined, left, later = stream.commit(joined="bob"), stream.commit(left="bob"), stream.commit()
    for event in (left, later, joined):
        delivery.hear(event)
    await _until(lambda: len(device.frames) >= 2 and not delivery.members(ROOM))
    assert device.heard == ["1", "2"]
    delivery.hear(stream.commit())
    assert device.heard == ["1", "2"]


async def test_the_only_member_here_is_removed_and_added_again() -> None:
    """A person who leaves a room and joins it again in one go stays in it."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    device = _connected(delivery, "bob", (ROOM, 0))
    left, between, joined = stream.commit(left="bob"), stream.commit(), stream.commit(joined="bob")
    for event in (joined, between, left):
        delivery.hear(event)
    assert device.heard == ["1", "3"]
    delivery.hear(stream.commit())
    assert device.heard == ["1", "3", "4"]


async def test_added_again_by_an_event_that_waits_for_another() -> None:
    """A room whose last member is gone is kept while the log is read for what may bring them back."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    device = _connected(delivery, "bob", (ROOM, 0))
    left, _lost, joined = stream.commit(left="bob"), stream.commit(), stream.commit(joined="bob")
    delivery.hear(left)
    delivery.hear(joined)
    delivery.hear(stream.commit())
    await _until(lambda: len(device.frames) >= 3)
    assert device.heard == ["1", "3", "4"]


async def _connecting(
    stream: _Stream, during: Callable[[Delivery], None]
) -> tuple[Delivery, _Device, list[str]]:
    """Bob asked where he stands at seq 0, while somebody else here was told more; what he missed."""
    delivery = Delivery(stream.read, SilentBell())
    _connected(delivery, "alice", (ROOM, 0))
    device = _Device("bob")
    delivery.register(device)
    for event in stream.events:
        delivery.hear(event)
    (gap,) = delivery.attach(device, [("user:bob", 0), (ROOM, 0)])
    assert gap == Gap(ROOM, 0, len(stream.events))
    stream.while_reading = lambda: during(delivery)
    return delivery, device, [frame.name for frame in await missed(delivery, device, gap)]


async def test_removed_while_connecting() -> None:
    """A removal in the gap is the last that the device hears, whatever is handed on while the gap is read."""
    stream = _Stream()
    stream.commit()
    stream.commit(left="bob")
    stream.commit()
    delivery, device, missed = await _connecting(stream, lambda d: d.hear(stream.commit()))
    delivery.hear(stream.commit())
    assert (missed, device.heard) == (["1", "2"], [])


async def test_a_gap_that_grows_while_it_is_read() -> None:
    """What is handed on while a gap is read belongs to the gap; after it the device is in the room."""
    stream = _Stream()
    stream.commit()
    delivery, device, missed = await _connecting(stream, lambda d: d.hear(stream.commit()))
    delivery.hear(stream.commit())
    assert (missed, device.heard) == (["1", "2"], ["3"])


async def test_removed_and_added_again_while_connecting() -> None:
    """A removal and a re-adding in the gap are both told, and the device is in the room."""
    stream = _Stream()
    for change in ({"left": "bob"}, {}, {"joined": "bob"}, {}):
        stream.commit(**change)
    delivery = Delivery(stream.read, SilentBell())
    _connected(delivery, "alice", (ROOM, 0))
    for event in stream.events:
        delivery.hear(event)
    device = _Device("bob")
    delivery.register(device)
    (gap,) = delivery.attach(device, [(ROOM, 0)])
    assert [frame.name for frame in await missed(delivery, device, gap)] == ["1", "3", "4"]
    delivery.hear(stream.commit())
    assert device.heard == ["5"]


async def test_nothing_is_left_when_everybody_is_gone() -> None:
    """Rooms go with their last member, and reading the log for them ends with the last connection."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    device = _connected(delivery, "bob", (ROOM, 0))
    stream.commit()
    delivery.hear(stream.commit())
    delivery.detach(device)
    await _until(lambda: not delivery.rooms.open)


async def test_what_was_handed_on_stays_so_when_nobody_is_left() -> None:
    """Joining and leaving, heard twice or read from the log once more, are not handed on again."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    device = _connected(delivery, "bob")
    joined, left = stream.commit(joined="bob"), stream.commit(left="bob")
    for event in (joined, left, joined, left):
        delivery.hear(event)
    assert delivery.reaches(ROOM, 2, [(1, ["bob"])])
    await delivery.caught_up([ROOM])
    assert device.heard == ["1", "2"]


async def test_joined_by_an_event_that_was_never_heard() -> None:
    """Bob's joining is lost, and then somebody connects to whom the room stands beyond it: the log tells him."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    bob = _connected(delivery, "bob")
    stream.commit()
    stream.commit(joined="bob")
    stream.commit()
    alice = _connected(delivery, "alice", (ROOM, 3))
    assert not delivery.reaches(ROOM, 3, [(2, ["bob"])]), "no offset may say so yet"
    await delivery.caught_up([ROOM])
    delivery.hear(stream.commit())
    assert (bob.heard, alice.heard) == (["2", "3", "4"], ["4"])
    assert bob.frames[0].payload == "new"


async def test_what_is_behind() -> None:
    """Of many streams, those in which something is missing here are named, and read: nothing else is."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    bob = _connected(delivery, "bob", (ROOM, 0), ("conversation:d", 7))
    carol = _connected(delivery, "carol")
    stream.commit()
    elsewhere = [(f"conversation:{n}", n) for n in range(1, 100)]
    reached = [*elsewhere, ("conversation:d", 7), (ROOM, 1), ("user:carol", 0)]
    assert delivery.behind(reached, {}) == [ROOM]
    await delivery.caught_up([ROOM])
    assert (bob.heard, carol.heard, stream.reads) == (["1"], [], [(0, 1)])
    assert delivery.behind(reached, {}) == []
    stream.commit(joined="carol")
    assert delivery.behind([(ROOM, 2)], {ROOM: [(2, ["carol"])]}) == [ROOM]
    await delivery.caught_up([ROOM])
    assert (bob.heard, carol.heard) == (["1", "2"], ["2"])


async def test_joined_and_gone_by_events_that_were_never_heard() -> None:
    """Who has left again by what was lost is told of both, and of nothing after."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    bob = _connected(delivery, "bob")
    stream.commit(joined="bob")
    stream.commit(left="bob")
    stream.commit()
    _connected(delivery, "alice", (ROOM, 3))
    delivery.reaches(ROOM, 3, [(1, ["bob"])])
    await delivery.caught_up([ROOM])
    delivery.hear(stream.commit())
    assert bob.heard == ["1", "2"]


async def test_joined_twice_by_events_that_were_never_heard() -> None:
    """Who has left and joined again by what was lost is told of it once, and is in the room."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    bob = _connected(delivery, "bob")
    for change in ({"joined": "bob"}, {"left": "bob"}, {}, {"joined": "bob"}):
        stream.commit(**change)
    _connected(delivery, "alice", (ROOM, 4))
    delivery.reaches(ROOM, 4, [(1, ["bob"]), (4, ["bob"])])
    await delivery.caught_up([ROOM])
    delivery.hear(stream.commit())
    assert bob.heard == ["1", "2", "4", "5"]


async def test_who_connects_knows_more_than_was_heard() -> None:
    """Where a connection says that a room reaches further, the log is read before the connection is ready."""
    stream = _Stream()
    delivery = Delivery(stream.read, SilentBell())
    here = _connected(delivery, "alice", (ROOM, 0))
    stream.commit()
    stream.commit()
    _connected(delivery, "bob", (ROOM, 2))
    await delivery.caught_up([ROOM])
    assert here.heard == ["1", "2"]


async def test_a_crowd_is_counted() -> None:
    """What more than a thousand connections get at once counts for who did it, as a message per thousand."""
    stream = _Stream()
    limiter = generous()
    delivery = Delivery(stream.read, SilentBell(), on_crowd=limiter.crowd)
    user = User(id="ann", username="ann", display_name="Ann")
    ASKER.set(Session(user=user, connection_id="c", expires_at=0.0))
    for number in range(1_000):
        _connected(delivery, f"user-{number}", (ROOM, 0))
    delivery.publish(stream.commit())
    assert limiter._messages.window("ann").here == 0
    for number in range(1_100):
        _connected(delivery, f"other-{number}", (ROOM, 1))
    delivery.publish(stream.commit())
    assert limiter._messages.window("ann").here == 2
    # Nobody's, as what the log brings.
    ASKER.set(None)
    delivery.publish(stream.commit())
    assert limiter._messages.window("ann").here == 2
