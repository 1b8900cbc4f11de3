"""Changes how one person sees a conversation: they hide it, mark it as unread, or set what they want of it."""

from uuid import UUID

from chatserver.core.caller import Caller
from chatserver.log import Changes, to_person
from chatserver.schemas.fields import UNSET
from chatserver.schemas.resources import ConversationSettings
from chatserver.schemas.settings import ConversationSettingsGiven, ConversationSettingsSet


class OwnViews:
    """Changes a member's view of a conversation, each time by an event of their own stream.

    Raises (all methods):
        ChatError: RESOURCE_NOT_FOUND for a conversation that the caller may not see; IDEMPOTENCY_CONFLICT,
            UNAVAILABLE
    """

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def hide(self, caller: Caller, conversation_id: UUID) -> None:
        """Hide a conversation and its history so far from the caller; a new message brings it back."""
        await self._change("hide_conversation", caller, conversation_id)

    async def mark_unread(self, caller: Caller, conversation_id: UUID) -> None:
        """Show at least one message as unread, until the caller reads in the conversation or hides it."""
        await self._change("mark_unread", caller, conversation_id)

    async def set_settings(
        self, caller: Caller, cmd: ConversationSettingsSet
    ) -> ConversationSettingsGiven:
        """Change the settings that are given. Returns all of them."""
        wanted = (
            cmd.level,
            cmd.muted_until is not UNSET,
            None if cmd.muted_until is UNSET else cmd.muted_until,
            cmd.archived,
            cmd.favourite,
        )
        made = await self._changes.make(
            caller,
            lambda db: db.one(
                "set_conversation_settings", caller.user_id, cmd.conversation_id, *wanted
            ),
            of="conversation",
            answer=lambda row: {"settings": row["settings"]},
            appended=lambda row: [to_person(caller.user_id, row["seq"])],
        )
        return ConversationSettingsGiven(settings=ConversationSettings(**made.answer["settings"]))

    async def _change(self, query: str, caller: Caller, conversation_id: UUID) -> None:
        await self._changes.make(
            caller,
            lambda db: db.one(query, caller.user_id, conversation_id),
            of="conversation",
            appended=lambda row: [to_person(caller.user_id, row["seq"])],
        )
