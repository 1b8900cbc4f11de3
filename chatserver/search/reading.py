"""Reads what a search looks through: sealed segments, and the messages that no segment covers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from chatserver.core.boxes import Box
from chatserver.core.logging import get_logger
from chatserver.search.places import Block
from chatserver.search.segments import FORM, WORTH, first_of
from chatserver.store import Database, Record

_log = get_logger(__name__)

# Messages that are read for one look, about; opening one takes some microseconds.
_MESSAGES = 1_024
# What the query of messages returns at most before the last one, bytes (sql/queries/search.sql).
_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a block: messages, the newest first, and then a segment.

    Attributes:
        rows: those above the segment's last number.
        sealed: the segment; None where there is none to be looked through.
        sealed_last: the number of its last message.
    """

    block: Block
    rows: Sequence[Record]
    sealed: bytes | None
    sealed_last: int


class SegmentReader:
    """Reads blocks of conversations. Counts the segments and the messages that were read.

    Args:
        on_gap: told of a conversation of which a segment should be built.
    """

    def __init__(self, db: Database, box: Box, on_gap: Callable[[UUID], None]) -> None:
        self._db = db
        self._box = box
        self._on_gap = on_gap
        self.read_segments = 0
        self.read_messages = 0

    async def read(
        self,
        blocks: Sequence[Block],
        before: datetime | None,
        after: datetime | None,
    ) -> list[Reading]:
        """Return what there is in the first of these blocks: one or more, the last of which may be cut.

        Args:
            before, after: segments that have nothing between these times are left out.

        Raises:
            ChatError: UNAVAILABLE
        """
        spans = [
            (talk.id, theirs[-1].segment, theirs[0].segment)
            for talk, group in groupby(blocks, key=lambda block: block.talk)
            if (theirs := list(group))
        ]
        found = await self._db.all(
            "search_segments", *map(list, zip(*spans, strict=True)), before, after
        )
        segments = {
            (row["conversation_id"], row["segment"]): row
            for row in found
            if row["form"] == FORM and row["key_id"] in self._box.key_ids
        }
        readings: list[Reading] = []
        uncovered: list[tuple[int, UUID, int, int]] = []
        many = 0
        for block in blocks:
            row = segments.get((block.talk.id, block.segment))
            if row is not None and row["is_skipped"]:
                break
            sealed_last = first_of(block.segment) - 1 if row is None else row["last_number"]
            first = max(block.first, sealed_last + 1)
            if block.last - first + 1 >= WORTH or (row and row["key_id"] != self._box.key_id):
                self._on_gap(block.talk.id)
            if first <= block.last:
                uncovered.append((len(readings), block.talk.id, first, block.last))
                many += block.last - first + 1
            sealed = None if row is None or sealed_last < block.first else row["sealed"]
            self.read_segments += sealed is not None
            readings.append(Reading(block, (), sealed, sealed_last))
            if many >= _MESSAGES:
                break
        return await self._with_messages(readings, uncovered)

    async def forget(self, reading: Reading) -> None:
        """Delete a segment that does not open, so that its messages are read.

        Raises:
            ChatError: UNAVAILABLE
        """
        block = reading.block
        _log.error("a segment was altered in the database", conversation_id=str(block.talk.id))
        await self._db.all("forget_segment", block.talk.id, block.segment, reading.sealed)

    async def _with_messages(
        self, readings: list[Reading], uncovered: Sequence[tuple[int, UUID, int, int]]
    ) -> list[Reading]:
        if not uncovered:
            return readings
        asked = list(map(list, zip(*uncovered, strict=True)))
        rows = await self._db.all("search_messages", *asked[1:])
        self.read_messages += len(rows)
        for place, theirs in groupby(rows, key=lambda row: row["place"]):
            at = uncovered[place - 1][0]
            readings[at] = replace(readings[at], rows=list(theirs))
        if sum(len(row["ciphertext"] or b"") for row in rows) <= _BYTES:
            return readings
        # It was cut there: what comes behind was not read.
        last = rows[-1]
        at = uncovered[last["place"] - 1][0]
        block = replace(readings[at].block, first=last["number"])
        cut = replace(readings[at], block=block, sealed=None)
        return [*readings[:at], cut]
