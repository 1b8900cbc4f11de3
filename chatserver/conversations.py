"""Conversations as their members see them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from chatserver.directory import Directory
from chatserver.errors import invalid, not_found
from chatserver.messages import MessageReader
from chatserver.store import Database, Record
from chatserver.times import iso
from schemas.resources import Conversation, Message, Participant, Product, SharedConversation


class Conversations:
    """Reads conversations.

    Raises (all methods):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(self, db: Database, directory: Directory, reader: MessageReader) -> None:
        self._db = db
        self._directory = directory
        self._reader = reader

    async def check_member(self, user_id: str, conversation_id: UUID) -> str:
        """The type of a conversation that the user takes part in.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, whether it does not exist or is not theirs.
        """
        row = await self._db.one("membership", user_id, conversation_id)
        if row is None:
            raise not_found("conversation")
        kind: str = row["type"]
        return kind

    async def get(self, user_id: str, conversation_id: UUID) -> Conversation:
        """One conversation.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, whether it does not exist or is not theirs.
        """
        found = await self._cards(user_id, [conversation_id])
        if not found:
            raise not_found("conversation")
        return found[0]

    async def page(
        self, user_id: str, limit: int, offset: int
    ) -> tuple[tuple[Conversation, ...], int]:
        """A page of a user's conversations, the most recently active first, and how many there are."""
        counted = await self._db.one("conversation_count", user_id)
        rows = await self._db.all("conversation_page", user_id, limit, offset)
        return await self._cards(user_id, [row["id"] for row in rows]), counted[0] if counted else 0

    async def for_push(
        self, conversation_id: UUID, states: Mapping[int, Mapping[str, Any]], hidden_seq: int = 0
    ) -> dict[int, SharedConversation]:
        """A conversation as all members see it alike, as it stood at the events with these seqs.

        Never as it is now: the log would tell a person who was removed what has become of it since. Who
        goes on reading the log arrives at what is.

        Args:
            states: what each of the events has kept of the conversation.
            hidden_seq: up to where the one who reads this has hidden its messages.

        Raises:
            ChatError: RESOURCE_NOT_FOUND
        """
        row = await self._db.one("conversation_for_push", conversation_id)
        if row is None:
            raise not_found("conversation")
        found = await self._db.all("shown_at", conversation_id, list(states), hidden_seq)
        shown = {entry["seq"]: entry["message_seq"] for entry in found}
        rows = await self._db.all("messages_at", conversation_id, sorted(set(shown.values())))
        messages = {message.seq: message for message in await self._reader.resources(rows)}
        return {
            seq: SharedConversation(
                **{
                    **_shared(row, messages.get(shown.get(seq, 0))),
                    "last_seq": seq,
                    "last_message_at": messages[shown[seq]].created_at if seq in shown else None,
                    **state,
                }
            )
            for seq, state in states.items()
        }

    async def groups(
        self, user_id: str, limit: int, offset: int
    ) -> tuple[tuple[Conversation, ...], int]:
        """A page of a user's groups, the most recently active first, and how many there are."""
        counted = await self._db.one("group_count", user_id)
        rows = await self._db.all("group_page", user_id, limit, offset)
        return await self._cards(user_id, [row["id"] for row in rows]), counted[0] if counted else 0

    async def participants(
        self, user_id: str, conversation_id: UUID, named: Sequence[str]
    ) -> tuple[Participant, ...]:
        """People as participants of a member's conversation, in their order; the gone as they were last.

        Raises:
            ChatError: RESOURCE_NOT_FOUND where the user is no member.
        """
        rows = await self._db.all("participants_named", user_id, conversation_id, named)
        if not rows:
            raise not_found("conversation")
        found = {
            person.user_id: person for person in (await self._resources(rows))[conversation_id]
        }
        return tuple(found[user_id] for user_id in named)

    async def members(
        self, user_id: str, group_id: UUID, limit: int, offset: int
    ) -> tuple[tuple[Participant, ...], int]:
        """A page of a group's members, for one of them, and how many there are.

        Raises:
            ChatError: RESOURCE_NOT_FOUND; VALIDATION_ERROR for a direct conversation.
        """
        rows = await self._db.all("members_page", user_id, group_id, limit, offset)
        if not rows:
            raise not_found("conversation")
        if rows[0]["type"] != "group":
            raise invalid("conversationId", "Is not a group.")
        found = await self._resources([row for row in rows if row["user_id"] is not None])
        return tuple(found.get(group_id, ())), rows[0]["member_count"]

    async def _cards(self, user_id: str, ids: Sequence[UUID]) -> tuple[Conversation, ...]:
        if not ids:
            return ()
        rows = await self._db.all("conversation_cards", user_id, ids)
        lasts = await self._reader.resources(await self._db.all("last_messages", user_id, ids))
        last_of = {message.conversation_id: message for message in lasts}
        participants = await self._resources(await self._db.all("participants_of", ids))
        return tuple(
            Conversation(
                **_shown_to_member(row, last_of.get(str(row["id"]))),
                either_follows=row["either_follows"],
                unread_count=row["unread_count"],
                is_blocked=row["is_blocked"],
                blocked_by_me=row["blocked_by_me"],
                my_role=row["my_role"],
                participants=tuple(participants.get(row["id"], ())),
            )
            for row in rows
        )

    async def _resources(self, rows: Sequence[Record]) -> dict[UUID, list[Participant]]:
        """The participants of rows, by their conversations."""
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


def _shown_to_member(row: Record, last_message: Message | None) -> dict[str, Any]:
    shown = _shared(row, last_message)
    if row["last_message_seq"] <= row["hidden_seq"]:
        # When something was said that they have hidden is hidden with it.
        shown["last_message_at"] = None
    return shown


def _shared(row: Record, last_message: Message | None) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "type": row["type"],
        "title": row["title"],
        "description": row["description"],
        "product": Product(
            id=row["product_id"], title=row["product_title"], image=row["product_image"]
        )
        if row["product_id"]
        else None,
        "created_by": row["created_by"],
        "max_members": row["max_members"],
        "member_count": row["member_count"],
        "is_active": row["is_active"],
        "settings": row["settings"],
        "created_at": iso(row["created_at"]),
        "last_message_at": iso(row["last_message_at"]) if row["last_message_at"] else None,
        "last_seq": row["last_seq"],
        "last_message": last_message,
    }
