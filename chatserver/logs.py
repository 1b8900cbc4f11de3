"""Logging: structlog over the standard library, one format for our logs and those of libraries.

People read it in development, machines read one JSON object a line in production. Message text
and secrets never reach a log: `redact` stands before every line, whoever wrote it.
"""

from __future__ import annotations

import dataclasses
import json as json_module
import logging
import math
import re
import sys
from collections.abc import Mapping, Set
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Any, TextIO
from uuid import UUID

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict, Processor

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

# Below warnings, these write packets (so message text) or one line per request.
_CHATTY = (
    "aiohttp",
    "asyncio",
    "asyncpg",
    "engineio",
    "engineio.client",
    "engineio.server",
    "redis",
    "socketio",
    "socketio.client",
    "socketio.server",
)


def get_logger(name: str) -> BoundLogger:
    """A logger called `name`, to be used as `logger.info("what happened", key=value)`.

    Values go in as keys, never into the text: there `redact` can't know them.
    """
    return structlog.stdlib.get_logger(name)


def configure_logging(*, json: bool, level: str, stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (standard error unless given), as JSON or for people.

    `level` is debug, info, warning or error. Called again, it replaces what it did before and
    leaves the handlers of others alone.
    Raises ValueError for another level.
    """
    levels = logging.getLevelNamesMapping()
    if level.upper() not in levels:
        raise ValueError(f"no log level {level!r}")
    threshold = levels[level.upper()]
    handler = _Handler(sys.stderr if stream is None else stream)
    render: tuple[Processor, ...] = (_json_line,) if json else (_console(handler.stream),)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,  # tracebacks without local variables
                redact,
                *render,
            ],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(threshold)
    for name in _CHATTY:
        # A level of their own also keeps socketio and engineio from adding handlers of theirs.
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    structlog.configure(
        processors=_CHAIN,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=BoundLogger,
        # Safe to call twice: what depends on the arguments is in the handler, not in the chain.
        cache_logger_on_first_use=True,
    )


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The structlog processor that takes message text and secrets out of an event.

    Values under the names of `_SECRET_KEYS` go, at any depth; tokens, passwords in URLs and
    PostgreSQL's DETAIL go from every text. Objects it does not know are named by their type
    alone, as their `repr` may say anything.
    """
    return {
        key: REDACTED if _is_secret(key) and value is not None else _clean(value, 0)
        for key, value in event.items()
    }


def mask(text: str) -> str:
    """`text` without tokens, passwords in URLs and values that PostgreSQL repeats."""
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
    """`value` as plain JSON data, cleaned and bounded."""
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
        return _clean_text(f"{type(value).__name__}: {value}")
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


def _add_timestamp(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Add the time as the wire has it: ISO 8601, UTC, milliseconds, Z."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    event["timestamp"] = now.replace("+00:00", "Z")
    return event


def _json_line(_logger: Any, _method: str, event: EventDict) -> str:
    first = {key: event.pop(key, "") for key in ("timestamp", "level", "logger", "event")}
    # json, not orjson: it also writes lone surrogates and integers of any size, and never fails.
    return json_module.dumps(first | dict(event), default=str)


def _console(stream: TextIO) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


class _Handler(logging.StreamHandler[TextIO]):
    """The handler of `configure_logging`, recognised by its class."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say which line was lost, and no more: the inherited method prints its arguments."""
        place = f"{record.pathname}:{record.lineno}"
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"a log line of {record.name} was lost ({place})\n")


# Added to every event, of ours and of libraries.
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    _add_timestamp,
]
# One list for good: loggers keep it, and structlog.testing.capture_logs changes it in place.
_CHAIN: list[Processor] = [
    structlog.stdlib.filter_by_level,
    *_SHARED,
    ProcessorFormatter.wrap_for_formatter,
]
