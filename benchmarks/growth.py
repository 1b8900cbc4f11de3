"""What becomes of the figures as things grow: messages, connections, rooms, and conversations of a person."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from benchmarks.bench import Bench, LoadError, Numbers
from benchmarks.form import Form
from benchmarks.lateness import lateness
from benchmarks.play import mistakes, say, shown
from benchmarks.scenario import CPU, MESSAGES, READY, Metric, ask, milliseconds, pages
from benchmarks.scenarios import direct
from benchmarks.scenarios_large import many_processes
from benchmarks.servers import Kind
from benchmarks.states import start_over
from benchmarks.world import Talk

# By curve and server: what was measured, each with its "size"; at the ends more than once.
Curves: TypeAlias = dict[str, dict[str, list[Numbers]]]


@dataclass(frozen=True, slots=True)
class Curve:
    """Figures over a size. Those that are compared and `noisy` are measured again at the ends."""

    name: str
    title: str
    doc: str
    size: str
    metrics: tuple[Metric, ...]
    sizes: Callable[[Form], tuple[int, ...]]
    play: Callable[[Bench, Kind, int], Awaitable[Numbers]]
    noisy: bool = False


async def grow(bench: Bench, curves: Sequence[Curve], results: Curves) -> None:
    """Measure the curves, from databases that are as they were at first. Group commit changes none of them."""
    kinds = [kind for kind in bench.kinds if "GROUP_COMMIT" not in kind.environment]
    await start_over(bench, kinds)
    quick = _quick(bench)
    for kind in kinds:
        # The first load on a new server finds nothing prepared; that is not what grows.
        await direct(bench, kind)
    for curve in curves:
        sizes = curve.sizes(bench.form)
        if curve.name == "conversations":
            await bench.add_conversations(kinds, bench.world.acquaintances)
            await bench.analyse(kinds)
        for size in sizes:
            if curve.name == "messages":
                await _fill(bench, kinds, size)
            for _ in range(bench.form.ends if curve.noisy and size in (sizes[0], sizes[-1]) else 1):
                for kind in kinds:
                    await bench.settle(kind)
                    try:
                        numbers = {"size": size, **await curve.play(quick, kind, size)}
                    except LoadError as error:
                        numbers = {"size": size, "mode": "error", "error": str(error)}
                    results.setdefault(curve.name, {}).setdefault(kind.name, []).append(numbers)
                    _say(curve, kind, numbers)


def _say(curve: Curve, kind: Kind, numbers: Numbers) -> None:
    figures = ", ".join(f"{m.title} {shown(m, m.of(numbers))} {m.unit}" for m in curve.metrics)
    say(f"{curve.name:13} {numbers['size']:>9,} {kind.name:13} {figures}")
    for mistake in mistakes(numbers):
        say(f"         {mistake}")


# -- messages -------------------------------------------------------------------------------------


async def _fill(bench: Bench, kinds: Sequence[Kind], total: int) -> None:
    """Add messages until there were so many, not counting those that were sent while measuring."""
    counts = additions(bench, bench.messages, total)
    if counts:
        await bench.add_messages(kinds, counts)
        bench.messages = total


def additions(bench: Bench, before: int, total: int) -> dict[Talk, int]:
    """What to add to which conversations to come from one total to the next."""
    deep = _depth(bench, total) - _depth(bench, before)
    others = bench.world.pairs[:-1]
    each, rest = divmod(total - before - deep, len(others))
    counts = {talk: each + (k < rest) for k, talk in enumerate(others)} | {bench.deep: deep}
    return {talk: count for talk, count in counts.items() if count}


def _depth(bench: Bench, total: int) -> int:
    """How long the long conversation is, of so many messages in all."""
    return max(bench.form.pages, min(total // 20, bench.form.deepest))


async def _with_messages(bench: Bench, kind: Kind, size: int) -> Numbers:
    middle = f',"beforeSeq":{_depth(bench, size) // 2}'
    return {
        "send": await direct(bench, kind),
        "latest": await _pages(bench, kind, bench.pairs, ""),
        "deep": await _pages(bench, kind, [bench.deep] * len(bench.pairs), middle),
    }


async def _by_offset(bench: Bench, kind: Kind, size: int) -> Numbers:
    talks = [bench.deep] * len(bench.pairs)
    return await _pages(bench, kind, talks, f',"offset":{size}')


async def _pages(bench: Bench, kind: Kind, talks: Sequence[Talk], which: str) -> Numbers:
    lines = (bench.world.line(talk.members[k % 2], talk) for k, talk in enumerate(talks))
    payload = f'{{"conversationId":"$target","limit":50{which}}}'
    return await pages(bench, await bench.server(kind), bench.lines("pages", lines), payload)


def _quick(bench: Bench) -> Bench:
    """The same with shorter windows."""
    form = bench.form
    return bench.with_form(replace(form, seconds=form.seconds * 0.7, warmup=form.warmup * 0.5))


# -- connections, rooms, conversations ------------------------------------------------------------


async def _among(bench: Bench, kind: Kind, size: int) -> Numbers:
    talking = {talk.members[0]: talk for talk in bench.world.pairs[: bench.form.talking]}
    lines = (bench.world.line(person, talking.get(person)) for person in range(size))
    server = await bench.server(kind)
    return await ask(bench, server, connections=bench.lines("among", lines), pushes_per_ask=2)


async def _in_room(bench: Bench, kind: Kind, size: int) -> Numbers:
    return await lateness(bench, kind, bench.world.rooms[size])


async def _with_conversations(bench: Bench, kind: Kind, size: int) -> Numbers:
    people = [*bench.world.sociable[size]] * bench.form.times_each
    numbers = await bench.load(
        "connect",
        await bench.server(kind),
        connections=bench.lines("sociable", bench.world.silent_lines(people)),
        connect_window=bench.form.window,
        hold=0,
        after=0.2,
        ready=READY,
    )
    numbers["cpu_us_per_connect"] = numbers["cpu_seconds"] / len(people) * 1e6
    return numbers


def _pages_metric(key: str, title: str) -> Metric:
    return Metric(f"{key}asks_per_second", title, "pages per s", higher_is_better=True)


CURVES = (
    Curve(
        "messages",
        "Messages in the table",
        "S1; the latest page of each of 100 conversations; a page from the middle of a long one, by `beforeSeq`.",
        "messages",
        (
            Metric("send.asks_per_second", "S1", "messages per s", higher_is_better=True),
            _pages_metric("latest.", "latest page"),
            _pages_metric("deep.", "deep page by key"),
        ),
        lambda form: form.totals,
        _with_messages,
        noisy=True,
    ),
    Curve(
        "offsets",
        "Pages by offset",
        "From the end of the long conversation, in the full table.",
        "offset",
        (_pages_metric("", "page"),),
        lambda form: form.offsets,
        _by_offset,
    ),
    Curve(
        "connections",
        "Connections",
        "So many are connected; 50 pairs among them talk as in S1.",
        "connections",
        (MESSAGES, CPU, milliseconds("ack_us.p99", "ack p99")),
        lambda form: form.crowds,
        _among,
    ),
    Curve(
        "rooms",
        "Members of a room",
        "One of them writes as fast as it is acked; how late the server's event loop is meanwhile.",
        "members",
        (
            Metric("deliveries_per_second", "deliveries", "per s", higher_is_better=True),
            Metric("loop_lag_ms.p99", "loop lag p99", "ms", digits=1),
        ),
        lambda form: form.size.rooms,
        _in_room,
    ),
    Curve(
        "conversations",
        "Conversations of a person",
        "People with so many conversations connect.",
        "conversations",
        (
            Metric("connects_per_second", "connects", "per s", higher_is_better=True),
            Metric("cpu_us_per_connect", "server CPU", "µs each"),
        ),
        lambda form: form.size.conversations_per_user,
        _with_conversations,
    ),
    Curve(
        "processes",
        "Processes (S9)",
        "With Redis; always 400 messages a second in all, on a fixed schedule, each between two processes. "
        "What all processes together spend on a message, beyond what they do when idle, is to stay flat; where "
        "each has fewer of them they share less, and cost more, as in S1-open-100. One process more stands by, to "
        "which nobody is connected: what it spends beyond an idle one is the price of others' messages.",
        "processes",
        (
            Metric("beyond_idle_us", "CPU of all servers", "µs per message", digits=1),
            Metric("cpu_us_per_ask", "idle included", "µs per message", digits=1),
            Metric("idle_ms_per_second", "idle, each", "ms per s", digits=1),
            Metric("bystander_ms_per_second", "one that stands by", "ms per s", digits=1),
            milliseconds("delivery_us.p99", "delivery p99"),
        ),
        lambda form: form.processes,
        many_processes,
    ),
)
