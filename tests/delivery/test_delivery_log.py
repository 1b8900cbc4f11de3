"""Rooms and the log: order, losses, repetitions, and who is told."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from chatserver.core.about import About
from chatserver.core.errors import unavailable
from chatserver.delivery import late, missing
from chatserver.delivery import rooms as rooms_module
from chatserver.delivery.delivery import Delivery
from chatserver.delivery.late import Gap
from chatserver.delivery.pushes import Event, Frame, SilentBell, conversation_room, user_room
from tests.support.patience import PATIENCE
from tests.support.streams import BrokenDevice, FakeDevice, MemoryLog, missed

ROOM = conversation_room("c")
OTHER = conversation_room("d")


class RecordingBell:
    """Keeps what it is rung for."""

    def __init__(self) -> None:
        self.rung: list[Event] = []
        self.told: list[Any] = []

    def ring(self, event: Event) -> None:
        """What `Delivery` calls."""
        self.rung.append(event)

    def tell(
        self,
        rooms: Sequence[str],
        name: str,
        payload: Any,
        skip_user: str | None,
        about: About | None = None,
    ) -> None:
        """What `Delivery` calls."""
        self.told.append((rooms, name, payload, skip_user))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No patience and no wait before another try."""
    monkeypatch.setattr(missing, "_PATIENCE", 0)
    for module in (missing, late):
        monkeypatch.setattr(module, "_RETRY", 0)


@pytest.fixture
def log() -> MemoryLog:
    """An empty log."""
    return MemoryLog()


@pytest.fixture
def delivery(log: MemoryLog) -> Delivery:
    """A process without connections."""
    return Delivery(log.read, SilentBell())


def join(delivery: Delivery, log: MemoryLog, device: FakeDevice, *rooms: str) -> FakeDevice:
    """Connect a device, at once, to its user's room and others."""
    delivery.register(device)
    names = (*rooms, user_room(device.user_id))
    assert delivery.attach(device, [(name, log.last(name)) for name in names]) == []
    return device


@pytest.fixture
async def alice(delivery: Delivery, log: MemoryLog) -> FakeDevice:
    """A device in the room."""
    return join(delivery, log, FakeDevice("alice"), ROOM)


@pytest.fixture
async def bob(delivery: Delivery, log: MemoryLog) -> FakeDevice:
    """Another person's device in the room."""
    return join(delivery, log, FakeDevice("bob"), ROOM)


async def test_in_order(delivery: Delivery, log: MemoryLog, alice: FakeDevice) -> None:
    """Events that are heard in order are handed on at once, and the log is not read."""
    for seq in (1, 2, 3):
        delivery.hear(log.commit(ROOM))
        assert alice.got[-1] == seq
    assert (alice.got, log.reads) == ([1, 2, 3], [])


async def test_out_of_order(delivery: Delivery, log: MemoryLog, alice: FakeDevice) -> None:
    """Events that are heard out of order are handed on in order, from what was heard."""
    events = [log.commit(ROOM) for _ in range(5)]
    for position in (1, 4, 0, 3, 2):
        delivery.hear(events[position])
    assert (alice.got, log.reads) == ([1, 2, 3, 4, 5], [])


async def test_duplicates(delivery: Delivery, log: MemoryLog, alice: FakeDevice) -> None:
    """An event that is heard again is dropped, be it handed on already or waiting."""
    first, second, third = [log.commit(ROOM) for _ in range(3)]
    for event in (third, third, first, first, second, second, third, first):
        delivery.hear(event)
    assert alice.got == [1, 2, 3]


async def test_a_gap_is_filled(
    delivery: Delivery, log: MemoryLog, alice: FakeDevice, bob: FakeDevice
) -> None:
    """What was never heard is read from the log, once, before what comes after it, for all members."""
    events = [log.commit(ROOM) for _ in range(5)]
    delivery.hear(events[0])
    delivery.hear(events[4])
    assert alice.got == [1]
    assert await alice.until(5) == await bob.until(5) == [1, 2, 3, 4, 5]
    assert log.reads == [(ROOM, 1, 5)]
    delivery.hear(log.commit(ROOM))
    assert alice.got[-1] == 6


async def test_what_is_to_be_published_is_not_read_before(
    delivery: Delivery, log: MemoryLog, alice: FakeDevice
) -> None:
    """What comes after an event that was committed here waits until that is published, with what caused it."""
    event, later = log.commit(ROOM), log.commit(ROOM)
    with delivery.coming(ROOM):
        delivery.hear(later)
        for _ in range(10):
            await asyncio.sleep(0)
        delivery.publish(event._replace(payload="with its origin"))
    assert alice.got == ["with its origin", 2]
    await delivery.caught_up([ROOM])
    assert log.reads == []


@pytest.mark.parametrize("error", [unavailable(), RuntimeError("a bug")], ids=["away", "a bug"])
async def test_a_log_that_fails_is_asked_again(
    delivery: Delivery, log: MemoryLog, alice: FakeDevice, error: Exception
) -> None:
    """A gap is filled in the end, also when the log cannot be read at first."""
    log.failures = [error] * 3
    log.commit(ROOM)
    delivery.hear(log.commit(ROOM))
    assert await alice.until(2) == [1, 2]
    assert len(log.reads) == 4


@pytest.mark.parametrize(("pruned", "got"), [(1, [1, 2, 3, 4, 5]), (3, [1, 4, 5]), (5, [1, 5])])
async def test_a_pruned_log(
    delivery: Delivery, log: MemoryLog, alice: FakeDevice, pruned: int, got: list[int]
) -> None:
    """What the log does not hold any more is skipped; what comes after it is handed on."""
    events = [log.commit(ROOM) for _ in range(5)]
    delivery.hear(events[0])
    log.pruned = pruned
    delivery.hear(events[4])
    async with asyncio.timeout(PATIENCE):
        assert await alice.until(5) == got
    delivery.hear(log.commit(ROOM))
    assert alice.got[-1] == 6


async def test_joining(delivery: Delivery, log: MemoryLog, alice: FakeDevice) -> None:
    """Who joins by an event gets it and what follows on all devices, and nothing from before."""
    devices = [join(delivery, log, FakeDevice("carol")) for _ in range(2)]
    delivery.hear(log.commit(ROOM))
    delivery.hear(log.commit(ROOM, joined=("carol", "somebody elsewhere")))
    delivery.hear(log.commit(ROOM))
    assert [device.got for device in devices] == [[2, 3], [2, 3]]
    assert alice.got == [1, 2, 3]


async def test_a_new_conversation_heard_backwards(delivery: Delivery, log: MemoryLog) -> None:
    """A message that is heard before the event that created its conversation is not left behind."""
    alice = join(delivery, log, FakeDevice("alice"))
    created, first, second = log.commit(ROOM, joined=("alice",)), log.commit(ROOM), log.commit(ROOM)
    for event in (second, first, created):
        delivery.hear(event)
    assert await alice.until(3) == [1, 2, 3]


async def test_leaving(
    delivery: Delivery, log: MemoryLog, alice: FakeDevice, bob: FakeDevice
) -> None:
    """Who leaves by an event gets that event, as their own removal, and nothing after it."""
    delivery.hear(log.commit(ROOM))
    delivery.hear(log.commit(ROOM, left=("bob",)))
    delivery.hear(log.commit(ROOM))
    assert (alice.got, bob.got) == ([1, 2, 3], [1, 2])
    assert list(delivery.members(ROOM)) == [alice]


async def test_what_is_pushed_while_a_connection_asks(
    delivery: Delivery, log: MemoryLog, alice: FakeDevice
) -> None:
    """Events between the question where a stream stands and its answer are a gap to read; later ones are sent."""
    bob = FakeDevice("bob")
    delivery.register(bob)
    delivery.hear(log.commit(ROOM))
    delivery.hear(log.commit(ROOM))
    assert delivery.attach(bob, [(ROOM, 0), (user_room("bob"), 0)]) == [Gap(ROOM, 0, 2)]
    frames = await missed(delivery, bob, Gap(ROOM, 0, 2))
    assert [frame.payload for frame in frames] == [1, 2]
    delivery.hear(log.commit(ROOM))
    assert (bob.got, alice.got) == ([3], [1, 2, 3])


async def test_what_passes_an_empty_room_while_a_connection_asks(
    delivery: Delivery, log: MemoryLog
) -> None:
    """The same in a room that nobody else here is in: what was heard meanwhile is read and sent."""
    bob = FakeDevice("bob")
    delivery.register(bob)
    delivery.hear(log.commit(ROOM))
    delivery.hear(log.commit(ROOM))
    assert delivery.attach(bob, [(ROOM, 0), (user_room("bob"), 0)]) == []
    assert await bob.until(2) == [1, 2]


async def test_what_is_created_while_a_connection_asks(delivery: Delivery, log: MemoryLog) -> None:
    """A conversation that is created after the question where streams stand finds the connection by its user."""
    bob = FakeDevice("bob")
    delivery.register(bob)
    delivery.hear(log.commit(ROOM, joined=("bob",)))
    assert delivery.attach(bob, [(user_room("bob"), 0)]) == []
    delivery.hear(log.commit(ROOM))
    assert bob.got == [1, 2]


async def test_personal_events(delivery: Delivery, log: MemoryLog) -> None:
    """A person's own events go to all their devices, in order, and to nobody else."""
    first, second = FakeDevice("alice"), FakeDevice("alice")
    other = join(delivery, log, FakeDevice("bob"))
    own = user_room("alice")
    delivery.register(first)
    delivery.hear(log.commit(own))
    delivery.hear(log.commit(own))
    assert first.got == []  # where the stream stands is still being asked
    assert delivery.attach(first, [(own, 1)]) == []
    assert first.got == [2]
    join(delivery, log, second)
    log.commit(own)
    delivery.hear(log.commit(own))
    assert await first.until(4) == [2, 3, 4]
    assert (second.got, other.got) == ([3, 4], [])


async def test_a_broken_connection_keeps_nothing_from_others(
    delivery: Delivery, log: MemoryLog, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that refuses a push is logged, and all others get it."""
    kinds = (FakeDevice, BrokenDevice, FakeDevice, BrokenDevice, FakeDevice)
    devices = [join(delivery, log, kind(f"u{n}"), ROOM) for n, kind in enumerate(kinds)]
    delivery.hear(log.commit(ROOM))
    delivery.told([ROOM], Frame("typing", "t"))
    assert [device.got for device in devices] == [[1, "t"], [], [1, "t"], [], [1, "t"]]
    assert "broken on purpose" in caplog.text


async def test_a_connection_that_is_gone_is_forgotten(
    delivery: Delivery, log: MemoryLog, alice: FakeDevice, bob: FakeDevice
) -> None:
    """A detached connection gets nothing; with the last one its rooms are gone, and what passes is remembered."""
    assert delivery.has("alice")
    delivery.detach(alice)
    delivery.hear(log.commit(ROOM))
    assert (alice.got, bob.got) == ([], [1])
    assert not delivery.has("alice")
    delivery.detach(bob)
    delivery.detach(bob)
    assert (delivery.rooms.open, delivery.rooms.of) == ({}, {})
    delivery.hear(log.commit(ROOM))
    again = join(delivery, log, FakeDevice("bob"), ROOM)
    delivery.hear(log.commit(ROOM))
    assert (again.got, bob.got) == ([3], [1])


async def test_what_passed_is_bounded(
    delivery: Delivery, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rooms without connections only the latest are remembered."""
    monkeypatch.setattr(rooms_module, "_PASSED", 3)
    for number in range(9):
        delivery.hear(log.commit(conversation_room(number)))
    assert list(delivery.rooms.passed) == [conversation_room(number) for number in (6, 7, 8)]


async def test_ephemeral_pushes(delivery: Delivery, log: MemoryLog) -> None:
    """An ephemeral push reaches each connection in its rooms once, but not those of who caused it."""
    alice, bob = [join(delivery, log, FakeDevice(name), ROOM, OTHER) for name in "ab"]
    carol = join(delivery, log, FakeDevice("c"), OTHER)
    delivery.tell([ROOM, OTHER, "conversation:none"], "typing", 1)
    delivery.tell([ROOM], "typing", 2, skip_user="a")
    delivery.tell([ROOM, OTHER], "typing", 3, skip_user="a")
    delivery.tell([], "typing", 4)
    delivery.told_all(Frame("draining", 5))
    assert (alice.got, bob.got, carol.got) == ([1, 5], [1, 2, 3, 5], [1, 3, 5])


async def test_other_processes_are_told(log: MemoryLog) -> None:
    """What is published or told here is rung for the other processes; what is heard from them is not."""
    bell = RecordingBell()
    delivery = Delivery(log.read, bell)
    event = log.commit(ROOM)
    delivery.hear(event)
    delivery.told([ROOM], Frame("typing", 1))
    assert (bell.rung, bell.told) == ([], [])
    delivery.publish(event)
    delivery.tell([ROOM], "typing", 1, skip_user="a")
    assert bell.rung == [event]
    assert bell.told == [([ROOM], "typing", 1, "a")]


async def test_what_is_heard_while_the_log_is_read_is_not_taken_for_pruned(log: MemoryLog) -> None:
    """A read that brings nothing new, since it was heard meanwhile, does not make what came later be skipped."""
    heard_meanwhile: list[Event] = []

    async def read(room: str, after: int, up_to: int) -> list[Event]:
        found = await log.read(room, after, up_to)
        while heard_meanwhile:
            delivery.hear(heard_meanwhile.pop(0))
        return found

    delivery = Delivery(read, SilentBell())
    device = join(delivery, log, FakeDevice("a"), ROOM)
    first, second, _third, fourth = [log.commit(ROOM) for _ in range(4)]
    heard_meanwhile += [first, fourth]
    delivery.hear(second)
    async with asyncio.timeout(PATIENCE):
        assert await device.until(4) == [1, 2, 3, 4]
