"""What can go wrong, said once: the error codes of the wire and what each of them means.

A handler or a service refuses by raising `ChatError`; the gate turns it into the one answer of
the ask, and each door into its own shape. Codes, statuses and the error object are those of the
contract, section 1. Only the standard library is imported here, so that every layer may.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum, auto
from typing import NamedTuple


class ErrorCode(StrEnum):
    """The codes a client may meet; each is its own name (contract, section 1)."""

    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> str:
        return name

    AUTH_REQUIRED = auto()
    AUTH_FAILED = auto()
    USER_BLOCKED = auto()
    RATE_LIMIT_EXCEEDED = auto()
    EDIT_WINDOW_EXPIRED = auto()
    PERMISSION_DENIED = auto()
    RESOURCE_NOT_FOUND = auto()
    MAX_CONNECTIONS_EXCEEDED = auto()
    VALIDATION_ERROR = auto()
    UNKNOWN_COMMAND = auto()
    PAYLOAD_TOO_LARGE = auto()
    CONFLICT = auto()
    IDEMPOTENCY_CONFLICT = auto()
    UNAVAILABLE = auto()
    INTERNAL_ERROR = auto()


class Meaning(NamedTuple):
    """A row of the table: HTTP status, whether the same ask may succeed later, default message."""

    status: int
    retryable: bool
    message: str


# The messages are those of the messaging system where it has one (messaging-api.md), since its
# clients show them to people.
MEANINGS: Mapping[ErrorCode, Meaning] = {
    ErrorCode.AUTH_REQUIRED: Meaning(401, False, "Authentication required"),
    ErrorCode.AUTH_FAILED: Meaning(401, False, "Token validation failed"),
    ErrorCode.USER_BLOCKED: Meaning(403, False, "Message blocked"),
    ErrorCode.RATE_LIMIT_EXCEEDED: Meaning(429, True, "Rate limit exceeded"),
    ErrorCode.EDIT_WINDOW_EXPIRED: Meaning(409, False, "Edit window expired"),
    ErrorCode.PERMISSION_DENIED: Meaning(403, False, "Permission denied"),
    ErrorCode.RESOURCE_NOT_FOUND: Meaning(404, False, "Resource not found"),
    ErrorCode.MAX_CONNECTIONS_EXCEEDED: Meaning(503, True, "Server at capacity"),
    ErrorCode.VALIDATION_ERROR: Meaning(400, False, "Invalid input"),
    ErrorCode.UNKNOWN_COMMAND: Meaning(404, False, "Unknown command"),
    ErrorCode.PAYLOAD_TOO_LARGE: Meaning(413, False, "Payload too large"),
    ErrorCode.CONFLICT: Meaning(409, False, "Conflict"),
    ErrorCode.IDEMPOTENCY_CONFLICT: Meaning(
        409, False, "This id was already used for another request"
    ),
    ErrorCode.UNAVAILABLE: Meaning(503, True, "Service temporarily unavailable"),
    # Not retryable: what we did not foresee is most often the same crash again, and a client that
    # retries by itself would repeat it for ever. The outcome is unknown, though: a person (or a
    # later session) may repeat the ask under the same id, which settles it without a second effect.
    ErrorCode.INTERNAL_ERROR: Meaning(500, False, "Internal server error"),
}


class ChatError(Exception):
    """A command was refused. Holds all that a client needs to react.

    `message` is for people and defaults to the code's own; `details` says more; `fields` maps a
    field to what is wrong with it; `retry_after` is in seconds; `error_id` finds the log line.
    """

    def __init__(
        self,
        *,
        code: ErrorCode,
        message: str | None = None,
        details: str | None = None,
        fields: Mapping[str, Sequence[str]] | None = None,
        retry_after: float | None = None,
        error_id: str | None = None,
    ) -> None:
        self.code = code
        self.message = MEANINGS[code].message if message is None else message
        self.details = details
        self.fields = fields
        self.retry_after = retry_after
        self.error_id = error_id
        super().__init__(f"{code}: {self.message}")

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return MEANINGS[self.code].status

    @property
    def retryable(self) -> bool:
        """Whether the same ask, unchanged, may succeed later."""
        return MEANINGS[self.code].retryable

    @property
    def retry_after_seconds(self) -> int | None:
        """`retry_after` as the wire and the `Retry-After` header have it: whole seconds.

        Rounded up, and at least 1, so that no client comes back too early or at once.
        """
        return None if self.retry_after is None else max(1, math.ceil(self.retry_after))

    def to_wire(self) -> dict[str, object]:
        """Return the error object of the main door (contract, section 1), optionals left out if absent."""
        wire: dict[str, object] = {"code": self.code.value, "message": self.message}
        if self.details is not None:
            wire["details"] = self.details
        if self.fields is not None:
            wire["fields"] = {name: list(reasons) for name, reasons in self.fields.items()}
        wire["retryable"] = self.retryable
        if self.retry_after is not None:
            wire["retryAfter"] = self.retry_after_seconds
        if self.error_id is not None:
            wire["errorId"] = self.error_id
        return wire


def not_found(what: str, *, field: str | None = None) -> ChatError:
    """Make the error for a `what` ("conversation") that does not exist, or that the caller may not know of."""
    message = f"{what[:1].upper()}{what[1:]} not found"
    fields = {field: [f"{message}."]} if field else None
    return ChatError(code=ErrorCode.RESOURCE_NOT_FOUND, message=message, fields=fields)


def invalid(field: str, reason: str) -> ChatError:
    """Make the VALIDATION_ERROR that names one field and says why it is wrong."""
    return ChatError(
        code=ErrorCode.VALIDATION_ERROR, details=f"{field}: {reason}", fields={field: [reason]}
    )


def denied(message: str | None = None) -> ChatError:
    """Make the error for a caller who may see the thing but not do this to it."""
    return ChatError(code=ErrorCode.PERMISSION_DENIED, message=message)


def conflict(message: str | None = None) -> ChatError:
    """Make the error for a thing whose state does not allow it: a full group, an owner who leaves."""
    return ChatError(code=ErrorCode.CONFLICT, message=message)


def unavailable(retry_after: float = 1) -> ChatError:
    """Make the error for something that is away for now; try again after `retry_after` seconds."""
    return ChatError(code=ErrorCode.UNAVAILABLE, retry_after=retry_after)
