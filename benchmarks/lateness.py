"""How late a server's event loop is while it hands one message after the other to a large room."""

from pathlib import Path

import orjson

from benchmarks.bench import Bench, Numbers
from benchmarks.scenario import ask
from benchmarks.servers import Kind
from benchmarks.world import Talk


async def lateness(bench: Bench, kind: Kind, room: Talk) -> Numbers:
    """One member writes as fast as it is acked; `loop_lag_ms` has the percentiles of the loop's lateness."""
    noted = bench.directory / f"{kind.name}.lag"
    server = bench.another(kind, bench.cores.server, watch=("lag", noted))
    await server.start()
    try:
        lines = bench.lines("lag", bench.world.room_lines(room, 1))
        numbers = await ask(bench, server, connections=lines, pushes_per_ask=len(room.members))
    finally:
        await server.stop()
    # Both by the machine's monotonic clock.
    until = numbers["window_ended"]
    numbers["loop_lag_ms"] = late_between(noted, until - numbers["seconds"], until)
    return numbers


def late_between(noted: Path, since: float, until: float) -> dict[str, float]:
    """Percentiles, in ms, of how late a loop was between two moments, of what `inside.py` noted."""
    late = sorted(
        milliseconds
        for moment, milliseconds in orjson.loads(noted.read_bytes())
        if since < moment < until
    )
    return {
        name: late[min(int(len(late) * share), len(late) - 1)] if late else 0.0
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }
