"""What was received and read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from chatserver.schemas.base import Retryable
from chatserver.schemas.fields import Id, Many, Whole
from chatserver.schemas.resources import Time, Uuid
from chatserver.schemas.table import Choice, Command, Push, Rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Retryable):
    """One message, several, or everything in a conversation up to a seq. Of several those are passed over that are
    erased, or that you have hidden or deleted for yourself.
    """

    message_id: Annotated[UUID | None, Id()] = None
    message_ids: Annotated[tuple[UUID, ...] | None, Many(Id(), 1, 200)] = None
    conversation_id: Annotated[UUID | None, Id()] = None
    up_to_seq: Annotated[int | None, Whole(1)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """One of messageId, messageIds, and conversationId with upToSeq."""
        by_position = self.up_to_seq is not None
        ways = (self.message_id is not None) + (self.message_ids is not None) + by_position
        if ways == 0:
            yield "message_id", "Give messageId, messageIds, or conversationId with upToSeq."
        elif ways > 1:
            wrong = "up_to_seq" if by_position else "message_ids"
            yield wrong, "Give one of messageId, messageIds, or conversationId with upToSeq."
        if by_position and self.conversation_id is None:
            yield "conversation_id", "Goes with upToSeq: missing."


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """How many messages changed their state."""

    updated_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStatusUpdated:
    """Messages up to a seq were received or read. ``message_ids`` is empty where they are over 200. In a direct
    conversation up to 20 messages are told of one by one, each as ``message_id``.

    In a group of over 100 members the reader's own devices alone are told of what was read. To them it also comes
    without any message: nothing was new, but the conversation is no longer marked as unread.
    """

    conversation_id: Uuid
    up_to_seq: int
    message_ids: tuple[Uuid, ...]
    status: Literal["delivered", "read"]
    user_id: str
    timestamp: Time
    message_id: Uuid | None = None
    delivered_by: str | None = None
    read_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStateOf:
    """What one person has received, and read: the highest seq, and every range of seqs, both ends included."""

    user_id: str
    delivered_seq: int
    read_seq: int
    read_ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadState:
    """Of both people in a direct conversation, of oneself in a group. ``unread_count`` stops at 1,000."""

    conversation_id: Uuid
    unread_count: int
    participants: tuple[ReadStateOf, ...]


def _status(word: str) -> Rest:
    return Rest(
        "POST",
        "/api/messages/{message_id}/status",
        chosen_by=Choice("status_type", word),
        echoes=("message_id", "status_type"),
        shows=(),
    )


def _named(cmd: Receipt) -> int:
    """Count the messages named: each may be in a different conversation."""
    return len(cmd.message_ids or ()) or 1


COMMANDS = (
    Command(
        "chat:message_delivered",
        takes=Receipt,
        gives=Updated,
        mutates=True,
        rows=_named,
        errors=("RESOURCE_NOT_FOUND",),
        rest=(_status("delivered"),),
        doc="Say that your device has received messages. Each one named counts as a command.",
    ),
    Command(
        "chat:message_read",
        takes=Receipt,
        gives=Updated,
        mutates=True,
        rows=_named,
        errors=("RESOURCE_NOT_FOUND",),
        rest=(_status("read"),),
        doc="Say that you have read messages: exactly those named. Each one named counts as a command.",
    ),
)

PUSHES = (
    Push(
        "chat:message_status_updated",
        carries=MessageStatusUpdated,
        doc="Messages were received or read by somebody.",
    ),
    Push(
        "chat:read_state",
        carries=ReadState,
        doc="While connecting: what was received and read in a conversation since the client was connected last.",
    ),
)
