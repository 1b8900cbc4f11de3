"""How fast the load generator itself is: against a server in C that does nothing but answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.bench import Bench, Numbers
from benchmarks.loadgen.build import build
from benchmarks.machine import running_on
from benchmarks.scenario import SEND


async def ceiling(bench: Bench) -> Numbers:
    """S1 and S2b against the generator's own sink, which has the server's processor to itself.

    `messages` are acks per second, with a push each; `deliveries` are pushes per second, to a whole room.
    """
    world, form = bench.world, bench.form
    async with _sink(bench) as sink:
        lines = bench.lines("ceiling", (world.line(t.members[0], t) for t in bench.pairs))
        messages = await _ask(bench, sink, lines, pushes=1)
    async with _sink(bench, "--fanout") as sink:
        room = world.rooms[form.room]
        lines = bench.lines("ceiling", world.room_lines(room, 5))
        deliveries = await _ask(bench, sink, lines, pushes=len(room.members))
    return {
        "messages": messages["asks_per_second"],
        "deliveries": deliveries["deliveries_per_second"],
    }


async def _ask(bench: Bench, port: int, lines: object, pushes: int) -> Numbers:
    return await bench.load(
        "ask",
        port=port,
        pid=None,
        connections=lines,
        event="chat:message_send",
        payload=SEND,
        push="chat:message_received",
        pushes_per_ask=pushes,
        seconds=bench.form.seconds,
        warmup=bench.form.warmup,
    )


@asynccontextmanager
async def _sink(bench: Bench, *options: str) -> AsyncIterator[int]:
    with running_on(bench.cores.server):
        process = await asyncio.create_subprocess_exec(
            str(build()),
            *("sink", "--port", "0", "--echo", "chat:message_received", *options),
            stdout=asyncio.subprocess.PIPE,
        )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        yield int(line.split()[-1])
    finally:
        process.kill()
        await process.communicate()
