"""Objects in the storage, each written down in the database before it is written there: so none is left behind."""

from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID, uuid4

from chatserver.core.errors import ChatError
from chatserver.files.storage import Attributes, Storage, StorageError
from chatserver.store import Database

# How long a new object may be nobody's (s): longer than anything takes that makes it somebody's.
_NOBODYS = 3600


class Objects:
    """Writes, reads and drops objects."""

    def __init__(self, db: Database, storage: Storage) -> None:
        self._db = db
        self.storage = storage

    async def write_new(self, pieces: AsyncIterator[bytes], attributes: Attributes) -> UUID:
        """Write an object that is nobody's yet, after a while for good. Returns its id.

        Raises:
            StorageError
            ChatError: UNAVAILABLE
        """
        object_id = uuid4()
        await self._db.one("write_down_object", object_id, _NOBODYS)
        await self.storage.write(object_id, pieces, attributes)
        return object_id

    async def drop(self, object_id: UUID) -> None:
        """Delete an object that is nobody's, and forget it; where that fails, the sweeper does it later."""
        with suppress(ChatError, StorageError):
            await self._db.one("doom_object", object_id)
            await self.storage.delete(object_id)
            await self._db.one("forget_object", object_id)
