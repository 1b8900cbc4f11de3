"""What keeps the bytes of files: objects that are written once, read in parts, and deleted."""

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol
from uuid import UUID

# What is read or written in one go: small beside what a process has, and large beside what a step costs.
PIECE = 128 * 1024


class StorageError(Exception):
    """The storage cannot do it now, or what lies there is not what was written. The message names no file."""


class Attributes(NamedTuple):
    """What a bucket serves an object as: its media type, and ``Content-Disposition``."""

    type: str
    disposition: str


class Storage(Protocol):
    """A place for objects. Each has an id that nothing else ever has, and never changes.

    Raises (all methods):
        StorageError: it cannot be done now.
    """

    @property
    def origin(self) -> str | None:
        """The origin (RFC 6454) of the addresses that it gives; None: it gives none."""

    async def write(
        self, object_id: UUID, pieces: AsyncIterator[bytes], attributes: Attributes
    ) -> int:
        """Write an object. Returns its size in bytes. Where `pieces` raise, what was written is worth nothing."""

    def read(self, object_id: UUID, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Give the bytes from one place up to another (not included), in pieces."""

    async def size(self, object_id: UUID) -> int | None:
        """Return how many bytes an object has; None where there is none."""

    async def delete(self, object_id: UUID) -> None:
        """Delete an object; where there is none, that is done."""

    async def upload_address(self, object_id: UUID, seconds: float) -> str | None:
        """Return where an object may be written for so long by those who have the address; None: to us."""

    async def download_address(self, object_id: UUID, seconds: float) -> str | None:
        """Return where an object is served for so long to those who have the address; None: by us."""

    async def close(self) -> None:
        """Close what is open."""
