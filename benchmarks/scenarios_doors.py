"""S10: what clients of other systems cost beside those of the main door, in one run."""

from benchmarks.bench import Bench, Numbers
from benchmarks.scenario import READY, ask
from benchmarks.servers import Kind

# By the load generator's names; the main door is the measure of the others.
MAIN = "main"
OTHERS = ("messaging", "marketplace")
DOORS = (MAIN, *OTHERS)


async def fan_out(bench: Bench, kind: Kind) -> Numbers:
    """S10a: one of two people writes at the main door, and the other has many connections at one door."""
    talk = bench.pairs[0]
    writer, listener = talk.members
    lines = [bench.world.line(writer, talk), *(bench.world.line(listener),) * bench.form.room]
    server = await bench.server(kind)
    numbers: Numbers = {}
    for door in DOORS:
        # What was told at the last door has arrived, as far as anybody knows.
        await bench.settle(kind)
        numbers[door] = await ask(
            bench,
            server,
            connections=bench.lines(f"fan-out-{door}", lines),
            # The writer is told, too.
            pushes_per_ask=bench.form.room + 1,
            speak=None if door == MAIN else door,
            topic=talk.id,
        )
    return _compared(numbers, "deliveries_per_second")


async def idle(bench: Bench, kind: Kind) -> Numbers:
    """S10b: connections that do nothing, at one door after the other, of a process that has done nothing yet."""
    people = range(bench.form.returning)
    numbers: Numbers = {}
    for door in DOORS:
        numbers[door] = await bench.load(
            "connect",
            await bench.server(kind, fresh=True),
            connections=bench.lines(f"idle-{door}", bench.world.silent_lines(people)),
            connect_window=bench.form.window,
            hold=bench.form.hold,
            after=0,
            ready=READY,
            speak=None if door == MAIN else door,
        )
    return _compared(numbers, "kb_per_connection")


def _compared(numbers: Numbers, key: str) -> Numbers:
    """With the figure of each door as a multiple of the main door's."""
    main = numbers[MAIN][key]
    times = {f"{door}_times": numbers[door][key] / main for door in OTHERS if main}
    return numbers | times
