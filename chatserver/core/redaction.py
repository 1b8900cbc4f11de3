"""Takes message text and secrets out of what is logged, and bounds what one line may cost."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Set
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Any
from uuid import UUID

from structlog.typing import EventDict

from chatserver.core.tracebacks import named

REDACTED = "[redacted]"

# Keys whose values are never logged; compared without case, "_" and "-".
_SECRET_KEYS = frozenset(
    {
        "auth",
        "jwt",
        "credentials",
        "passwd",
        "dsn",
        "databaseurl",
        "redisurl",
        "encryptionkeys",
        "encryptionkey",
        "text",
        "payload",
        "data",
        "body",
        "message",
        "messages",
        "lastmessage",
        "metadata",
        "contentencrypted",
        "title",
        "description",
        "caption",
        "args",
        "arguments",
        "params",
        "parameters",
        "positionalargs",
    }
)
_SECRET_ENDINGS = (
    "token",
    "secret",
    "password",
    "cookie",
    "authorization",
    "apikey",
    "content",
)

# A bound on what one line may cost, in characters, items of one collection, and nesting.
_MAX_TEXT = 16_384
_MAX_ITEMS = 50
_MAX_DEPTH = 5

# A lone header counts too; so a match never fails late, and long texts cost linear time.
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,2}")
# Up to the last "@" of the word: a password may hold an "@" that should have been encoded.
_URL_PASSWORD = re.compile(r"://[^\s/:@]{0,256}:\S{0,512}@")
# PostgreSQL and asyncpg repeat values, over several lines where a value has them. They stand at
# the end of an exception's text but for the chain, so everything up to the next link goes.
_PG_VALUES = re.compile(
    r"(DETAIL:|invalid input (?:for query argument|syntax for)[^:\n]{0,100}:).*?"
    r"(?=\n\nThe above exception was|\n\nDuring handling of the above|\Z)",
    re.DOTALL,
)

_PLAIN = (UUID, date, time, timedelta, Decimal, PurePath)


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Take message text and secrets out of an event; a structlog processor.

    Values under the names of `_SECRET_KEYS` go, at any depth; tokens, passwords in URLs and
    PostgreSQL's DETAIL go from every text. Objects it does not know are named by their type
    alone, as their `repr` may say anything.
    """
    return {
        key: REDACTED if _is_secret(key) and value is not None else _clean(value, 0)
        for key, value in event.items()
    }


def mask(text: str) -> str:
    """Return `text` without tokens, passwords in URLs and values that PostgreSQL repeats."""
    if "eyJ" in text:
        text = _JWT.sub(REDACTED, text)
    if "://" in text:
        text = _URL_PASSWORD.sub(f"://{REDACTED}@", text)
    if "DETAIL:" in text or "invalid input" in text:
        text = _PG_VALUES.sub(rf"\1 {REDACTED}", text)
    return text


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    plain = key.lower().replace("_", "").replace("-", "")
    return plain in _SECRET_KEYS or plain.endswith(_SECRET_ENDINGS)


def _clean(value: Any, depth: int) -> Any:
    """Return `value` as plain JSON data, cleaned and bounded."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return _clean_text(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, _PLAIN):
        return _clean_text(str(value))
    if isinstance(value, BaseException):
        return named(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if depth < _MAX_DEPTH:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            # A field that its class hides from repr is hidden here too.
            names = [field.name for field in dataclasses.fields(value) if field.repr]
            return _clean_mapping({name: getattr(value, name) for name in names}, depth)
        if isinstance(value, Mapping):
            return _clean_mapping(value, depth)
        if isinstance(value, (list, tuple, Set)):
            return _clean_items(value, depth)
    return f"<{value.__name__ if isinstance(value, type) else type(value).__name__}>"


def _clean_text(text: str) -> str:
    text = mask(text)
    if len(text) <= _MAX_TEXT:
        return text
    half = _MAX_TEXT // 2  # a traceback's beginning and end both matter
    return f"{text[:half]} … {len(text) - 2 * half} characters … {text[-half:]}"


def _clean_mapping(values: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for key, value in values.items():
        if len(cleaned) == _MAX_ITEMS:
            cleaned["…"] = f"{len(values) - _MAX_ITEMS} more"
            break
        secret = _is_secret(str(key)) and value is not None
        cleaned[mask(str(key))] = REDACTED if secret else _clean(value, depth + 1)
    return cleaned


def _clean_items(values: list[Any] | tuple[Any, ...] | Set[Any], depth: int) -> list[Any]:
    cleaned: list[Any] = []
    for value in values:
        if len(cleaned) == _MAX_ITEMS:
            cleaned.append(f"… {len(values) - _MAX_ITEMS} more")
            break
        cleaned.append(_clean(value, depth + 1))
    return cleaned
