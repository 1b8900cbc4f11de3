"""Whatever becomes of the bell, and whenever people connect: every device has every event once, in order."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from chatserver.core.errors import ChatError, unavailable
from chatserver.delivery import late, missing
from chatserver.delivery.delivery import Delivery
from chatserver.delivery.late import Gap
from chatserver.delivery.pushes import SilentBell, conversation_room, user_room
from tests.support.patience import PATIENCE
from tests.support.streams import FakeDevice, MemoryLog, missed

ROOM = conversation_room("c")
STEPS = st.one_of(
    st.just(("publish", 0)),
    st.just(("commit", 0)),
    st.tuples(st.just("hear"), st.integers(0, 20)),
    st.just(("tick", 0)),
    st.just(("fail", 0)),
    st.tuples(st.sampled_from(["ask", "attach", "read", "detach"]), st.integers(0, 1)),
)


@dataclass
class Connecting:
    """A member's device on its way in, as a door lets it in: ask, attach, read what was missed."""

    device: FakeDevice
    asked: int
    gaps: list[Gap] | None = None
    missed: list[Any] = field(default_factory=list)
    reading: asyncio.Task[None] | None = None

    def attach(self, delivery: Delivery) -> None:
        """It was told where its streams stand."""
        if self.gaps is None:
            own = (user_room(self.device.user_id), 0)
            self.gaps = delivery.attach(self.device, [(ROOM, self.asked), own])

    def start(self, delivery: Delivery) -> asyncio.Task[None]:
        """It begins to read what was handed on meanwhile, if it has not yet."""
        self.attach(delivery)
        if self.reading is None:
            self.reading = asyncio.create_task(self._read(delivery))
        return self.reading

    async def _read(self, delivery: Delivery) -> None:
        for gap in self.gaps or ():
            frames = None
            while frames is None:
                with contextlib.suppress(ChatError):
                    frames = await missed(delivery, self.device, gap)
            self.missed += [frame.payload for frame in frames]

    @property
    def all(self) -> list[Any]:
        """What its client sees: what it missed first, then what was pushed to it."""
        return self.missed + self.device.got


async def play(steps: list[tuple[str, int]]) -> None:
    """Play the steps, then let everything arrive, and judge."""
    log = MemoryLog()
    delivery = Delivery(log.read, SilentBell())
    here: dict[int, Connecting] = {}
    steady = FakeDevice("steady")
    delivery.register(steady)
    delivery.attach(steady, [(ROOM, 0), (user_room("steady"), 0)])
    for act, number in steps:
        match act:
            case "publish":
                delivery.hear(log.commit(ROOM))
            case "commit":
                log.commit(ROOM)
            case "hear" if log.last(ROOM):
                delivery.hear(log.streams[ROOM][number % log.last(ROOM)])
            case "tick":
                await asyncio.sleep(0)
            case "fail":
                log.failures = [unavailable()]
            case "ask" if number not in here:
                here[number] = Connecting(FakeDevice("u"), log.last(ROOM))
                delivery.register(here[number].device)
            case "attach" if number in here:
                here[number].attach(delivery)
            case "read" if number in here:
                here[number].start(delivery)
            case "detach" if number in here:
                gone = here.pop(number)
                delivery.detach(gone.device)
                if gone.reading:
                    await gone.reading
    for connecting in here.values():
        await connecting.start(delivery)
    log.failures = []
    last = log.commit(ROOM)
    delivery.hear(last)
    assert await steady.until(last.seq) == list(range(1, last.seq + 1))
    for connecting in here.values():
        got = connecting.all
        # A room here may lag behind what a device was told elsewhere: it hears that again, and nothing twice.
        assert got == list(range(got[0], last.seq + 1))
        assert got[0] <= connecting.asked + 1
        delivery.detach(connecting.device)
    delivery.detach(steady)
    await delivery.caught_up([ROOM])
    assert (delivery.rooms.open, delivery.rooms.of) == ({}, {})


@given(st.lists(STEPS, max_size=40))
@settings(deadline=None, max_examples=300)
def test_every_device_has_every_event_once_in_order(steps: list[tuple[str, int]]) -> None:
    """Losses, repetitions, disorder, failing reads, connecting in the midst: each hears all, once, in order."""
    with patch.multiple(missing, _PATIENCE=0, _RETRY=0), patch.object(late, "_RETRY", 0):
        asyncio.run(asyncio.wait_for(play(steps), PATIENCE))
