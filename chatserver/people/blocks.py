"""Blocks: between people (the rows are the directory's), and of one direct conversation."""

from collections.abc import Callable, Iterator
from uuid import UUID

from chatserver.core.caller import Caller
from chatserver.core.errors import conflict, invalid
from chatserver.core.quotas import NO_QUOTAS, Quotas
from chatserver.log import Appended, Changes, to_conversation, to_person
from chatserver.resources import Directory
from chatserver.schemas.blocks import BlockState
from chatserver.store import Queryable, Record


class Blocks:
    """Blocks and unblocks people, and conversations with them.

    Args:
        on_change: told of two people when a block between them, or of their conversation, has come or gone.
    """

    def __init__(
        self,
        directory: Directory,
        changes: Changes,
        quotas: Quotas = NO_QUOTAS,
        on_change: Callable[[str, str], None] = lambda _one, _other: None,
    ) -> None:
        self._on_change = on_change
        self._directory = directory
        self._changes = changes
        self._quotas = quotas

    async def set_user(self, caller: Caller, user_id: str, *, blocked: bool) -> None:
        """Block a person, or remove the caller's own block; doing it twice changes nothing.

        The caller's own devices are told, and the direct conversations of the two, whose ``is_blocked`` it is: at
        most a hundred, those that were last active.

        Raises:
            ChatError: VALIDATION_ERROR for oneself; CONFLICT where the caller has blocked as many as may be;
                RESOURCE_NOT_FOUND, IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        target = await self._directory.get(user_id)
        if target.id == caller.user_id:
            raise invalid("userId", "Must be somebody else than yourself.")

        async def ask(db: Queryable) -> Record | None:
            if blocked and (most := self._quotas.blocks):
                counted = await db.one("blocks_beside", caller.user_id, target.id, most)
                if counted is not None and counted["count"] >= most:
                    raise conflict("You have blocked as many people as one person may block")
            return await db.one("set_user_block", caller.user_id, target.id, blocked)

        def appended(row: Record) -> Iterator[Appended]:
            yield to_person(caller.user_id, row["seq"])
            yield from map(to_conversation, row["conversation_ids"], row["conversation_seqs"])

        made = await self._changes.make(caller, ask, of="user block", appended=appended)
        if made.row is not None and made.row["seq"] is not None:
            self._on_change(caller.user_id, target.id)

    async def set_conversation(
        self, caller: Caller, conversation_id: UUID, *, blocked: bool
    ) -> BlockState:
        """Block a direct conversation, or remove the caller's own block; doing it twice changes nothing.

        Says whether anyone blocks the conversation itself now. What is pushed says whether it is blocked in either
        way, blocks between the two people included, as its ``is_blocked`` does.

        Raises:
            ChatError: VALIDATION_ERROR for a group; RESOURCE_NOT_FOUND, IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        made = await self._changes.make(
            caller,
            lambda db: db.one("set_conversation_block", caller.user_id, conversation_id, blocked),
            of="conversation",
            answer=lambda row: {
                "blocked": row["blocked_by"] is not None,
                "blocked_by": row["blocked_by"],
            },
            appended=lambda row: [to_conversation(conversation_id, row["seq"])],
        )
        if made.row is not None and made.row["seq"] is not None:
            self._on_change(caller.user_id, made.row["other_id"])
        return BlockState(**made.answer)
