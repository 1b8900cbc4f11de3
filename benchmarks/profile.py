"""Where our server's time goes in a scenario, found by looking at its process from outside (py-spy)."""

import asyncio
import shutil
import sys
from collections import Counter
from contextlib import suppress
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
    """The functions in which the server was found most often, with their shares; none where nobody may look."""
    program = profiler()
    if program is None:
        return []
    await bench.settle(OURS)
    server = await bench.server(OURS, fresh=True)
    stacks = bench.directory / "stacks"
    with running_on(bench.cores.rest):
        watching = await asyncio.create_subprocess_exec(
            *(program, "record", "--pid", str(server.pid), "--rate", "100", "--duration", "600"),
            *("--format", "raw", "--output", str(stacks)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    try:
        with bench.keeping(server), suppress(LoadError):
            await scenario.play(bench, OURS)
    finally:
        if watching.returncode is None:
            # It writes what it has.
            watching.send_signal(2)
        await watching.wait()
    return _hottest(stacks.read_text()) if stacks.exists() else []


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
