"""How much one person may have, open and add: what is counted in the database, over all processes and restarts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatserver.core.errors import ChatError, ErrorCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Limits of what is kept; 0 is no limit, for each.

    `conversations_per_hour`: new direct ones opened by one person. `groups_per_day`: created by one person.
    `conversations`: direct ones that a person opened, and groups that they are in. `joins_per_hour`: how often
    one person is added to one group. `kept_answers`: of one person's requests. `reactions` are of one message,
    `pins` of one conversation, `blocks` of one person.
    """

    conversations_per_hour: int = 0
    groups_per_day: int = 0
    conversations: int = 0
    joins_per_hour: int = 0
    kept_answers: int = 0
    reactions: int = 0
    pins: int = 0
    blocks: int = 0


NO_QUOTAS = Quotas()


def too_soon(
    wait: float, details: str, fields: Mapping[str, Sequence[str]] | None = None
) -> ChatError:
    """Make the error for a quota that is used up; the same command is accepted after `wait` seconds."""
    return ChatError(
        code=ErrorCode.RATE_LIMIT_EXCEEDED,
        details=f"{details} Please wait before the next one.",
        fields=fields,
        retry_after=wait,
    )


def too_many_conversations() -> ChatError:
    """Make the error for a caller who has as many conversations as a person may have."""
    return ChatError(
        code=ErrorCode.CONFLICT,
        message="You have too many conversations",
        details="You have opened as many conversations as one person may have.",
    )
