"""Watches the parts that work in the background: a process in which one stands still is not ready."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from chatserver.core.logging import get_logger

_log = get_logger(__name__)

Stands = Callable[[float], bool]
"""Whether a part has done nothing for so many seconds although it had something to do."""


class Vitals:
    """The parts that work in the background, by name.

    Args:
        patience: seconds after which a part that does not move stands still: longer than any query may take.
        parts: tells of each part whether it stands still.
    """

    def __init__(self, patience: float, parts: Mapping[str, Stands]) -> None:
        self._patience = patience
        self._parts = parts
        self._said: set[str] = set()

    def standing(self) -> list[str]:
        """Return the names of the parts that stand still; log each once, until it moves again."""
        found = [name for name, stands in self._parts.items() if stands(self._patience)]
        for name in found:
            if name not in self._said:
                _log.error("a part of the server stands still", part=name)
        self._said = set(found)
        return found


def has_ended(task: "asyncio.Task[Any] | None") -> bool:
    """Return whether a task that runs as long as the process has ended."""
    return task is not None and task.done()
