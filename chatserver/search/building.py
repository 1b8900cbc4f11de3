"""Makes segments of what was said: behind searches that miss them, or all of them at once."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from typing import Literal, NamedTuple
from uuid import UUID

from chatserver.core.background import BackgroundTask
from chatserver.core.boxes import Box
from chatserver.core.crypto import DecryptionError
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.core.signal import Signal
from chatserver.core.times import milliseconds, since_1970
from chatserver.resources import MessageReader
from chatserver.search.folding import fold
from chatserver.search.segments import (
    FORM,
    MOST_BYTES,
    Entry,
    first_of,
    last_of,
    place_of,
    seal_segment,
)
from chatserver.store import Database, Record

_log = get_logger(__name__)

Outcome = Literal["built", "changed", "unreadable"]
"""What became of a segment: none is kept where a message was changed meanwhile, or has an unknown key."""

# Segments of one conversation that are looked for at a time.
_GAPS = 64
# Conversations that wait; of more than these, the next search reminds.
_MOST_WAITING = 1_000
# What is built behind searches takes this part of a processor at most.
_SHARE = 0.25


class _Made(NamedTuple):
    """A segment as it is kept: up to which number it goes, and a digest of the nonces that it was made of."""

    last_number: int
    is_full: bool
    first_time: int
    last_time: int
    sealed: bytes
    made_of: bytes


class Builder:
    """Builds the segments that a conversation lacks.

    Args:
        threads: where messages are opened and packed.
    """

    def __init__(self, db: Database, box: Box, reader: MessageReader, threads: Executor) -> None:
        self._db = db
        self._box = box
        self._reader = reader
        self._threads = threads
        # How many segments were built.
        self.built = 0

    async def build(self, conversation_id: UUID) -> AsyncIterator[Outcome]:
        """Build what is missing of a conversation, the newest first; yield what became of each.

        Raises:
            ChatError: UNAVAILABLE
        """
        below = 2**62
        while True:
            gaps = await self._db.all(
                "search_gaps", conversation_id, self._box.key_id, FORM, below, _GAPS
            )
            for gap in gaps:
                yield await self._build(conversation_id, gap["segment"], gap["last_number"])
            if len(gaps) < _GAPS:
                return
            below = gaps[-1]["segment"]

    async def _build(self, conversation_id: UUID, segment: int, last_number: int) -> Outcome:
        # The newest first, and cut after some mebibytes: what is cut off is read by itself, and so on.
        rows: list[Record] = []
        first = first_of(segment)
        while not rows or rows[-1]["number"] > first:
            last = rows[-1]["number"] - 1 if rows else last_number
            more = await self._db.all("search_messages", [conversation_id], [first], [last])
            if not more:
                return "changed"
            rows += more
        loop = asyncio.get_running_loop()
        try:
            made = await loop.run_in_executor(
                self._threads, self._made, conversation_id, segment, rows[::-1]
            )
        except DecryptionError:
            return "unreadable"
        kept = await self._db.one(
            "keep_segment",
            conversation_id,
            segment,
            made.last_number,
            made.is_full,
            since_1970(made.first_time),
            since_1970(made.last_time),
            self._box.key_id,
            FORM,
            made.sealed,
            made.made_of,
        )
        if kept is None or not kept["is_kept"]:
            return "changed"
        self.built += 1
        return "built"

    def _made(self, conversation_id: UUID, segment: int, rows: Sequence[Record]) -> _Made:
        """Pack messages, in the order of their numbers, until their texts are too long for one segment.

        Raises:
            DecryptionError: a message's key is not known.
        """
        entries: list[Entry] = []
        digest = hashlib.sha256()
        size, times = 0, []
        for row in rows:
            number, moment = row["number"], milliseconds(row["created_at"])
            digest.update(row["nonce"] or b"")
            times.append(moment)
            text = self._reader.text_of(row)
            if text is not None:
                folded = fold(text)
                entries.append(Entry(number, row["sender_id"], moment, folded))
                size += len(folded.encode())
            if size > MOST_BYTES:
                break
        place = place_of(conversation_id, segment, number)
        return _Made(
            last_number=number,
            is_full=size > MOST_BYTES or number == last_of(segment),
            first_time=min(times),
            last_time=max(times),
            sealed=seal_segment(self._box, place, entries),
            made_of=digest.digest(),
        )


class BackgroundBuilder(BackgroundTask):
    """Builds segments of conversations in which searches have missed some, one after the other and unhurried."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._waiting: dict[UUID, None] = {}
        self._signal = Signal()

    def want(self, conversation_id: UUID) -> None:
        """Have a conversation's segments built some time soon."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting[conversation_id] = None
            self._signal.fire()

    async def _run(self) -> None:
        while True:
            while not self._waiting:
                await self._signal.wait()
            conversation_id = next(iter(self._waiting))
            try:
                began = time.monotonic()
                async for _ in self._builder.build(conversation_id):
                    now = time.monotonic()
                    await asyncio.sleep((now - began) * (1 / _SHARE - 1))
                    began = time.monotonic()
            except ChatError:
                await asyncio.sleep(1)  # the database said so in the log already
            except Exception:
                _log.exception("segments of a conversation could not be built")
            # Only now: what is asked for meanwhile is being done.
            self._waiting.pop(conversation_id, None)
