"""A storage that keeps files in memory, for tests."""

from collections.abc import AsyncIterator
from uuid import UUID

from chatserver.files.storage import PIECE, Attributes, StorageError


class MemoryStorage:
    """As `chatserver.files.storage.Storage` says."""

    origin = None

    def __init__(self) -> None:
        self.objects: dict[UUID, bytes] = {}

    async def close(self) -> None:
        """See `Storage`."""

    async def write(
        self, object_id: UUID, pieces: AsyncIterator[bytes], attributes: Attributes
    ) -> int:
        """See `Storage`."""
        data = b"".join([piece async for piece in pieces])
        self.objects[object_id] = data
        return len(data)

    async def read(
        self, object_id: UUID, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """See `Storage`."""
        if object_id not in self.objects:
            raise StorageError("nothing there")
        data = self.objects[object_id][start:end]
        for at in range(0, len(data), PIECE):
            yield data[at : at + PIECE]

    async def size(self, object_id: UUID) -> int | None:
        """See `Storage`."""
        return len(self.objects[object_id]) if object_id in self.objects else None

    async def delete(self, object_id: UUID) -> None:
        """See `Storage`."""
        self.objects.pop(object_id, None)

    async def upload_address(self, object_id: UUID, seconds: float) -> str | None:
        """See `Storage`."""
        return None

    async def download_address(self, object_id: UUID, seconds: float) -> str | None:
        """See `Storage`."""
        return None
