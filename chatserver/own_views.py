"""What a person changes of a conversation for themselves alone: that it is hidden, that it shows as unread."""

from uuid import UUID

from chatserver.errors import not_found
from chatserver.log import Publisher
from chatserver.requests import Requests
from chatserver.session import Caller


class OwnViews:
    """Changes a member's view of a conversation, each time by an event of their own stream.

    Raises (all methods):
        ChatError: RESOURCE_NOT_FOUND for a conversation that the caller may not see; IDEMPOTENCY_CONFLICT,
            UNAVAILABLE
    """

    def __init__(self, publisher: Publisher, requests: Requests) -> None:
        self._publisher = publisher
        self._requests = requests

    async def hide(self, caller: Caller, conversation_id: UUID) -> None:
        """Hide a conversation and its history so far; a new message brings it back without these."""
        await self._change("hide_conversation", caller, conversation_id)

    async def mark_unread(self, caller: Caller, conversation_id: UUID) -> None:
        """Show at least one message as unread, until the caller reads in the conversation or hides it."""
        await self._change("mark_unread", caller, conversation_id)

    async def _change(self, query: str, caller: Caller, conversation_id: UUID) -> None:
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return
            row = await work.asks.one(query, caller.user_id, conversation_id)
            assert row is not None  # it always answers
            if row["verdict"] == "not_found":
                raise not_found("conversation")
            await work.keep({})
        if row["seq"] is not None:
            await self._publisher.person(caller.user_id, row["seq"])
