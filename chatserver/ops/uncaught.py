"""Logs crashes that nobody handles. Python and asyncio would write them with all that they quote."""

import sys
import threading
from typing import Any

from chatserver.core.logging import get_logger
from chatserver.core.tracebacks import own_words

_log = get_logger(__name__)


def catch_all() -> None:
    """Log what destructors and threads raise."""
    sys.unraisablehook = lambda found: _write(found.exc_value)
    threading.excepthook = lambda found: _write(found.exc_value)


def loop_exception(_loop: object, context: dict[str, Any]) -> None:
    """Log what an event loop caught (`asyncio.loop.set_exception_handler`)."""
    error = context.get("exception")
    # What clients' connections end with is theirs.
    write = _log.debug if isinstance(error, OSError) else _log.error
    write("the event loop met an exception", what=own_words(context.get("message")), exc_info=error)


def _write(error: BaseException | None) -> None:
    _log.error("an exception was not handled", exc_info=error)
