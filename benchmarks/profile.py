"""Where our server's time goes in a scenario, found by looking at its process from outside (py-spy)."""

import asyncio
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from benchmarks.bench import Bench, LoadError
from benchmarks.machine import running_on
from benchmarks.scenario import Scenario
from benchmarks.servers import OURS

_ROWS = 15


def profiler() -> str | None:
    """py-spy, where it is installed."""
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


async def profile(bench: Bench, scenario: Scenario) -> list[tuple[str, float]]:
    """The functions in which the server was found most often, with their shares; none where nobody may look.

    Of several servers, the first one is looked at.
    """
    program = profiler()
    if program is None:
        return []
    await bench.settle(OURS)
    looks: list[Path] = []

    @asynccontextmanager
    async def looking(pid: int) -> AsyncIterator[None]:
        looks.append(bench.directory / f"stacks-{len(looks)}")
        with running_on(bench.cores.rest):
            watching = await asyncio.create_subprocess_exec(
                *(program, "record", "--pid", str(pid), "--rate", "100", "--duration", "600"),
                *("--format", "raw", "--output", str(looks[-1])),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        try:
            yield
        finally:
            if watching.returncode is None:
                # It writes what it has.
                watching.send_signal(signal.SIGINT)
            await watching.wait()

    watched = bench.with_form(bench.form)
    watched.looking = looking
    with suppress(LoadError):
        await scenario.play(watched, OURS)
    return _hottest("".join(look.read_text() for look in looks if look.exists()))


def _hottest(stacks: str) -> list[tuple[str, float]]:
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        found[_short(stack.rpartition(";")[2])] += int(count)
    total = found.total()
    return [(name, count / total) for name, count in found.most_common(_ROWS)]


def _short(frame: str) -> str:
    """``get (asyncpg/pool.py)`` of a frame with its whole path and line."""
    name, _, place = frame.partition(" (")
    path = place.rstrip(")").rpartition(":")[0] or place.rstrip(")")
    return f"{name} ({'/'.join(Path(path).parts[-2:])})"
