"""What commands and pushes about conversations and their history carry."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from schemas.base import ChangeOfConversation, OfConversation, Retryable
from schemas.fields import Flag, UserId, Whole
from schemas.resources import Conversation, HistoryPage, Message, Page, SharedConversation, Uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryAsk(OfConversation):
    """The newest page, or one at an offset, before a seq, or after one."""

    limit: Annotated[int, Whole(1, 200)] = 50
    offset: Annotated[int | None, Whole()] = None
    before_seq: Annotated[int | None, Whole()] = None
    after_seq: Annotated[int | None, Whole()] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """At most one of offset, beforeSeq and afterSeq."""
        given = [
            name
            for name in ("offset", "before_seq", "after_seq")
            if getattr(self, name) is not None
        ]
        for name in given[1:]:
            yield name, "Give at most one of offset, beforeSeq and afterSeq."


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Messages, oldest first. ``total`` counts all that the caller can see."""

    messages: tuple[Message, ...]
    pagination: HistoryPage
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PinsAsk(OfConversation):
    """A page of a conversation's pinned messages: 200 where nothing is said, and at most."""

    limit: Annotated[int, Whole(1, 200)] = 200
    offset: Annotated[int, Whole()] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """Pinned messages, the last one pinned first. ``total`` counts all that the caller can see."""

    messages: tuple[Message, ...]
    total: int
    pagination: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncAsk(OfConversation):
    """Everything that happened after a seq."""

    after_seq: Annotated[int, Whole()]
    limit: Annotated[int, Whole(1, 1000)] = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """A durable push as it would be sent now."""

    event: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """``limited``: the log does not go back that far; load the conversation anew."""

    events: tuple[LoggedEvent, ...]
    has_more: bool
    limited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationOpen(Retryable):
    """With whom, and about which product."""

    recipient_id: Annotated[str, UserId()]
    product_id: Annotated[str | None, UserId()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationGiven:
    """One conversation."""

    conversation: Conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPage:
    """Conversations, the most recently active first. ``offset`` is good as ``auth.since``: connect from here."""

    conversations: tuple[Conversation, ...]
    total: int
    pagination: Page
    offset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationCreated:
    """A direct conversation that the person takes part in from now on."""

    conversation_id: Uuid
    seq: int
    conversation: SharedConversation
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationBlock(ChangeOfConversation):
    """Whether the caller blocks the direct conversation from now on."""

    block: Annotated[bool, Flag()]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockState:
    """Whether anybody blocks the conversation, and who: the caller where they do."""

    blocked: bool
    blocked_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationBlocked(BlockState):
    """Whether anybody blocks the conversation now, and who: the one who acted where they do."""

    conversation_id: Uuid
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationOwnView:
    """What a person changed for themselves alone, on another device perhaps: up to this seq."""

    conversation_id: Uuid
    up_to_seq: int
    personal_seq: int
