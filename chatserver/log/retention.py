"""Keeps the log for 30 days and deletes what is older, in small batches."""

import asyncio
import random
from collections import Counter

from chatserver.core.background import BackgroundTask
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.store import Database

_log = get_logger(__name__)

KEPT_DAYS = 30
_BATCH = 2_000
_PAUSE = 0.1
_EVERY = 3_600.0


class Retention(BackgroundTask):
    """Prunes the log and the kept answers of requests, once an hour."""

    def __init__(self, db: Database) -> None:
        self._db = db
        # How many events and how many requests were deleted, by these words.
        self.pruned: Counter[str] = Counter()

    async def prune(self, days: int = KEPT_DAYS) -> int:
        """Delete what is older than so many days. Returns how many events that was.

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

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            try:
                if pruned := await self.prune():
                    _log.info("log pruned", events=pruned)
            except ChatError:
                continue  # the database said so in the log already
            except Exception:
                _log.exception("the log could not be pruned")
