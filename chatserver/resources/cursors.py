"""Reads and writes cursors: where a page of a list ended. Clients return them to get the next page."""

import base64
import binascii
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chatserver.core.errors import invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# 8 bytes of time, 16 of id, 3 of checksum: whole groups of base64, so that each cursor has one spelling.
_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list that is ordered by a moment, then by id. The moment is of PostgreSQL's precision."""

    moment: datetime
    id: UUID

    def __str__(self) -> str:
        """Return the cursor as a client is given it."""
        place = ((self.moment - _EPOCH) // _MICROSECOND).to_bytes(8, signed=True) + self.id.bytes
        return base64.urlsafe_b64encode(place + _checksum(place)).decode()


def read_cursor(text: str | None) -> Cursor | None:
    """Read a client's ``cursor``; None where it is None.

    It says nothing that the client was not told, so it is not signed; the checksum tells a cursor from a mistake.

    Raises:
        ChatError: VALIDATION_ERROR for what is no cursor.
    """
    if text is None:
        return None
    try:
        if len(text) != _LENGTH:
            raise ValueError
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        place, checksum = raw[:24], raw[24:]
        if checksum != _checksum(place):
            raise ValueError
        moment = _EPOCH + int.from_bytes(place[:8], signed=True) * _MICROSECOND
    except (ValueError, binascii.Error, OverflowError):
        raise invalid("cursor", "Is no cursor: begin anew without one.") from None
    return Cursor(moment, UUID(bytes=place[8:]))


def _checksum(place: bytes) -> bytes:
    return zlib.crc32(place).to_bytes(4)[1:]
