"""Says where a search is: in which conversation, and down to which of its messages it has looked."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chatserver.core.boxes import Box
from chatserver.core.crypto import DecryptionError
from chatserver.core.errors import invalid
from chatserver.search.segments import first_of, last_of, segment_of

# What the purpose of the key of cursors is called.
PURPOSE = b"search cursors"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FORM = struct.Struct(">qq16sq")


@dataclass(frozen=True, slots=True)
class SearchTalk:
    """A conversation to be looked through, from the number `last` down to `first`.

    `said_at`: when its last message had been posted, as the search ranks it.
    """

    id: UUID
    said_at: datetime
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Block:
    """That part of a segment's messages which is to be looked through, from `last` down to `first`."""

    talk: SearchTalk
    segment: int
    first: int
    last: int


def blocks_of(talks: Sequence[SearchTalk], most: int) -> Iterator[Block]:
    """Yield the blocks of conversations, in the order in which they are looked through: at most so many."""
    for talk in talks:
        for segment in range(segment_of(talk.last), segment_of(talk.first) - 1, -1):
            if most == 0:
                return
            most -= 1
            first, last = max(talk.first, first_of(segment)), min(talk.last, last_of(segment))
            yield Block(talk, segment, first, last)


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """How far a search has come: in a conversation, what has `number` or a higher one was looked through.

    `began`: conversations are ranked as they stood then.
    """

    began: datetime
    said_at: datetime
    conversation_id: UUID
    number: int

    def seal(self, box: Box, binding: bytes) -> str:
        """Return the place as the client keeps it: sealed, and bound to whose search for what it is."""
        raw = _FORM.pack(
            _microseconds(self.began),
            _microseconds(self.said_at),
            self.conversation_id.bytes,
            self.number,
        )
        return base64.urlsafe_b64encode(box.seal(binding, raw)).decode()


def open_place(box: Box, binding: bytes, cursor: str) -> SearchPlace:
    """Read a client's cursor.

    Raises:
        ChatError: VALIDATION_ERROR for what is no cursor of this person's search for this.
    """
    try:
        sealed = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        began, said_at, conversation, number = _FORM.unpack(box.open(binding, sealed))
    except (ValueError, binascii.Error, DecryptionError):
        raise invalid("cursor", "Is no cursor of this search: begin anew without one.") from None
    return SearchPlace(_moment(began), _moment(said_at), UUID(bytes=conversation), number)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
