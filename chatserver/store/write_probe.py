"""Finds out whether the database can be written to: it may answer every query and still write nothing."""

import asyncio
import time

import asyncpg

from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.store import Database

_log = get_logger(__name__)

# However often we are asked: a write so often, one that takes new room on the disk less often (s).
_EVERY = 2.0
_WHOLE_EVERY = 10.0


class WriteProbe:
    """Asks the database whether it can be written to, and remembers the answer for a moment."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = asyncio.Lock()
        self._writable = True
        self._asked_at = self._asked_whole_at = float("-inf")
        self._refused = 0
        self._said = False
        # Whether the log says that it refuses writes, and not yet that it takes them.
        self._is_refused = False

    async def works(self) -> bool:
        """Return whether the database answers, and takes writes."""
        try:
            return await self._db.one("alive") is not None and await self.writable()
        except ChatError:
            return False

    async def writable(self) -> bool:
        """Return whether it takes writes; known within seconds, and at once where a client's write was refused."""
        async with self._lock:
            now = time.monotonic()
            refused = self._db.refused_writes
            if now - self._asked_at >= _EVERY or refused != self._refused:
                suspect = not self._writable or refused != self._refused
                whole = suspect or now - self._asked_whole_at >= _WHOLE_EVERY
                self._asked_at = now
                if whole:
                    self._asked_whole_at = now
                await self._ask(whole=whole)
                # Our own refusal is among them.
                self._refused = self._db.refused_writes
            return self._writable

    async def _ask(self, *, whole: bool) -> None:
        before = self._db.refused_writes
        try:
            row = await self._db.one("can_write", whole)
        except (ChatError, asyncpg.PostgresSystemError) as error:
            self._writable = False
            # One that gave no answer in time refused nothing; `Database` has said so.
            refused = self._db.refused_writes != before or not isinstance(error, ChatError)
            if refused and not self._is_refused:
                self._is_refused = True
                _log.error(
                    "the database cannot be written to: its disk is full, or it is read-only"
                )
            return
        except asyncpg.PostgresError as error:
            # That we may not ask says nothing of what clients send.
            if not self._said:
                self._said = True
                _log.warning("whether the database can be written to is not known", error=error)
            self._writable = True
            return
        if row is not None and row["so"]:
            if self._is_refused:
                self._is_refused = False
                _log.info("the database can be written to again")
            self._writable = True
