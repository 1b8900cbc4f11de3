"""Finds out what exists, whoever asks: some doors say whether a thing is not theirs, or is not there."""

from collections.abc import Sequence
from uuid import UUID

from chatserver.store import Database


class Existence:
    """Looks up what exists."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def are_messages(self, message_ids: Sequence[UUID]) -> bool:
        """Return whether each of the ids is a message's.

        Raises:
            ChatError: UNAVAILABLE where the database cannot answer now.
        """
        return await self._db.one("unknown_message", message_ids) is None
