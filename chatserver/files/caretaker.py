"""Ends what nobody else has: files that were not sent, objects that are nobody's, looks that stopped half way."""

import asyncio
import random
from collections import Counter

from chatserver.core.background import BackgroundTask
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.files.completion import Completion
from chatserver.files.objects import Objects
from chatserver.files.storage import StorageError
from chatserver.store import Database

_log = get_logger(__name__)

# How long a file waits to be sent (s).
_UNCLAIMED = 24 * 3600
_BATCH = 100
_EVERY = 10.0


class Caretaker(BackgroundTask):
    """Looks every ten seconds. Several processes may: each row is one's at a time."""

    def __init__(self, db: Database, objects: Objects, completion: Completion) -> None:
        self._db = db
        self._objects = objects
        self._completion = completion
        # How many files and objects were deleted, by these words.
        self.deleted: Counter[str] = Counter()

    async def look(self, unclaimed: int = _UNCLAIMED) -> None:
        """Do what is to be done.

        Args:
            unclaimed: seconds after which a file that was not sent goes.

        Raises:
            ChatError: UNAVAILABLE
            StorageError
        """
        await self._completion.go_on()
        while True:
            row = await self._db.one("drop_unclaimed_files", unclaimed, _BATCH)
            count = row["count"] if row else 0
            self.deleted["files"] += count
            if count < _BATCH:
                break
        while rows := await self._db.all("doomed_objects", _BATCH):
            for row in rows:
                await self._objects.storage.delete(row["id"])
                await self._db.one("forget_object", row["id"])
            self.deleted["objects"] += len(rows)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            try:
                await self.look()
            except ChatError:
                continue  # the database said so in the log already
            except StorageError as error:
                _log.warning("files could not be deleted", error=str(error))
            except Exception:
                _log.exception("files could not be looked after")
