"""Reads conversations as their members see them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from chatserver.core.crypto import AlteredError, Vault
from chatserver.core.errors import not_found
from chatserver.core.logging import get_logger
from chatserver.core.times import iso
from chatserver.resources.cursors import Cursor, read_cursor
from chatserver.resources.messages import MessageReader
from chatserver.resources.pages import PAGE_BYTES, fitting
from chatserver.resources.participants import Participants
from chatserver.schemas.base import Paged
from chatserver.schemas.conversations import ConversationListAsk
from chatserver.schemas.resources import (
    Conversation,
    ConversationSettings,
    CursorPage,
    Product,
    SharedConversation,
)
from chatserver.store import Database, Record

# Where conversations have a last message of some length and some people, so many are no page yet.
_FIRST_CARDS = 50


class Listed(NamedTuple):
    """A page of a list of conversations, and how many there are in all."""

    conversations: tuple[Conversation, ...]
    total: int
    pagination: CursorPage


_log = get_logger(__name__)


class Conversations:
    """Reads conversations.

    Args:
        on_read: told how many conversations a list has, of which a page is asked: all are looked through.

    Raises (all methods):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        participants: Participants,
        reader: MessageReader,
        on_read: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        self._on_read = on_read
        self._db = db
        self._vault = vault
        self._participants = participants
        self._reader = reader

    async def check_member(self, user_id: str, conversation_id: UUID) -> str:
        """Return the type of a conversation that the user takes part in.

        Raises:
            ChatError: RESOURCE_NOT_FOUND where it does not exist or is not theirs.
        """
        row = await self._db.one("membership", user_id, conversation_id)
        if row is None:
            raise not_found("conversation")
        kind: str = row["type"]
        return kind

    async def get(self, user_id: str, conversation_id: UUID) -> Conversation:
        """Return one conversation.

        Raises:
            ChatError: RESOURCE_NOT_FOUND where it does not exist or is not theirs.
        """
        found = await self._cards(user_id, [conversation_id])
        if not found:
            raise not_found("conversation")
        return found[0]

    async def page(self, user_id: str, cmd: ConversationListAsk) -> Listed:
        """Return a page of a user's conversations, the most recently active first.

        Raises:
            ChatError: VALIDATION_ERROR for a malformed cursor.
        """
        groups = None if cmd.type is None else cmd.type == "group"
        return await self._listed(
            user_id, cmd, "conversation_count", "conversation_page", groups, cmd.archived
        )

    async def for_push(
        self,
        states: Mapping[UUID, Mapping[int, Mapping[str, Any]]],
        hidden_seqs: Mapping[UUID, int],
    ) -> dict[tuple[UUID, int], SharedConversation]:
        """Return conversations as all members see them alike, as each stood at its events with these seqs.

        They say when the last message was posted, and not which: a long one would go to everybody with every
        change of the title. Never as they are now: the log would tell a person who was removed what has become of
        them since. Those who go on reading the log arrive at the present state.

        Args:
            states: what each of the events has kept of its conversation.
            hidden_seqs: up to where the one who reads this has hidden a conversation's messages.

        Raises:
            ChatError: RESOURCE_NOT_FOUND
        """
        rows = {row["id"]: row for row in await self._db.all("conversations_for_push", [*states])}
        if len(rows) < len(states):
            raise not_found("conversation")
        asked = [(c, seq, hidden_seqs.get(c, 0)) for c, events in states.items() for seq in events]
        found = await self._db.all("last_said_at", *zip(*asked, strict=True))
        said_at = {(entry["id"], entry["seq"]): iso(entry["created_at"]) for entry in found}
        return {
            (conversation_id, seq): SharedConversation(
                **self._opened(
                    conversation_id,
                    {
                        **_shared(rows[conversation_id]),
                        "last_seq": seq,
                        "last_message_at": said_at.get((conversation_id, seq)),
                        **state,
                    },
                )
            )
            for conversation_id, events in states.items()
            for seq, state in events.items()
        }

    async def groups(self, user_id: str, cmd: Paged) -> Listed:
        """Return a page of a user's groups, the most recently active first.

        Raises:
            ChatError: VALIDATION_ERROR for a malformed cursor.
        """
        return await self._listed(user_id, cmd, "group_count", "group_page")

    async def _listed(
        self, user_id: str, cmd: Paged, count: str, page: str, *which: bool | None
    ) -> Listed:
        after = read_cursor(cmd.cursor)
        counted = await self._db.one(count, user_id, *which)
        total: int = counted[0] if counted else 0
        self._on_read(total)
        rows = await self._db.all(
            page,
            user_id,
            cmd.limit + 1,
            cmd.offset or 0,
            after.moment if after else None,
            after.id if after else None,
            *which,
        )
        shown = await self._fitting(user_id, rows[: cmd.limit])
        # Behind the last one shown; one that is theirs no longer by now is shown by no page.
        places = {str(row["id"]): place for place, row in enumerate(rows, start=1)}
        reached = places[shown[-1].id] if shown else cmd.limit
        has_more = reached < len(rows)
        end = Cursor(rows[reached - 1]["active_at"], rows[reached - 1]["id"]) if has_more else None
        return Listed(
            conversations=shown,
            total=total,
            pagination=CursorPage(
                limit=cmd.limit,
                offset=cmd.offset or 0,
                has_more=has_more,
                next_cursor=str(end) if end else None,
            ),
        )

    async def _fitting(self, user_id: str, rows: Sequence[Record]) -> tuple[Conversation, ...]:
        """Return the conversations of rows, from the first on, as far as they are one page.

        Some are looked at first: how many more fit is seen by them.
        """
        ids = [row["id"] for row in rows]
        cards: list[Conversation] = []
        sizes: list[int] = []
        room = _FIRST_CARDS
        while ids and sum(sizes) < PAGE_BYTES:
            asked, ids = ids[:room], ids[room:]
            found = await self._cards(user_id, asked)
            cards += found
            sizes += map(_size, found)
            room = max(1, (PAGE_BYTES - sum(sizes)) * len(cards) // max(1, sum(sizes)))
        return tuple(cards[: fitting(sizes)])

    async def _cards(self, user_id: str, ids: Sequence[UUID]) -> tuple[Conversation, ...]:
        if not ids:
            return ()
        rows = await self._db.all("conversation_cards", user_id, ids)
        lasts = await self._reader.resources(await self._db.all("last_messages", user_id, ids))
        last_of = {message.conversation_id: message for message in lasts}
        participants = await self._participants.of(await self._db.all("participants_of", ids))
        return tuple(
            Conversation(
                **self._opened(row["id"], _shown_to_member(row)),
                last_message=last_of.get(str(row["id"])),
                either_follows=row["either_follows"],
                unread_count=row["unread_count"],
                is_blocked=row["is_blocked"],
                blocked_by_me=row["blocked_by_me"],
                my_role=row["my_role"],
                my_settings=ConversationSettings(**row["my_settings"]),
                participants=tuple(participants.get(row["id"], ())),
            )
            for row in rows
        )

    def _opened(self, conversation_id: UUID, shown: dict[str, Any]) -> dict[str, Any]:
        """Return what is shown of a conversation, with its title and description as they were written.

        Raises:
            DecryptionError: one whose key is not known. One that was altered is shown as empty; there is no
                plaintext fallback.
        """
        for field in ("title", "description"):
            if shown[field] is None:
                continue
            try:
                shown[field] = self._vault.open_field(conversation_id, field, shown[field])
            except AlteredError:
                shown[field] = ""
                _log.error(
                    f"the {field} of a group was altered in the database",
                    conversation_id=str(conversation_id),
                )
        return shown


def _size(card: Conversation) -> int:
    """Return about how many bytes a conversation takes."""
    last = card.last_message
    said = 0
    if last is not None:
        said = len(last.content or last.content_encrypted or "") + 150 * len(last.reactions)
    return said + sum(300 + len(p.avatar_url or "") for p in card.participants)


def _shown_to_member(row: Record) -> dict[str, Any]:
    shown = _shared(row)
    if row["last_message_seq"] <= row["hidden_seq"]:
        # When something was said that they have hidden is hidden with it.
        shown["last_message_at"] = None
    return shown


def _shared(row: Record) -> dict[str, Any]:
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
    }
