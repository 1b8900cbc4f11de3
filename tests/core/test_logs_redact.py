"""What `redact` takes out of an event before it is logged."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import asyncpg
import pytest

from chatserver.core.redaction import mask, redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def unique_violation(detail: str) -> asyncpg.PostgresError:
    """An error as asyncpg raises it."""
    error = asyncpg.UniqueViolationError("duplicate key value violates unique constraint")
    error.detail = detail
    return error


@pytest.mark.parametrize(
    "key",
    [
        *(
            "token",
            "accessToken",
            "Authorization",
            "cookie",
            "Set-Cookie",
            "password",
            "db_password",
        ),
        *("secret", "JWT_SECRET", "content", "contentEncrypted", "content_encrypted", "metadata"),
        *("text", "payload", "data", "body", "auth", "dsn", "database_url", "REDIS_URL", "message"),
        *("CHAT_ENCRYPTION_KEY_CONTENT", "encryption_keys", "args", "positional_args"),
    ],
)
def test_secret_keys_are_redacted_at_any_depth(key: str) -> None:
    """The value under a secret key goes, whatever it is; None stays, as it tells nothing."""
    event = {"event": "x", key: "hello", "deep": [{"deeper": {key: {"a": 1}}}], "none": {key: None}}
    assert redact(None, "info", event) == {
        "event": "x",
        key: "[redacted]",
        "deep": [{"deeper": {key: "[redacted]"}}],
        "none": {key: None},
    }


@pytest.mark.parametrize(
    "key",
    ["event", "user_id", "conversation_id", "query", "room", "seq", "reason", "context", "code"],
)
def test_ordinary_keys_are_kept(key: str) -> None:
    """Keys that logs are read by stay."""
    assert redact(None, "info", {key: "value"}) == {key: "value"}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("nothing to hide", "nothing to hide"),
        ("a keyJoin.b.c stays", "a keyJoin.b.c stays"),
        (f"GET /x?token={JWT}&y=1", "GET /x?token=[redacted]&y=1"),
        (f"Bearer {JWT}", "Bearer [redacted]"),
        (JWT.rsplit(".", 1)[0] + ".", "[redacted]"),
        ("postgresql://chat:hunter2@db/chat", "postgresql://[redacted]@db/chat"),
        ("redis://:hunter2@cache:6379 is down", "redis://[redacted]@cache:6379 is down"),
        ("x://u:hun@t/er2@db", "x://[redacted]@db"),
        ("https://app.example.com:443/path", "https://app.example.com:443/path"),
        ("no\nDETAIL:  Key (a)=(b\nc).\nHINT:  d", "no\nDETAIL: [redacted]"),
        (
            "invalid input for query argument $3: 'hello' (expected int)",
            "invalid input for query argument $3: [redacted]",
        ),
        (
            'invalid input syntax for type uuid: "hello\nworld"',
            "invalid input syntax for type uuid: [redacted]",
        ),
    ],
)
def test_secrets_inside_text_are_masked(text: str, masked: str) -> None:
    """Tokens, passwords in URLs and values that PostgreSQL repeats go from any text."""
    assert mask(text) == masked
    assert redact(None, "info", {"event": text, "a": [text]}) == {"event": masked, "a": [masked]}


def test_long_hostile_text_is_masked_in_linear_time() -> None:
    """Repeating what a mask looks for costs no more than its length (the suite has a timeout)."""
    for part in ("eyJ", "eyJa.", "://", "://a:", "DETAIL:", "invalid input for query argument"):
        assert mask(part * 20_000) is not None


class Colour(StrEnum):
    """An enumeration."""

    RED = "red"


@dataclass
class Note:
    """A value with a field to hide, and one hidden already."""

    id: int
    content: str
    key: str = field(default="hello", repr=False)


class Unknown:
    """Something whose repr can't be trusted."""

    def __repr__(self) -> str:
        return "hello"


@pytest.mark.parametrize(
    ("value", "logged"),
    [
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
        (Colour.RED, "red"),
        (True, True),
        (1.5, 1.5),
        ((1, "a"), [1, "a"]),
        ({"a"}, ["a"]),
        (b"hello", "<5 bytes>"),
        (Note(1, "hello"), {"id": 1, "content": "[redacted]"}),
        (Unknown(), "<Unknown>"),
        (Note, "<Note>"),
        (unique_violation("hello"), "UniqueViolationError (23505)"),
        (KeyError("hello"), "KeyError"),
        (ConnectionRefusedError(111, "hello"), "ConnectionRefusedError (Connection refused)"),
        ([[[[[["hello"]]]]]], [[[[["<list>"]]]]]),
        (list(range(60)), [*range(50), "… 10 more"]),
        ({JWT: 1}, {"[redacted]": 1}),
    ],
)  # fmt: skip
def test_values_become_plain_data(value: object, logged: object) -> None:
    """Known values are shown plainly and bounded, unknown ones by the name of their type."""
    assert redact(None, "info", {"value": value}) == {"value": logged}


def test_long_text_is_cut_in_the_middle() -> None:
    """Of a long text, the beginning and the end are logged."""
    cleaned = redact(None, "info", {"event": "a" + "b" * 100_000 + "c"})["event"]
    assert len(cleaned) < 17_000
    assert cleaned[0] == "a"
    assert cleaned[-1] == "c"
    assert "83618 characters" in cleaned
