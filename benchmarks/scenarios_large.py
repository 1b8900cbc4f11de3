"""S6, where thousands come back at once; S8, with two processes, and S9, with more and more."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.bench import Bench, Numbers
from benchmarks.machine import look_at
from benchmarks.scenario import READY, SEND, ask
from benchmarks.servers import Kind, Server
from benchmarks.world import Talk


async def return_at_once(bench: Bench, kind: Kind) -> Numbers:
    """S6: those who come back are sent what they missed, while others go on talking.

    The peer, which keeps nothing for them, accepts the same number of connections and is left alone meanwhile.
    """
    pairs = bench.world.pairs[bench.form.pairs :][: bench.form.returning // 2]
    people = [member for talk in pairs for member in talk.members]
    server = await bench.server(kind)
    lines = bench.lines("returning", bench.world.silent_lines(people))
    if not kind.ours:
        return await bench.load(
            "connect",
            server,
            connections=lines,
            connect_window=len(people),
            hold=0,
            after=0,
            ready=READY,
        )
    return await _storm(bench, kind, server, pairs)


async def _storm(bench: Bench, kind: Kind, server: Server, pairs: list[Talk]) -> Numbers:
    form = bench.form
    parked = bench.directory / "parked.txt"
    await bench.load(
        "park",
        server,
        connections=bench.directory / "returning.txt",
        connect_window=form.window,
        save=parked,
        ready=READY,
        pid=None,
    )
    await bench.add_messages([kind], dict.fromkeys(pairs, form.missed))
    # What it takes PostgreSQL to bring so much to the disk is none of the storm's.
    await bench.postgres.execute(None, "CHECKPOINT")
    numbers = await bench.load(
        "storm",
        server,
        connections=parked,
        connect_window=2 * len(pairs),
        missed=form.missed,
        live=bench.lines("live", bench.world.pair_lines(bench.pairs)),
        rate=form.live_rate,
        calm=form.seconds,
        warmup=form.warmup,
        event="chat:message_send",
        payload=SEND,
        push="chat:message_received",
        pushes_per_ask=2,
        ready=READY,
    )
    calm, storm = numbers["live_calm_us"], numbers["live_storm_us"]
    # A small storm may be over before anybody writes.
    if calm and storm:
        numbers["live_slowdown"] = storm["p99"] / calm["p99"]
    return numbers


async def two_processes(bench: Bench, kind: Kind) -> Numbers:
    """S8: the two of each pair are on different processes; as many write on the one as on the other.

    Everything shares all processors, since pinned to one of two it would be the placement that is measured.
    """
    async with _processes(bench, kind, 2) as servers:
        return await _across(bench, servers)


async def many_processes(bench: Bench, kind: Kind, size: int) -> Numbers:
    """S9: as S8, with so many processes and always as many messages a second, on a fixed schedule.

    What the processes do while nobody is connected is not counted among what messages cost. One process more
    stands by, to which nobody connects: what it spends is the price of being told of others' messages.
    """
    rate = bench.form.cluster_rate
    async with _processes(bench, kind, size + 1) as started:
        *servers, bystander = started
        # What comes of starting is over by then.
        await asyncio.sleep(bench.form.after)
        before = _cpu_seconds(servers)
        await asyncio.sleep(bench.form.hold)
        idle = (_cpu_seconds(servers) - before) / bench.form.hold
        noted: list[tuple[float, float]] = []
        async with asyncio.TaskGroup() as group:
            noting = group.create_task(_note_cpu(bystander, noted))
            numbers = await _across(bench, servers, rate=rate)
            noting.cancel()
    numbers["idle_ms_per_second"] = idle / size * 1e3
    # A starved machine may have had none in the window.
    if (spent := numbers.get("cpu_us_per_ask")) is not None:
        numbers["beyond_idle_us"] = spent - idle / rate * 1e6
    until = numbers["window_ended"]
    within = [one for one in noted if until - numbers["seconds"] < one[0] < until]
    if len(within) > 1:
        (began, least), (ended, most) = within[0], within[-1]
        numbers["bystander_ms_per_second"] = (most - least) / (ended - began) * 1e3
    return numbers


async def _note_cpu(server: Server, noted: list[tuple[float, float]]) -> None:
    """Note again and again what a process has used of the processor by then, by the machine's monotonic clock."""
    while True:
        noted.append((time.monotonic(), _cpu_seconds([server])))
        await asyncio.sleep(0.1)


def _cpu_seconds(servers: list[Server]) -> float:
    return sum(look_at(server.pid).cpu_seconds for server in servers)


@asynccontextmanager
async def _processes(bench: Bench, kind: Kind, size: int) -> AsyncIterator[list[Server]]:
    """So many processes with Redis."""
    servers = [
        bench.another(
            kind, bench.cores.all, REDIS_URL=bench.redis_url, name=f"{kind.name}-{number}"
        )
        for number in range(size)
    ]
    bench.postgres.spread()
    try:
        await asyncio.gather(*(server.start() for server in servers))
        yield servers
    finally:
        await asyncio.gather(*(server.stop() for server in servers))
        bench.postgres.calm()


async def _across(bench: Bench, servers: list[Server], rate: int | None = None) -> Numbers:
    lines = bench.lines("across", bench.world.pair_lines(bench.pairs, by_turns=True))
    return await ask(
        bench,
        *servers,
        connections=lines,
        pushes_per_ask=2,
        rate=rate,
        settle=10,
        processors=bench.cores.all,
    )
