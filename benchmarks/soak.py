"""A soak: for some minutes clients come, talk, type, read, drop and recover, and nothing may pile up."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import Bench, Numbers
from benchmarks.data import Data
from benchmarks.machine import look_at
from benchmarks.play import mistakes, say
from benchmarks.scenario import LATEST_PAGE, READ_ALL, READY, SEND, TYPING
from benchmarks.servers import OURS, Server
from benchmarks.world import Talk

_EVERY = 5.0  # seconds between samples
_CALM = 10.0  # after everybody has gone
_ROWS = 12  # of the table


async def soak(bench: Bench, minutes: float) -> Data:
    """Soak our server; samples of its memory, descriptors and tasks, and how calm it was before and after."""
    noted = bench.directory / "tasks"
    server = bench.another(OURS, bench.cores.server, watch=("tasks", noted))
    await bench.settle(OURS)
    await server.start()
    try:
        await asyncio.sleep(2)
        before = _sample(server, noted, 0.0)
        samples = await _churn(bench, server, noted, minutes * 60)
        await asyncio.sleep(_CALM)
        after = _sample(server, noted, minutes * 60 + _CALM)
    finally:
        await server.stop()
    step = max(1, len(samples) // _ROWS)
    return {
        "minutes": minutes,
        "before": before,
        "after": after,
        "samples": samples,
        "shown": [before, *samples[step - 1 :: step], after],
        "memory_growth": _growth([sample["rss_kb"] for sample in samples]),
    }


async def _churn(bench: Bench, server: Server, noted: Path, seconds: float) -> list[Numbers]:
    """All clients at once, each again and again, and samples meanwhile."""
    began = time.monotonic()
    until = began + seconds
    churns = [
        asyncio.create_task(_again(play, bench, server, until))
        for play in (_talk, _type, _read, _come_and_go, _recover)
    ]
    samples = []
    try:
        while (now := time.monotonic()) < until:
            await asyncio.sleep(min(_EVERY, until - now))
            samples.append(_sample(server, noted, time.monotonic() - began))
            # Whoever failed ends the soak.
            for churn in churns:
                if churn.done() and churn.exception():
                    await churn
        await asyncio.gather(*churns)
    finally:
        for churn in churns:
            churn.cancel()
    return samples


async def _again(
    play: Callable[[Bench, Server], Awaitable[Numbers]], bench: Bench, server: Server, until: float
) -> None:
    while time.monotonic() < until:
        for mistake in mistakes(await play(bench, server)):
            say(f"soak: {play.__name__.strip('_')}: {mistake}")


def _sample(server: Server, noted: Path, seconds: float) -> Numbers:
    process = look_at(server.pid)
    lines = noted.read_text().splitlines()
    return {
        "seconds": seconds,
        "rss_kb": process.rss_kb,
        "descriptors": process.descriptors,
        "tasks": int(lines[-1].split()[1]) if lines else None,
    }


def _growth(sizes: list[int]) -> float:
    """How much more the last third has than the second, in percent."""
    third = len(sizes) // 3
    return 100 * (median(sizes[-third:]) / median(sizes[third : 2 * third]) - 1) if third else 0.0


# -- what clients do; each has people of its own --------------------------------------------------


def _people(bench: Bench, share: int) -> list[Talk]:
    """The pairs of one of five kinds of clients."""
    pairs = bench.world.pairs[:-1]
    each = min(bench.form.pairs, len(pairs) // 5)
    return pairs[share * each : (share + 1) * each]


async def _talk(bench: Bench, server: Server) -> Numbers:
    """They write to each other, and read it: what nobody confirms is sent to them once more, the next time."""
    world, pairs = bench.world, _people(bench, 0)
    said = await _ask(
        bench,
        server,
        connections=bench.lines("soak-talk", world.pair_lines(pairs)),
        event="chat:message_send",
        payload=SEND,
        push="chat:message_received",
        pushes_per_ask=2,
        rate=bench.form.live_rate,
    )
    both = (world.line(member, talk) for talk in pairs for member in talk.members)
    read = await bench.load(
        "ask",
        server,
        connections=bench.lines("soak-confirm", both),
        event="chat:message_read",
        payload=READ_ALL,
        pushes_per_ask=0,
        ready=READY,
        seconds=1,
        warmup=0,
        # Each of them, and some twice.
        rate=3 * len(pairs),
    )
    return {**said, "read": read}


async def _type(bench: Bench, server: Server) -> Numbers:
    lines = bench.lines("soak-type", bench.world.pair_lines(_people(bench, 1)))
    return await _ask(
        bench,
        server,
        connections=lines,
        event="chat:typing",
        payload=TYPING,
        rate=bench.form.live_rate / 2,
    )


async def _read(bench: Bench, server: Server) -> Numbers:
    world = bench.world
    lines = (world.line(talk.members[0], talk) for talk in _people(bench, 2))
    return await _ask(
        bench,
        server,
        connections=bench.lines("soak-read", lines),
        event="chat:history",
        payload=LATEST_PAGE,
        rate=bench.form.live_rate / 4,
    )


async def _ask(bench: Bench, server: Server, **options: Any) -> Numbers:
    return await bench.load(
        "ask", server, ready=READY, seconds=bench.form.seconds * 4, warmup=0, settle=5, **options
    )


async def _come_and_go(bench: Bench, server: Server) -> Numbers:
    people = (member for talk in _people(bench, 3) for member in talk.members)
    lines = bench.lines("soak-come", bench.world.silent_lines(people))
    return await bench.load(
        "connect", server, connections=lines, connect_window=16, hold=1, after=0, ready=READY
    )


async def _recover(bench: Bench, server: Server) -> Numbers:
    """They drop, are written to by others, come back and are sent it."""
    pairs, missed = _people(bench, 4), 5
    parked = bench.directory / "soak-parked.txt"
    lines = bench.lines("soak-recover", (bench.world.line(talk.members[0]) for talk in pairs))
    await bench.load("park", server, connections=lines, save=parked, ready=READY, pid=None)
    await bench.add_messages([OURS], dict.fromkeys(pairs, missed), apart=False)
    writers = bench.lines("soak-live", bench.world.pair_lines(_people(bench, 3)[:2]))
    return await bench.load(
        "storm",
        server,
        connections=parked,
        missed=missed,
        live=writers,
        rate=2,
        calm=0.1,
        warmup=0,
        event="chat:message_send",
        payload=SEND,
        push="chat:message_received",
        pushes_per_ask=2,
        ready=READY,
    )
