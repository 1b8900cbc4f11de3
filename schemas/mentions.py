"""Mentions in what is said in groups."""

from dataclasses import dataclass

from chatserver.schemas.resources import Message, Uuid
from chatserver.schemas.table import Push


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned:
    """A message mentions the person, by name or as one of all."""

    conversation_id: Uuid
    message_id: Uuid
    mentioned_by: str
    mentioned_by_username: str
    message: Message


PUSHES = (
    Push(
        "chat:mentioned",
        carries=Mentioned,
        doc="Somebody mentioned you in a group: @username, @everyone or @all. The message comes as well.",
    ),
)
