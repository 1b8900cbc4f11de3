"""The connection itself."""

from dataclasses import dataclass
from typing import Annotated

from schemas.base import Retryable
from schemas.fields import Text
from schemas.resources import Person, Time, Uuid
from schemas.table import Command, Push

# Characters; nothing larger is parsed (chatserver/tokens.py).
MAX_TOKEN = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh(Retryable):
    """A newer token of the same user."""

    token: Annotated[str, Text(1, MAX_TOKEN)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """Until when the session lasts now."""

    expires_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """The session ends soon: refresh it."""

    expires_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the client does well to respect."""

    max_message_length: int
    max_payload_bytes: int
    messages_per_minute: int
    typing_interval_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReady:
    """The session is on; everything missed has been emitted before it."""

    user: Person
    connection_id: str
    recovered: bool
    limited: bool
    resync: tuple[str, ...]
    replayed: int
    server_time: Time
    expires_at: Time
    limits: Limits
    epoch: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    """The server stops; come back after so many milliseconds."""

    reconnect_after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong, with all that a client needs to react.

    ``message`` is for people and ``details`` says more; ``fields`` maps a field to what is wrong with it; the
    same ask may succeed later where it is ``retryable``, after ``retry_after`` seconds; ``error_id`` finds the
    server's log line.
    """

    code: str
    message: str
    retryable: bool
    details: str | None = None
    fields: dict[str, tuple[str, ...]] | None = None
    retry_after: int | None = None
    error_id: str | None = None


COMMANDS = (
    Command(
        "session:refresh",
        takes=Refresh,
        gives=Refreshed,
        mutates=True,
        errors=("AUTH_FAILED",),
        doc="Go on with a newer token of the same user; one that is refused leaves the session as it is.",
    ),
)

PUSHES = (
    Push(
        "chat:read_state",
        carries=ReadState,
        doc="While connecting: what was received and read in a conversation meanwhile.",
    ),
    Push("session:ready", carries=SessionReady, doc="The session is on."),
    Push(
        "session:expiring",
        carries=Expiring,
        doc="The token expires in a minute, or less: send a newer one by session:refresh.",
    ),
    Push("session:draining", carries=Draining, doc="The server stops; reconnect after a while."),
    Push("error", carries=Failure, doc="A command sent without an ack callback failed."),
)
