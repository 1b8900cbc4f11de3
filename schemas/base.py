"""What many payloads share."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from chatserver.schemas.fields import Id, Text, UserId, Whole
from chatserver.schemas.resources import Uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """No fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retryable:
    """A change: the same ``requestId`` again has no second effect and answers the original ack."""

    request_id: Annotated[str | None, Text(1, 64)] = None


def key_field(names: Iterable[str]) -> str | None:
    """Return which of a payload's fields makes it safe to repeat; over REST ``Idempotency-Key`` stands for it."""
    return next((name for name in ("client_message_id", "request_id") if name in names), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfConversation:
    """Names a conversation."""

    conversation_id: Annotated[UUID, Id()]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOfConversation(Retryable):
    """Names a conversation to change something in."""

    conversation_id: Annotated[UUID, Id()]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOfMessage(Retryable):
    """Names a message to change something about."""

    message_id: Annotated[UUID, Id()]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent:
    """Something happened to a message."""

    conversation_id: Uuid
    seq: int
    message_id: Uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class OfUser(Retryable):
    """Names a user."""

    user_id: Annotated[str, UserId()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """A page of a list that moves: at most 200 rows, 50 where nothing is said.

    From a cursor on, the ``nextCursor`` of the page before, nothing is repeated, and nothing skipped but what
    moved to the top meanwhile, of which a push has told. An offset counts from the top as it is now.
    """

    limit: Annotated[int, Whole(1, 200)] = 50
    offset: Annotated[int | None, Whole()] = None
    cursor: Annotated[str | None, Text(1, 100)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """At most one of offset and cursor."""
        if self.offset is not None and self.cursor is not None:
            yield "cursor", "Give offset or cursor, not both."
