"""What a provider is given, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from chatserver.push.targets import PushTarget

ProviderName = Literal["webpush", "fcm", "hook"]

# What became of a notice: it was accepted; its device is gone; it will never be accepted; it may be later.
Fate = Literal["accepted", "gone", "refused", "later"]

# No service has us wait longer (s).
_LONGEST_WAIT = 3600.0


class PushOutcome(NamedTuple):
    """What became of one attempt. `retry_after`: how many seconds the service asks us to wait."""

    fate: Fate
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notification for one person at one target; for the hook, which has all people, `target` is None.

    `data` is the payload of the contract.
    """

    user_id: str
    conversation_id: UUID
    seq: int
    said_at: datetime
    target: PushTarget | None
    data: dict[str, Any]


class Provider(Protocol):
    """A way to people's devices."""

    async def send(self, notice: Notice) -> PushOutcome:
        """Send a notice. Raises OSError, aiohttp.ClientError or TimeoutError where nobody can tell."""

    async def close(self) -> None:
        """Close the connections."""


def fate_of(status: int, retry_after: str | None) -> PushOutcome:
    """Return what an HTTP status means (RFC 8030, section 5, and RFC 9110)."""
    if 200 <= status < 300:
        return PushOutcome("accepted")
    if status in (404, 410):
        return PushOutcome("gone")
    # Nobody is sent elsewhere: a redirect is a mistake in what was configured, and so may be 401 and 403.
    if status in (401, 403, 408, 425, 429) or 300 <= status < 400 or status >= 500:
        return PushOutcome("later", _seconds(retry_after))
    return PushOutcome("refused")


def _seconds(text: str | None) -> float:
    """Return the seconds that Retry-After asks for; 0 where it is a date, or nonsense."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 10):
        return 0.0
    return min(float(text), _LONGEST_WAIT)
