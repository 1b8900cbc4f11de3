"""Finds and takes out what films and sounds say of themselves: where they were taken, when, and by whom.

A file in the form of ISO/IEC 14496-12 (MP4, MOV, M4A) consists of boxes, and has such notes in boxes of their own.
These become free space of the same length: all else stays where it is, and where its tables say that it is.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

# What has boxes, by its media type.
NOTED = frozenset(("audio/mp4", "video/mp4"))

Read = Callable[[int, int], AsyncIterator[bytes]]

_NOTES = frozenset((b"meta", b"udta"))
# XMP, part 3 of Adobe's specification: a box of this extended type.
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_HOLDERS = frozenset((b"moov", b"trak"))
_FREE = b"free"
_HEAD = 32
# Boxes that are looked at: of a film in many pieces the first ones, which come before its pictures.
_MOST_BOXES = 500


class Note(NamedTuple):
    """A box with notes: where it begins, where what it says does, and where it ends (not included)."""

    start: int
    content: int
    end: int


class _Box(NamedTuple):
    kind: bytes
    content: int
    end: int


async def find_notes(read: Read, size: int) -> list[Note]:
    """Return the boxes with notes of an object of that size. What is no box ends the looking where it stands.

    Args:
        read: gives its bytes from one place up to another (not included).

    Raises:
        StorageError: where `read` does.
    """
    notes, left, levels = [], _MOST_BOXES, [(0, size)]
    while levels:
        at, end = levels.pop()
        while at < end and left:
            left -= 1
            head = b"".join([piece async for piece in read(at, min(at + _HEAD, end))])
            box = _box(head, at, end)
            if box is None:
                break
            is_xmp = box.kind == b"uuid" and head[box.content - at :].startswith(_XMP)
            if is_xmp or box.kind in _NOTES:
                notes.append(Note(at, box.content, box.end))
            elif box.kind in _HOLDERS:
                levels.append((box.content, box.end))
            at = box.end
    return notes


def _box(head: bytes, at: int, most: int) -> _Box | None:
    length, kind, content = int.from_bytes(head[:4]), head[4:8], at + 8
    if length == 1:
        length, content = int.from_bytes(head[8:16]), at + 16
    end = most if length == 0 else at + length
    return _Box(kind, content, end) if len(kind) == 4 and content <= end <= most else None


async def without(pieces: AsyncIterator[bytes], notes: Sequence[Note]) -> AsyncIterator[bytes]:
    """Give an object's bytes, with free space in the place of its notes."""
    at = 0
    async for piece in pieces:
        end = at + len(piece)
        touched = [note for note in notes if note.start < end and at < note.end]
        yield _blanked(piece, at, touched) if touched else piece
        at = end


def _blanked(piece: bytes, at: int, notes: Sequence[Note]) -> bytes:
    blanked, end = bytearray(piece), at + len(piece)
    for note in notes:
        low, high = max(note.content, at), min(note.end, end)
        if low < high:
            blanked[low - at : high - at] = bytes(high - low)
        # A head may lie in two pieces.
        for place, letter in enumerate(_FREE, note.start + 4):
            if at <= place < end:
                blanked[place - at] = letter
    return bytes(blanked)
