"""A part that works for as long as the process runs."""

import asyncio
from abc import ABC, abstractmethod

from chatserver.core.vitals import has_ended


class BackgroundTask(ABC):
    """A part with one task of its own, from `start` to `stop`."""

    _task: asyncio.Task[None] | None = None

    @abstractmethod
    async def _run(self) -> None:
        """Work until the task is cancelled."""

    def start(self) -> None:
        """Start the part's task."""
        self._task = asyncio.create_task(self._run())

    def stands_still(self, _patience: float) -> bool:
        """Return whether the task has ended, which should work until `stop`.

        Args:
            _patience: not looked at; other parts stand still after so many seconds (`Vitals`).
        """
        return has_ended(self._task)

    async def stop(self) -> None:
        """Cancel the part's task, and wait until it has ended."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
