"""`python lag.py FILE serve …`: our server, which writes to FILE how late its event loop was, when it ends.

A program of its own that imports nothing of the benchmarks: it also runs another checkout's server. The lateness
is that of a timer every 5 ms, in milliseconds. SIGUSR2 forgets what was noted so far.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chatserver import cli, serve

_EVERY = 0.005


class _Watch:
    def __init__(self) -> None:
        self.late: list[float] = []

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGUSR2, self.late.clear)
        self._next()

    def _next(self) -> None:
        self._due = self._loop.time() + _EVERY
        self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        late = self._loop.time() - self._due
        # One that stood still for long was late for all that was due meanwhile.
        while late > 0:
            self.late.append(late * 1000)
            late -= _EVERY
        self._next()


def main() -> None:
    """The command line."""
    path = Path(sys.argv.pop(1))
    watch = _Watch()
    build: Callable[..., Any] = serve.build

    @asynccontextmanager
    async def watched(*arguments: Any) -> AsyncIterator[Any]:
        async with build(*arguments) as app:
            watch.start()
            yield app

    serve.build = watched
    try:
        cli.main()
    finally:
        path.write_text(json.dumps(watch.late))


if __name__ == "__main__":
    main()
