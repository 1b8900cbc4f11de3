"""Logging: structlog over the standard library, one format for our logs and those of libraries.

People read it in development, machines read one JSON object a line in production. Nothing that a client
sent reaches a log: exceptions are written without their texts (`chatserver.core.tracebacks`), libraries' lines
without what they quote, and `redaction.redact` stands before every line, whichever library wrote it.
"""

from __future__ import annotations

import json as json_module
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict, Processor

from chatserver.core.redaction import redact
from chatserver.core.tracebacks import described, own_words

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
    """Return a logger called `name`, to be used as `logger.info("what happened", key=value)`.

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
            foreign_pre_chain=[_quote_nothing, *_SHARED],
            use_get_message=False,
            processors=[
                ProcessorFormatter.remove_processors_meta,
                _format_exception,
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


def _add_timestamp(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Add the time as the wire has it: ISO 8601, UTC, milliseconds, Z."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    event["timestamp"] = now.replace("+00:00", "Z")
    return event


def _format_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Write the exception of an event as `described`; True is the one that is being handled."""
    found = event.pop("exc_info", None)
    if isinstance(found, tuple):
        found = found[1]
    elif found and not isinstance(found, BaseException):
        found = sys.exc_info()[1]
    if isinstance(found, BaseException):
        event["exception"] = described(found)
    return event


def _quote_nothing(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Keep the library's own words of its line: what it puts into them may be a client's."""
    event["event"] = own_words(event["_record"].msg)
    event.pop("stack_info", None)
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
