"""In which order clients are written to, and what they have in common."""

import asyncio

from chatserver.doors.connection.flusher import _FEW, _SLICE, Flusher


class Member:
    """Notes when it is written to."""

    def __init__(self, name: int, written: list[int]) -> None:
        self.name = name
        self._written = written

    def flush(self) -> None:
        """Its turn."""
        self._written.append(self.name)


async def test_who_waits_for_an_answer_is_written_to_first() -> None:
    """A client that is answered is not kept waiting for the many before it; all others keep their order."""
    written: list[int] = []
    flusher = Flusher()
    members = [Member(number, written) for number in range(_FEW + 1)]
    for member in members:
        flusher.add(member)
    flusher.hurry(members[-1])
    for _ in range(2):
        await asyncio.sleep(0)
    assert written == [members[-1].name, *(member.name for member in members)]


async def test_whatever_else_is_ready_has_its_turn() -> None:
    """A round through a large room does not keep the event loop for itself."""
    written: list[int] = []
    flusher = Flusher()
    for number in range(_FEW + 2 * _SLICE):
        flusher.add(Member(number, written))
    seen = []
    for _ in range(3):
        await asyncio.sleep(0)
        seen.append(len(written))
    assert seen == [_SLICE, 2 * _SLICE, 2 * _SLICE + _FEW]


async def test_who_comes_first_anyway_is_not_written_to_twice() -> None:
    """In a short round nobody needs to hurry."""
    written: list[int] = []
    flusher = Flusher()
    member = Member(1, written)
    flusher.add(member)
    flusher.hurry(member)
    await asyncio.sleep(0)
    assert written == [1]
