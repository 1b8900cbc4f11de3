import pytest

from chatserver.core.errors import (
    MEANINGS,
    ChatError,
    ErrorCode,
    conflict,
    denied,
    invalid,
    not_found,
    unavailable,
)

CODES = [
    "AUTH_REQUIRED",
    "AUTH_FAILED",
    "USER_BLOCKED",
    "RATE_LIMIT_EXCEEDED",
    "EDIT_WINDOW_EXPIRED",
    "PERMISSION_DENIED",
    "RESOURCE_NOT_FOUND",
    "MAX_CONNECTIONS_EXCEEDED",
    "VALIDATION_ERROR",
    "UNKNOWN_COMMAND",
    "PAYLOAD_TOO_LARGE",
    "CONFLICT",
    "IDEMPOTENCY_CONFLICT",
    "UNAVAILABLE",
    "INTERNAL_ERROR",
]


def test_codes() -> None:
    """The codes are those of the contract, each spelled as it is named."""
    assert [code.value for code in ErrorCode] == CODES
    assert [code.name for code in ErrorCode] == CODES


def test_every_code_has_a_meaning() -> None:
    """Each code has an HTTP status of an error and a message for people."""
    assert set(MEANINGS) == set(ErrorCode)
    assert all(400 <= meaning.status <= 599 and meaning.message for meaning in MEANINGS.values())


@pytest.mark.parametrize(
    ("status", "codes"),
    [
        (400, "VALIDATION_ERROR"),
        (401, "AUTH_REQUIRED AUTH_FAILED"),
        (403, "PERMISSION_DENIED USER_BLOCKED"),
        (404, "RESOURCE_NOT_FOUND UNKNOWN_COMMAND"),
        (409, "CONFLICT EDIT_WINDOW_EXPIRED IDEMPOTENCY_CONFLICT"),
        (413, "PAYLOAD_TOO_LARGE"),
        (429, "RATE_LIMIT_EXCEEDED"),
        (500, "INTERNAL_ERROR"),
        (503, "UNAVAILABLE MAX_CONNECTIONS_EXCEEDED"),
    ],
)
def test_status(status: int, codes: str) -> None:
    """REST answers each code with the status that the contract gives it."""
    assert {code for code in ErrorCode if MEANINGS[code].status == status} == set(codes.split())


def test_retryable() -> None:
    """Only what passes by itself is worth sending again unchanged."""
    retryable = {code for code in ErrorCode if ChatError(code=code).retryable}
    assert retryable == {"RATE_LIMIT_EXCEEDED", "UNAVAILABLE", "MAX_CONNECTIONS_EXCEEDED"}


def test_wire_leaves_out_what_is_absent() -> None:
    """An error without optionals is a code, a message and whether to retry, in plain types."""
    wire = ChatError(code=ErrorCode.CONFLICT).to_wire()
    assert wire == {"code": "CONFLICT", "message": "Conflict", "retryable": False}
    assert type(wire["code"]) is str


def test_wire_has_all_that_is_known() -> None:
    """Each optional appears under its name on the wire."""
    error = ChatError(
        code=ErrorCode.RATE_LIMIT_EXCEEDED,
        message="Slow down",
        details="240 messages a minute",
        fields={"content": ("too", "many")},
        retry_after=2.1,
        error_id="e1",
    )
    assert error.to_wire() == {
        "code": "RATE_LIMIT_EXCEEDED",
        "message": "Slow down",
        "details": "240 messages a minute",
        "fields": {"content": ["too", "many"]},
        "retryable": True,
        "retryAfter": 3,
        "errorId": "e1",
    }


@pytest.mark.parametrize(
    ("seconds", "wire"), [(None, None), (-1, 1), (0, 1), (0.2, 1), (1, 1), (1.001, 2), (30, 30)]
)
def test_retry_after(seconds: float | None, wire: int | None) -> None:
    """A wait is told in whole seconds, never shorter than it is and never none."""
    error = unavailable() if seconds is None else unavailable(retry_after=seconds)
    error.retry_after = seconds
    assert error.retry_after_seconds == wire
    assert error.to_wire().get("retryAfter") == wire


def test_constructors() -> None:
    """Each short constructor gives its code and says what a person needs."""
    assert not_found("conversation").to_wire() == {
        "code": "RESOURCE_NOT_FOUND",
        "message": "Conversation not found",
        "retryable": False,
    }
    assert invalid("content", "is empty").to_wire() == {
        "code": "VALIDATION_ERROR",
        "message": "Invalid input",
        "details": "content: is empty",
        "fields": {"content": ["is empty"]},
        "retryable": False,
    }
    assert denied().to_wire()["code"] == "PERMISSION_DENIED"
    assert denied("Only the owner may").message == "Only the owner may"
    assert conflict("The group is full").to_wire()["code"] == "CONFLICT"
    assert unavailable().to_wire()["retryAfter"] == 1


def test_text() -> None:
    """As an exception it reads as its code and message, without details."""
    error = ChatError(code=ErrorCode.AUTH_FAILED, message="No", details="why")
    assert str(error) == "AUTH_FAILED: No"
