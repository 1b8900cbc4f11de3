"""Finds what a person may download, as things stand, and makes personal links."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from chatserver.core.caller import Caller
from chatserver.core.times import iso_seconds
from chatserver.files.links import Links
from chatserver.files.naming import attributes_of
from chatserver.files.rows import FileRows
from chatserver.files.storage import Attributes
from chatserver.resources import Entry
from chatserver.schemas.files import FileLink, FileLinks, FileLinksAsk
from chatserver.store import Database


class Found(NamedTuple):
    """What is to be served, and as what."""

    object_id: UUID
    attributes: Attributes


class Downloads:
    """Finds files for those who may see them.

    Raises (all methods):
        ChatError: UNAVAILABLE
    """

    def __init__(self, db: Database, rows: FileRows, links: Links) -> None:
        self._db = db
        self._rows = rows
        self._links = links
        # How many bytes were served.
        self.sent = 0

    async def _entries(
        self, user_id: str, ids: Sequence[UUID]
    ) -> dict[UUID, tuple[Entry, UUID, UUID | None]]:
        rows = await self._db.all("files_for", user_id, [*ids])
        return {
            row["id"]: (self._rows.open(row).entry, row["content"], row["thumb"]) for row in rows
        }

    async def find(self, user_id: str, file_id: UUID, *, thumb: bool) -> Found | None:
        """Return a file that a person may see now, or its thumbnail; None where there is none for them."""
        found = (await self._entries(user_id, [file_id])).get(file_id)
        if found is None:
            return None
        entry, content, thumbnail = found
        if thumb:
            if thumbnail is None:
                return None
            return Found(thumbnail, attributes_of(entry, thumb=True))
        return Found(content, attributes_of(entry))

    async def links(self, caller: Caller, cmd: FileLinksAsk) -> FileLinks:
        """Return personal links to files, without those that the caller may not see."""
        found = await self._entries(caller.user_id, cmd.file_ids)
        made = {}
        for file_id, (_, _, thumbnail) in found.items():
            url, thumb_url, until = self._links.personal(file_id, caller.user_id)
            made[str(file_id)] = FileLink(
                url=url,
                thumb_url=thumb_url if thumbnail is not None else None,
                expires_at=iso_seconds(until),
            )
        return FileLinks(links=made)
