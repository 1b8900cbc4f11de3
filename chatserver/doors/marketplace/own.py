"""What names a conversation, which must be a direct one of the caller's."""

from typing import Any
from uuid import UUID

from marshmallow import ValidationError

from chatserver.core.about import About
from chatserver.core.errors import denied, invalid, not_found
from chatserver.gate import LatePayload
from chatserver.resources import Abouts
from chatserver.schemas.fields import Id

_ID = Id()


class OwnConversation(LatePayload):
    """A payload that names a conversation of the user `user_id`.

    Groups do not appear to these clients, so a group is no conversation here. ``about`` is what was found.
    """

    about: About

    def __init__(self, abouts: Abouts, user_id: str, payload: dict[str, Any]) -> None:
        self._abouts = abouts
        self._user_id = user_id
        self.payload = payload

    async def found(self) -> dict[str, Any]:
        """Return the payload, once it is known that its conversation is a direct one of the user.

        The two people of a direct conversation never change, so they are kept in memory; the database is asked
        about those that are not there.

        Raises:
            ChatError: VALIDATION_ERROR where `conversationId` is no id; RESOURCE_NOT_FOUND where no direct
                conversation has it; PERMISSION_DENIED where the user is not in that one; UNAVAILABLE.
        """
        try:
            conversation_id: UUID = _ID.deserialize(self.payload["conversationId"])
        except ValidationError as error:
            raise invalid("conversationId", str(error.messages[0])) from None
        about = await self._abouts.of(conversation_id)
        if about.conversation_type != "direct":
            raise not_found("conversation")
        if self._user_id not in about.users:
            raise denied("You are not a participant of the conversation")
        self.about = about
        return self.payload
