"""Looks through what was read, in a thread, for as long as a page's work may take."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeAlias
from uuid import UUID

from chatserver.core.boxes import Box
from chatserver.core.crypto import DecryptionError
from chatserver.core.times import milliseconds
from chatserver.resources import MessageReader
from chatserver.search.folding import fold
from chatserver.search.reading import Reading
from chatserver.search.segments import Wanted, found_in, open_segment, place_of
from chatserver.store import Record

Hit: TypeAlias = tuple[UUID, int]
"""A message: its conversation and its number."""


class Look:
    """Looks through some blocks, from one `run` to the next.

    Attributes:
        reached: the conversation in which it is, and the lowest number there that was looked through; None before
            all.
        is_done: whether all was looked through.
        broken: a block's segment that does not open; it is not looked further then.
    """

    def __init__(
        self, readings: Sequence[Reading], wanted: Wanted, box: Box, reader: MessageReader
    ) -> None:
        self.reached: Hit | None = None
        self.is_done = False
        self.broken: Reading | None = None
        self._wanted = wanted
        self._box = box
        self._reader = reader
        self._steps = self._look(readings)

    def run(self, most: int, seconds: float) -> tuple[list[Hit], float]:
        """Look on until so many messages are found, or for so many seconds of the processor's time.

        Returns:
            What was found, in order, and how many seconds it took.

        Raises:
            DecryptionError: a message's key is not known.
        """
        began = time.thread_time()
        found: list[Hit] = []
        for step, is_hit in self._steps:
            self.reached = step
            if is_hit:
                found.append(step)
            if len(found) == most or time.thread_time() - began >= seconds:
                break
        else:
            self.is_done = self.broken is None
        return found, time.thread_time() - began

    def _look(self, readings: Sequence[Reading]) -> Iterator[tuple[Hit, bool]]:
        """Yield after each step how far it has come, and whether that message has what is wanted."""
        for reading in readings:
            block = reading.block
            talk, first, last = block.talk, block.first, block.last
            for row in reading.rows:
                yield (talk.id, row["number"]), self._has(row)
            if reading.sealed is not None:
                place = place_of(talk.id, block.segment, reading.sealed_last)
                try:
                    opened = open_segment(self._box, place, reading.sealed)
                except DecryptionError:
                    self.broken = reading
                    return
                for number in found_in(opened, self._wanted, range(first, last + 1).__contains__):
                    yield (talk.id, number), True
            yield (talk.id, first), False

    def _has(self, row: Record) -> bool:
        wanted = self._wanted
        if not wanted.fits(row["sender_id"], milliseconds(row["created_at"])):
            return False
        text = self._reader.text_of(row)
        return text is not None and wanted.text in fold(text)
