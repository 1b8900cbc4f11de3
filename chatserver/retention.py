"""The log is kept for 30 days; what is older goes, a little at a time."""

import asyncio
import random

from chatserver.errors import ChatError
from chatserver.logs import get_logger
from chatserver.store import Database

_log = get_logger(__name__)

KEPT_DAYS = 30
_BATCH = 2_000
_EVERY = 3_600.0


class Retention:
    """Prunes the log and the kept answers of requests, once an hour."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._task: asyncio.Task[None] | None = None

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
        pruned = 0
        while True:
            row = await self._db.one("prune_events", days, _BATCH)
            count = row["count"] if row else 0
            pruned += count
            if count < _BATCH:
                break
            await asyncio.sleep(0.1)  # others want the database too
        await self._db.all("prune_requests", days)
        return pruned

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
