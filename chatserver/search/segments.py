"""Packs what was said in a part of a conversation into one sealed piece, which is looked through as a whole.

A segment covers up to 256 messages by their dense numbers: their folded texts (`fold`), who wrote them and when.
All of it is copied from messages: it is a cache, and what it finds is looked up before it is shown.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import orjson

from chatserver.core.boxes import Box
from chatserver.search.folding import UNICODE

# Messages of one segment: those whose number is among 256 * n + 1 … 256 * (n + 1).
SIZE = 256
# So many messages are worth a new segment (sql/queries/search.sql); fewer are read by themselves.
WORTH = 32
# Folded texts of one segment, bytes of UTF-8: one of long texts ends before it has 256 messages.
MOST_BYTES = 512 * 1024
# How a segment is written: another form, or another version of Unicode, makes it one to be written anew.
FORM = f"1.{UNICODE}"
# What the purpose of its key is called.
PURPOSE = b"search segments"

# Its length tells little of what is in it: it is a multiple of this.
_GRAIN = 1024
_LENGTH = 4
# Between texts; no text that was sent has it.
_BETWEEN = b"\0"


class Entry(NamedTuple):
    """A message with a text, as it is looked through."""

    number: int
    sender_id: str
    # Milliseconds since 1970.
    time: int
    # Folded.
    text: str


class Wanted(NamedTuple):
    """What is looked for: a folded text; and by whom, and between which times (ms since 1970), none included."""

    text: str
    sender_id: str | None = None
    before: int | None = None
    after: int | None = None

    def fits(self, sender_id: str, time: int) -> bool:
        """Return whether a message by that person at that time is meant."""
        return (
            (self.sender_id is None or sender_id == self.sender_id)
            and (self.before is None or time < self.before)
            and (self.after is None or time > self.after)
        )


def segment_of(number: int) -> int:
    """Return which segment the message of that number is in."""
    return (number - 1) // SIZE


def first_of(segment: int) -> int:
    """Return the number of a segment's first message."""
    return segment * SIZE + 1


def last_of(segment: int) -> int:
    """Return the number of a segment's last message, once it is full."""
    return (segment + 1) * SIZE


def place_of(conversation_id: UUID, segment: int, last_number: int) -> bytes:
    """Return what a segment is bound to: which it is, and up to where it goes."""
    return b"%b%b%b%b" % (
        FORM.encode(),
        conversation_id.bytes,
        segment.to_bytes(8),
        last_number.to_bytes(8),
    )


def seal_segment(box: Box, place: bytes, entries: Sequence[Entry]) -> bytes:
    """Pack and seal the entries of one segment, which are given in the order of their numbers."""
    newest_first = entries[::-1]
    people = list(dict.fromkeys(entry.sender_id for entry in entries))
    positions = {person: position for position, person in enumerate(people)}
    head = orjson.dumps(
        [
            people,
            [entry.number for entry in newest_first],
            [positions[entry.sender_id] for entry in newest_first],
            [entry.time for entry in newest_first],
        ]
    )
    texts = _BETWEEN.join(entry.text.encode().replace(_BETWEEN, b" ") for entry in newest_first)
    packed = zlib.compress(len(head).to_bytes(_LENGTH) + head + texts)
    padding = -(_LENGTH + len(packed)) % _GRAIN
    return box.seal(place, len(packed).to_bytes(_LENGTH) + packed + bytes(padding))


def open_segment(box: Box, place: bytes, sealed: bytes) -> bytes:
    """Open what `seal_segment` made, for `found_in`.

    Raises:
        DecryptionError: as `Box.open`.
    """
    opened = box.open(place, sealed)
    length = int.from_bytes(opened[:_LENGTH])
    return zlib.decompress(opened[_LENGTH : _LENGTH + length])


def found_in(opened: bytes, wanted: Wanted, is_visible: Callable[[int], bool]) -> Iterator[int]:
    """Yield the numbers of the messages of a segment that have what is wanted, the newest first.

    Args:
        opened: by `open_segment`.
        is_visible: whether the message of a number is to be looked at.
    """
    needle = wanted.text.encode()
    texts = _LENGTH + int.from_bytes(opened[:_LENGTH])
    at = opened.find(needle, texts)
    if at < 0:
        return
    people, numbers, senders, times = orjson.loads(memoryview(opened)[_LENGTH:texts])
    position, counted = 0, texts
    while at >= 0:
        position += opened.count(_BETWEEN, counted, at)
        number = numbers[position]
        if is_visible(number) and wanted.fits(people[senders[position]], times[position]):
            yield number
        counted = opened.find(_BETWEEN, at)
        if counted < 0:
            return
        at = opened.find(needle, counted)
