"""What was said, and what happened, in a conversation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from chatserver.schemas.base import OfConversation
from chatserver.schemas.fields import Whole
from chatserver.schemas.resources import HistoryPage, Message
from chatserver.schemas.table import Command, Rest, per_rows


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


COMMANDS = (
    Command(
        "chat:history",
        takes=HistoryAsk,
        gives=History,
        page=True,
        rows=per_rows(50),
        errors=("RESOURCE_NOT_FOUND",),
        rest=(
            Rest(
                "GET",
                "/api/messages/{conversation_id}",
                shows=("messages", "total", "pagination"),
            ),
        ),
        doc="A page of a conversation's messages, oldest first.",
    ),
    Command(
        "chat:sync",
        takes=SyncAsk,
        gives=Synced,
        page=True,
        rows=per_rows(200),
        errors=("RESOURCE_NOT_FOUND",),
        doc="Everything that happened in a conversation after a seq, as it is shown now.",
    ),
)
