"""Tells those who have archived a conversation that a message has brought it back.

The message itself costs a comparison: where somebody has archived its conversation, a trigger writes one row
(`0014_settings.sql`). What is to be done for a thousand people is done here, in slices, after the send.
"""

import asyncio
import random

from chatserver.core.background import BackgroundTask
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.log import Changes, to_person
from chatserver.store import Database

_log = get_logger(__name__)

_EVERY = 1.0
_CONVERSATIONS = 20
# People in one transaction, which holds the conversation's lock.
_PEOPLE = 50


class Archive(BackgroundTask):
    """Brings archived conversations back, once a second; of several processes each takes what is left.

    Args:
        every: seconds.
    """

    def __init__(self, db: Database, changes: Changes, every: float = _EVERY) -> None:
        self._db = db
        self._changes = changes
        self._every = every

    async def revive(self) -> None:
        """Bring back what messages have brought back so far.

        Raises:
            ChatError: UNAVAILABLE
        """
        for row in await self._db.all("revivals", _CONVERSATIONS):
            rows = None
            while rows is None or len(rows) == _PEOPLE:
                rows = await self._db.all("revive", row["conversation_id"], _PEOPLE)
                await self._changes.hand_on(to_person(r["user_id"], r["seq"]) for r in rows)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
            try:
                await self.revive()
            except ChatError:
                continue  # the database said so in the log already
            except Exception:
                _log.exception("archived conversations could not be brought back")
