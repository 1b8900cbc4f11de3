"""What is not settled in time expires, once, however many are watched."""

import asyncio

from chatserver.core.deadlines import Deadlines
from tests.support.patience import PATIENCE


class Command:
    """Is settled by somebody, or expires."""

    def __init__(self) -> None:
        self.settled = False
        self.expired = asyncio.Event()

    def expire(self) -> None:
        """Too late."""
        assert not self.settled
        self.settled = True
        self.expired.set()


async def test_what_is_not_settled_expires() -> None:
    """Each that is watched expires, also those that come while others are waiting or after they expired."""
    deadlines = Deadlines(0.01)
    for _ in range(2):
        commands = [Command() for _ in range(3)]
        for command in commands:
            deadlines.watch(command)
        for command in commands:
            await asyncio.wait_for(command.expired.wait(), PATIENCE)


async def test_what_is_settled_does_not() -> None:
    """Who was settled in time is left alone, before or after one who was not."""
    deadlines = Deadlines(0.01)
    commands = [Command() for _ in range(5)]
    for command in commands:
        deadlines.watch(command)
    for command in commands[0], commands[2], commands[4]:
        command.settled = True
    for command in commands[1], commands[3]:
        await asyncio.wait_for(command.expired.wait(), PATIENCE)
    assert not any(commands[n].expired.is_set() for n in (0, 2, 4))


async def test_what_is_settled_is_forgotten() -> None:
    """A busy server keeps no more than what is under way, not all of the last seconds."""
    deadlines = Deadlines(3600)
    for _ in range(1000):
        command = Command()
        deadlines.watch(command)
        command.settled = True
    assert len(deadlines._watched) == 1
