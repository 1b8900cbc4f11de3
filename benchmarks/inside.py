"""`python inside.py lag|tasks FILE serve …`: our server, which notes in FILE what only it can see.

A program of its own that imports nothing of the benchmarks: it also runs another checkout's server. Moments are
of the monotonic clock, in seconds.

lag: [moment, lateness in ms] for every moment at which a timer of 5 ms was due; written at the end, as JSON.
tasks: a line with the moment and the number of tasks, once a second.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chatserver.cli import commands as cli
from chatserver.ops import serve

_EVERY = 0.005


async def _lag(path: Path) -> None:
    loop = asyncio.get_running_loop()
    late: list[tuple[float, float]] = []
    due = loop.time() + _EVERY
    try:
        while True:
            await asyncio.sleep(due - loop.time())
            now = loop.time()
            # One that stood still for long was late for all that was due meanwhile.
            while due < now:
                late.append((due, (now - due) * 1000))
                due += _EVERY
            due = now + _EVERY
    finally:
        path.write_text(json.dumps(late))  # noqa: ASYNC240 - nothing else runs any more


async def _tasks(path: Path) -> None:
    with path.open("w", buffering=1) as file:
        while True:
            file.write(f"{asyncio.get_running_loop().time()} {len(asyncio.all_tasks())}\n")
            await asyncio.sleep(1)


_WATCHES: dict[str, Callable[[Path], Awaitable[None]]] = {"lag": _lag, "tasks": _tasks}


def main() -> None:
    """The command line."""
    watch, path = _WATCHES[sys.argv.pop(1)], Path(sys.argv.pop(1))
    door: Any = serve
    build: Callable[..., Any] = door.build

    @asynccontextmanager
    async def watched(*arguments: Any, **options: Any) -> AsyncIterator[Any]:
        async with build(*arguments, **options) as app:
            watching = asyncio.ensure_future(watch(path))
            try:
                yield app
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    door.build = watched
    cli.main()


if __name__ == "__main__":
    main()
