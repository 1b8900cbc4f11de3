"""Reads who takes part in conversations."""

from collections.abc import Sequence
from uuid import UUID

from chatserver.core.errors import invalid, not_found
from chatserver.core.times import iso
from chatserver.resources.directory import Directory
from chatserver.schemas.resources import Participant
from chatserver.store import Database, Record


class Participants:
    """Reads participants of conversations.

    Raises (all methods):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(self, db: Database, directory: Directory) -> None:
        self._db = db
        self._directory = directory

    async def named(
        self, user_id: str, conversation_id: UUID, named: Sequence[str]
    ) -> tuple[Participant, ...]:
        """Return people as participants of a member's conversation, in the order of `named`.

        Those who have left are shown as they were last.

        Raises:
            ChatError: RESOURCE_NOT_FOUND where the user is no member.
        """
        rows = await self._db.all("participants_named", user_id, conversation_id, named)
        if not rows:
            raise not_found("conversation")
        found = {person.user_id: person for person in (await self.of(rows))[conversation_id]}
        return tuple(found[user_id] for user_id in named)

    async def members(
        self, user_id: str, group_id: UUID, limit: int, offset: int
    ) -> tuple[tuple[Participant, ...], int]:
        """Return a page of a group's members, and how many there are in all; for one of them.

        Raises:
            ChatError: RESOURCE_NOT_FOUND; VALIDATION_ERROR for a direct conversation.
        """
        rows = await self._db.all("members_page", user_id, group_id, limit, offset)
        if not rows:
            raise not_found("conversation")
        if rows[0]["type"] != "group":
            raise invalid("conversationId", "Is not a group.")
        found = await self.of([row for row in rows if row["user_id"] is not None])
        return tuple(found.get(group_id, ())), rows[0]["member_count"]

    async def of(self, rows: Sequence[Record]) -> dict[UUID, list[Participant]]:
        """Make participants of rows; return them by their conversations."""
        names = await self._directory.names(row["user_id"] for row in rows)
        found: dict[UUID, list[Participant]] = {}
        for row in rows:
            user = names[row["user_id"]]
            found.setdefault(row["conversation_id"], []).append(
                Participant(
                    user_id=user.id,
                    username=user.username,
                    display_name=user.display_name,
                    avatar_url=user.avatar_url,
                    role=row["role"],
                    joined_at=iso(row["joined_at"]),
                    delivered_seq=row["delivered_seq"],
                    read_seq=row["read_seq"],
                )
            )
        return found
