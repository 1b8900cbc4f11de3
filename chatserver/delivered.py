"""What devices have received, as their heartbeats prove it: a pong answers a ping, and with it all before it.

Clients that acknowledge their messages need none of this; the position kept here is for those that do not,
and for what a simple client is sent when it comes back.
"""

import asyncio
from collections.abc import Mapping
from uuid import UUID

from chatserver.errors import ChatError
from chatserver.logs import get_logger
from chatserver.status_updates import StatusUpdates
from chatserver.store import Database

_log = get_logger(__name__)

# Heartbeats come in a trickle; one statement takes what came meanwhile.
_PAUSE = 0.5
_BATCH = 500
# How many positions may wait for the database; what is confirmed beyond them is confirmed again.
_MOST_WAITING = 100_000


class Delivered:
    """Collects positions and writes them in batches. What is lost with the process is only sent again."""

    def __init__(self, db: Database, updates: StatusUpdates) -> None:
        self._db = db
        self._updates = updates
        self._positions: dict[tuple[str, str], int] = {}
        self._task: asyncio.Task[None] | None = None

    def confirm(self, user_id: str, positions: Mapping[str, int]) -> None:
        """A user's device has received the streams of these rooms up to these seqs."""
        for room, seq in positions.items():
            key = (user_id, room)
            if key in self._positions or len(self._positions) < _MOST_WAITING:
                self._positions[key] = max(seq, self._positions.get(key, 0))
        if self._positions and self._task is None:
            self._task = asyncio.create_task(self._write_soon())

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
                await asyncio.sleep(_PAUSE)
                await self._write()
        except ChatError:
            # The database is away. The next heartbeats confirm the same and more.
            self._positions.clear()
        finally:
            self._task = None

    async def _write(self) -> None:
        while self._positions:
            batch = sorted(self._positions)[:_BATCH]
            rows = [
                (user_id, room, self._positions.pop((user_id, room))) for user_id, room in batch
            ]
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
                continue
            users, conversations, seqs = zip(*talks, strict=True)
            for row in await self._db.all("advance_delivered", users, conversations, seqs):
                self._updates.add(row["user_id"], row["conversation_id"], row, status="delivered")
