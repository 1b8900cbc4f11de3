"""The log is kept for 30 days; what is older goes, a little at a time."""

import asyncio
import random
from collections import Counter

from chatserver.errors import ChatError
from chatserver.logs import get_logger
from chatserver.store import Database

_log = get_logger(__name__)

KEPT_DAYS = 30
_BATCH = 2_000
_PAUSE = 0.1
_EVERY = 3_600.0


class Retention:
    """Prunes the log and the kept answers of requests, once an hour."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._task: asyncio.Task[None] | None = None
        # How many events and requests went, by these words.
        self.pruned: Counter[str] = Counter()

    def start(self) -> None:
        """Begin, at a time of this process's own."""
        self._task = asyncio.create_task(self._prune_for_ever())

    async def stop(self) -> None:
        """Prune no longer."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def prune(self, days: int = KEPT_DAYS) -> int:
        """Prune what is older than so many days; returns how many events went.

        Raises:
            ChatError: UNAVAILABLE
        """
        pruned = await self._prune("events", "prune_events", days)
        await self._prune("requests", "prune_requests", days)
        return pruned

    async def _prune(self, what: str, query: str, days: int) -> int:
        pruned = 0
        while True:
            row = await self._db.one(query, days, _BATCH)
            count = row["count"] if row else 0
            pruned += count
            self.pruned[what] += count
            if count < _BATCH:
                return pruned
            await asyncio.sleep(_PAUSE)  # others want the database too

    async def _prune_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_EVERY * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            try:
                if pruned := await self.prune():
                    _log.info("log pruned", events=pruned)
            except ChatError:
                continue  # the database said so in the log already
            except Exception:
                _log.exception("the log could not be pruned")
