"""``chatserver search build``: seals what was said in segments, for all conversations that lack some."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from chatserver.config import Settings
from chatserver.core.boxes import Box
from chatserver.core.crypto import Vault
from chatserver.ops.progress import Progress, progress
from chatserver.resources import Directory, MessageReader
from chatserver.search import PURPOSE, SIZE, Builder
from chatserver.store import Database

# Conversations that are looked up at a time.
_TALKS = 500


@dataclass(frozen=True, slots=True)
class Built:
    """How many segments were built, and how many could not be, and why."""

    built: int
    changed: int
    unreadable: int

    def __str__(self) -> str:
        """Return one line for people."""
        told = [f"built {self.built} segments"]
        if self.changed:
            told.append(f"{self.changed} were changed meanwhile, run it again")
        if self.unreadable:
            told.append(
                f"{self.unreadable} have messages whose key is not configured: put the old CHAT_ENCRYPTION_KEY "
                "into CHAT_ENCRYPTION_KEY_PREVIOUS"
            )
        return "; ".join(told)


async def run(settings: Settings, dsn: str) -> Built:
    """Build all segments that are missing, or were sealed with another key; what is there is passed over.

    Raises:
        ConfigError, DatabaseAwayError: the database cannot be reached.
        ChatError: UNAVAILABLE where it was lost in the middle of it.
    """
    db = await Database.connect(settings.database, dsn)
    try:
        vault = Vault(settings.encryption_keys)
        with ThreadPoolExecutor(1) as threads:
            reader = MessageReader(vault, Directory(db))
            builder = Builder(db, Box(vault, PURPOSE), reader, threads)
            total = await db.one("search_total")
            with progress(total["messages"] if total else 0) as bar:
                return await _build_all(db, builder, bar)
    finally:
        await db.close()


async def _build_all(db: Database, builder: Builder, bar: Progress) -> Built:
    counts: Counter[str] = Counter()
    async for conversation_id, messages in _talks(db):
        left = messages
        async for outcome in builder.build(conversation_id):
            counts[outcome] += 1
            done = min(left, SIZE)
            left -= done
            bar.update(done)
        bar.update(left)
    return Built(counts["built"], counts["changed"], counts["unreadable"])


async def _talks(db: Database) -> AsyncIterator[tuple[UUID, int]]:
    """Yield the conversations that may be searched, and how many messages each has."""
    after = UUID(int=0)
    while rows := await db.all("search_everywhere", after, _TALKS):
        for row in rows:
            yield row["id"], row["last_number"]
        after = rows[-1]["id"]
