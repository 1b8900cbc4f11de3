"""Blocks: between people (the rows are the directory's), and of one direct conversation."""

from uuid import UUID

from chatserver.directory import Directory
from chatserver.errors import invalid, not_found
from chatserver.log import Publisher
from chatserver.requests import Requests
from chatserver.session import Caller
from schemas.conversations import BlockState


class Blocks:
    """Blocks and unblocks people, and conversations with them."""

    def __init__(self, directory: Directory, publisher: Publisher, requests: Requests) -> None:
        self._directory = directory
        self._publisher = publisher
        self._requests = requests

    async def set_user(self, caller: Caller, user_id: str, *, blocked: bool) -> None:
        """Block a person, or take one's own block back; doing it twice changes nothing.

        Raises:
            ChatError: VALIDATION_ERROR for oneself; RESOURCE_NOT_FOUND, IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        target = await self._directory.get(user_id)
        if target.id == caller.user_id:
            raise invalid("userId", "Must be somebody else than yourself.")
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return
            row = await work.asks.one("set_user_block", caller.user_id, target.id, blocked)
            if row is not None and row["verdict"] == "unknown":
                # A person of ours, where blocks are the main back end's, whose ids cannot name everybody.
                raise not_found("user")
            await work.keep({})
        if row is not None:
            await self._publisher.person(caller.user_id, row["seq"])

    async def set_conversation(
        self, caller: Caller, conversation_id: UUID, *, blocked: bool
    ) -> BlockState:
        """Block a direct conversation, or take one's own block back; doing it twice changes nothing.

        Says whether it is blocked now, by anyone; blocks between the two people are another matter.

        Raises:
            ChatError: VALIDATION_ERROR for a group; RESOURCE_NOT_FOUND, IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return BlockState(**work.kept)
            row = await work.asks.one(
                "set_conversation_block", caller.user_id, conversation_id, blocked
            )
            assert row is not None  # it always answers
            if row["verdict"] == "not_found":
                raise not_found("conversation")
            if row["verdict"] == "group":
                raise invalid("conversationId", "Is a group; only a direct one can be blocked.")
            by = row["blocked_by"]
            await work.keep({"blocked": by is not None, "blocked_by": by})
        if row["seq"] is not None:
            await self._publisher.conversation(conversation_id, row["seq"])
        return BlockState(blocked=by is not None, blocked_by=by)
