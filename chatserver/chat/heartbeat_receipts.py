"""Writes down what devices have received, as heartbeats prove it: a pong proves all that came before its ping.

Clients that acknowledge their messages need none of this; the position kept here is for those that do not,
and for what a simple client is sent when it comes back.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from uuid import UUID

from chatserver.chat.status_updates import StatusUpdates
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.core.signal import Signal
from chatserver.store import Database

_log = get_logger(__name__)

# Heartbeats come in a trickle; one statement takes what came meanwhile.
_PAUSE = 0.5
_BATCH = 500
# How many positions may wait for the database; what is confirmed beyond them is confirmed again.
_MOST_WAITING = 100_000


class HeartbeatReceipts:
    """Collects positions and writes them in batches. Positions that a crash loses only cost a repetition."""

    def __init__(self, db: Database, updates: StatusUpdates) -> None:
        self._db = db
        self._updates = updates
        self._positions: dict[tuple[str, str], int] = {}
        # Whose positions wait, or are being written, and how many of them.
        self._unwritten: Counter[str] = Counter()
        self._hurried = asyncio.Event()
        self._written = Signal()
        self._task: asyncio.Task[None] | None = None

    def confirm(self, user_id: str, positions: Mapping[str, int]) -> None:
        """Note that a user's device has received the streams of these rooms up to these seqs."""
        for room, seq in positions.items():
            key = (user_id, room)
            if key in self._positions:
                self._positions[key] = max(seq, self._positions[key])
            elif len(self._positions) < _MOST_WAITING:
                self._positions[key] = seq
                self._unwritten[user_id] += 1
        if self._positions and self._task is None:
            self._task = asyncio.create_task(self._write_soon())

    def hurry(self, user_id: str) -> None:
        """Write without a pause what a user's device has received: it is gone, and may be back in a moment."""
        if user_id in self._unwritten:
            self._hurried.set()

    async def settle(self, user_id: str) -> None:
        """Wait until what a user's devices have received is written, or cannot be now."""
        while user_id in self._unwritten:
            self._hurried.set()
            await self._written.wait()

    async def close(self) -> None:
        """Write what is left."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._write()
        except ChatError:
            _log.warning("delivered positions were not written")

    async def _write_soon(self) -> None:
        try:
            while self._positions:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PAUSE):
                        await self._hurried.wait()
                self._hurried.clear()
                await self._write()
        except ChatError:
            # The database is away. The next heartbeats confirm the same and more.
            self._positions.clear()
        finally:
            self._task = None
            self._unwritten.clear()
            self._written.fire()

    async def _write(self) -> None:
        while self._positions:
            # The positions that came first, sorted by the order in which their rows are locked.
            batch = sorted(islice(self._positions, _BATCH))
            rows = [
                (user_id, room, self._positions.pop((user_id, room))) for user_id, room in batch
            ]
            await self._write_batch(rows)
            for user_id, _, _ in rows:
                self._unwritten[user_id] -= 1
                if self._unwritten[user_id] <= 0:
                    del self._unwritten[user_id]
            self._written.fire()

    async def _write_batch(self, rows: Sequence[tuple[str, str, int]]) -> None:
        """Write positions: a user, a room, and a seq each."""
        of_people = [(u, seq) for u, room, seq in rows if room.startswith("user:")]
        if of_people:
            await self._db.all(
                "advance_personal", [u for u, _ in of_people], [seq for _, seq in of_people]
            )
        talks = [
            (u, UUID(room.removeprefix("conversation:")), seq)
            for u, room, seq in rows
            if room.startswith("conversation:")
        ]
        if not talks:
            return
        users, conversations, seqs = zip(*talks, strict=True)
        advanced = await self._db.all("advance_delivered", users, conversations, seqs)
        await self._updates.prepare(row["conversation_id"] for row in advanced)
        for row in advanced:
            self._updates.add(row["user_id"], row["conversation_id"], row, status="delivered")
