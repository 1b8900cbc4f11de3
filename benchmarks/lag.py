"""`python lag.py FILE serve …`: our server, which writes to FILE how late its event loop was, when it ends.

A program of its own that imports nothing of the benchmarks: it also runs another checkout's server. It writes
the moments (of the monotonic clock, in seconds) at which a timer of 5 ms was due, with its lateness in ms.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chatserver import cli, serve

_EVERY = 0.005


class _Watch:
    def __init__(self) -> None:
        self.late: list[tuple[float, float]] = []

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._next()

    def _next(self) -> None:
        self._due = self._loop.time() + _EVERY
        self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        # One that stood still for long was late for all that was due meanwhile.
        while self._due < now:
            self.late.append((self._due, (now - self._due) * 1000))
            self._due += _EVERY
        self._next()


def main() -> None:
    """The command line."""
    path = Path(sys.argv.pop(1))
    watch = _Watch()
    door: Any = serve
    build: Callable[..., Any] = door.build

    @asynccontextmanager
    async def watched(*arguments: Any) -> AsyncIterator[Any]:
        async with build(*arguments) as app:
            watch.start()
            yield app

    door.build = watched
    try:
        cli.main()
    finally:
        path.write_text(json.dumps(watch.late))


if __name__ == "__main__":
    main()
