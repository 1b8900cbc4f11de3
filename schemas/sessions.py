"""The connection itself."""

from dataclasses import dataclass
from typing import Annotated

from chatserver.schemas.base import Retryable
from chatserver.schemas.fields import Text
from chatserver.schemas.resources import Person, Time
from chatserver.schemas.table import Command, Push

# Characters; nothing larger is parsed (chatserver/sessions/tokens.py).
MAX_TOKEN = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh(Retryable):
    """A newer token of the same user."""

    token: Annotated[str, Text(1, MAX_TOKEN)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """When the session ends now."""

    expires_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """The session ends soon: refresh it."""

    expires_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits that the client should respect."""

    max_message_length: int
    max_payload_bytes: int
    messages_per_minute: int
    typing_interval_ms: int
    max_file_size: int
    max_files_per_message: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReady:
    """The session has begun; everything that the client missed was emitted before this."""

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
class NewerOffset:
    """Carries only the offset, which is the push's last argument."""


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
        doc="Continue with a newer token of the same user; a token that is refused leaves the session as it is.",
    ),
)

PUSHES = (
    Push("session:ready", carries=SessionReady, doc="The session has begun."),
    Push(
        "session:expiring",
        carries=Expiring,
        doc="The token expires in a minute, or less: send a newer one by session:refresh.",
    ),
    Push(
        "session:offset",
        carries=NewerOffset,
        doc="A newer offset, as the last argument; it covers everything that was pushed. At most once a second, "
        "after something durable was pushed; not with `recovery: false`.",
    ),
    Push("session:draining", carries=Draining, doc="The server stops; reconnect after a while."),
    Push("error", carries=Failure, doc="A command sent without an ack callback failed."),
)
