"""The scenarios."""

from benchmarks.bench import Bench, Numbers
from benchmarks.files import up_and_down
from benchmarks.scenario import (
    CPU,
    CPU_DELIVERY,
    DELIVERED,
    DELIVERIES,
    LATEST_PAGE,
    MESSAGES,
    P50,
    P99,
    P999,
    POSTGRES,
    READY,
    SEND,
    TYPING,
    Metric,
    Play,
    Scenario,
    ask,
    milliseconds,
    pages,
)
from benchmarks.scenarios_doors import DOORS, fan_out, idle
from benchmarks.scenarios_large import return_at_once, two_processes
from benchmarks.searching import search
from benchmarks.servers import Kind, Server


async def direct(bench: Bench, kind: Kind) -> Numbers:
    """S1: pairs; one of each writes and waits for the ack, both receive."""
    return await _send(bench, await bench.server(kind))


def direct_open(nth: int) -> Play:
    """S1 with a fixed schedule, of the nth rate: the latency counts from when a message was due."""

    async def play(bench: Bench, kind: Kind) -> Numbers:
        return await _send(bench, await bench.server(kind), rate=bench.form.rates[nth])

    return play


async def _send(bench: Bench, server: Server, rate: int | None = None) -> Numbers:
    lines = bench.lines("direct", bench.world.pair_lines(bench.pairs))
    # At a rate that is too high for a server, much is outstanding in the end; who has all answers waits no longer.
    return await ask(bench, server, connections=lines, pushes_per_ask=2, rate=rate, settle=30)


def room(senders: int) -> Play:
    """S2: a large room; some of its members write, all receive."""

    async def play(bench: Bench, kind: Kind) -> Numbers:
        room = bench.world.rooms[bench.form.room]
        lines = bench.lines("room", bench.world.room_lines(room, senders))
        server = await bench.server(kind)
        return await ask(bench, server, connections=lines, pushes_per_ask=bench.form.room)

    return play


async def connect(bench: Bench, kind: Kind) -> Numbers:
    """S3: connections come, stay idle, and are all gone at once."""
    lines = bench.lines("connect", bench.world.silent_lines(range(bench.form.connections)))
    numbers = await bench.load(
        "connect",
        await bench.server(kind, fresh=True),
        connections=lines,
        connect_window=bench.form.window,
        hold=bench.form.hold,
        after=bench.form.after,
        ready=READY,
    )
    numbers["disconnect_us"] = numbers["disconnect_cpu_seconds"] / numbers["connections"] * 1e6
    return numbers


async def typing(bench: Bench, kind: Kind) -> Numbers:
    """S4: half of the people in each of some rooms type; the others of their room are told."""
    size = bench.world.size
    lines = (
        line
        for room in bench.world.typing
        for line in bench.world.room_lines(room, size.typing_members // 2)
    )
    return await bench.load(
        "ask",
        await bench.server(kind),
        connections=bench.lines("typing", lines),
        event="chat:typing",
        payload=TYPING,
        no_ack=True,
        push="chat:user_typing",
        # Not the end of it, which our server tells by itself where nobody types on.
        push_match='"isTyping":true',
        pushes_per_ask=size.typing_members - 1,
        ready=READY,
        connect_window=bench.form.window,
        seconds=bench.form.seconds,
        warmup=bench.form.warmup,
    )


async def history(bench: Bench, kind: Kind) -> Numbers:
    """S5: people read the latest page of their conversations, each after the other."""
    lines = (bench.world.line(talk.members[0], talk) for talk in bench.pairs)
    return await pages(bench, await bench.server(kind), bench.lines("history", lines), LATEST_PAGE)


async def rest_send(bench: Bench, kind: Kind) -> Numbers:
    """S7: messages by REST, over connections that are kept open."""
    lines = (bench.world.line(talk.members[0], talk) for talk in bench.pairs)
    return await bench.load(
        "http",
        await bench.server(kind),
        connections=bench.lines("rest", lines),
        method="POST",
        url="/api/messages",
        payload=SEND,
        seconds=bench.form.seconds,
        warmup=bench.form.warmup,
    )


def _times(door: str, title: str, *, higher_is_better: bool = False) -> Metric:
    return Metric(f"{door}_times", title, "times", higher_is_better=higher_is_better, digits=2)


def _deliveries(door: str) -> Metric:
    key = f"{door}.deliveries_per_second"
    return Metric(key, f"deliveries, {door}", "per s", higher_is_better=True)


def _memory(door: str) -> Metric:
    return Metric(f"{door}.kb_per_connection", f"memory, {door}", "KB each", digits=1)


SCENARIOS = (
    Scenario(
        "S1",
        "Direct messages, as fast as they are acked",
        "100 pairs; one of each pair writes and waits for the ack; both receive.",
        direct,
        (MESSAGES, CPU, POSTGRES, P50, P99, P999, DELIVERED),
    ),
    Scenario(
        "S1-open-100",
        "Direct messages, 100 a second",
        "As S1, on a fixed schedule: latency counts from when a message was due.",
        direct_open(0),
        (P99, P50, DELIVERED, CPU, POSTGRES),
    ),
    Scenario(
        "S1-open",
        "Direct messages, 1,000 a second",
        "The same, ten times as many.",
        direct_open(1),
        (P99, P50, P999, DELIVERED, CPU, POSTGRES),
    ),
    Scenario(
        "S1-open-5000",
        "Direct messages, 5,000 a second",
        "The same. A server that takes fewer has a queue that grows for as long as the run lasts.",
        direct_open(2),
        (P99, P50, P999, DELIVERED, CPU, POSTGRES),
    ),
    Scenario(
        "S2a",
        "A room of 1,000, one writes",
        "Everybody receives every message, the writer included.",
        room(1),
        (DELIVERIES, CPU_DELIVERY, P50, P99, DELIVERED),
    ),
    Scenario(
        "S2b",
        "A room of 1,000, five write",
        "Everybody receives every message, the writers included.",
        room(5),
        (DELIVERIES, CPU_DELIVERY, P50, P99, DELIVERED),
    ),
    Scenario(
        "S3",
        "5,000 connections",
        "They connect with a token each, 64 at a time, stay idle, and are all cut off at once.",
        connect,
        (
            Metric("connects_per_second", "connects", "per s", higher_is_better=True),
            Metric("kb_per_connection", "memory", "KB per idle connection", digits=1),
            Metric("disconnect_us", "disconnect, server CPU", "µs each", digits=1),
            milliseconds("connect_us.p99", "connect p99"),
        ),
        writes=False,
    ),
    Scenario(
        "S4",
        "Typing in rooms of 50",
        "20 rooms; half of the people in each type, and each again when the 49 others were told.",
        typing,
        (
            Metric("asks_per_second", "events", "per s", higher_is_better=True),
            CPU,
            milliseconds("delivery_us.p99", "told p99"),
        ),
        writes=False,
    ),
    Scenario(
        "S5",
        "Pages of history",
        "100 people read the latest 50 messages of their conversations, decrypted, again and again.",
        history,
        (Metric("asks_per_second", "pages", "per s", higher_is_better=True), CPU, P50, P99),
        writes=False,
    ),
    Scenario(
        "S6",
        "2,000 come back at once",
        "Each missed 50 messages, and is sent them, while 100 pairs write 200 messages a second. The peer keeps "
        "nothing for them: it only accepts 2,000 connections, and nobody writes meanwhile.",
        return_at_once,
        (
            Metric("seconds", "until all are back", "s", digits=2),
            milliseconds("live_calm_us.p99", "ack p99 of the others before"),
            milliseconds("live_storm_us.p99", "ack p99 of the others meanwhile"),
            Metric("live_slowdown", "meanwhile / before", "times", digits=1),
        ),
        writes=False,
    ),
    Scenario(
        "S7",
        "Messages by REST",
        "100 people POST to /api/messages over kept connections, one after the other.",
        rest_send,
        (MESSAGES, CPU, POSTGRES, P50, P99),
    ),
    Scenario(
        "S8",
        "Two processes with Redis",
        "As S1, but the two of each pair are on different processes. Nothing is pinned to a processor here.",
        two_processes,
        (MESSAGES, CPU, POSTGRES, P50, P99, DELIVERED),
    ),
    Scenario(
        "S10a",
        "1,000 connections at other systems' doors",
        "One of two people writes at the main door; the other has 1,000 connections, and is told at each of them. "
        "They are at the main door, at the messaging system's, and at the marketplace system's, in turn.",
        fan_out,
        (
            _times("messaging", "deliveries, messaging / main", higher_is_better=True),
            _times("marketplace", "deliveries, marketplace / main", higher_is_better=True),
            *(_deliveries(door) for door in DOORS),
        ),
        only_ours=True,
    ),
    Scenario(
        "S10b",
        "Idle connections at other systems' doors",
        "2,000 people connect to a process that has done nothing yet, and stay idle: at each door in turn.",
        idle,
        (
            _times("messaging", "memory, messaging / main"),
            _times("marketplace", "memory, marketplace / main"),
            *(_memory(door) for door in DOORS),
        ),
        writes=False,
        only_ours=True,
    ),
    Scenario(
        "S11",
        "Files",
        "50 files of 25 MiB are uploaded while 50 are downloaded, each followed by the next one. Somebody else "
        "pings 200 times a second, which waits for the event loop alone. Its lag is what a timer of 5 ms sees.",
        up_and_down,
        (
            Metric("loop_lag_ms.p99", "loop lag p99", "ms", digits=1),
            Metric("loop_lag_ms.max", "loop lag at most", "ms", digits=1),
            milliseconds("ack_us.p50", "ping p50"),
            milliseconds("ack_us.p99", "ping p99"),
            Metric("memory_mb", "memory beyond what it had", "MB"),
            Metric("mib_per_second", "moved", "MiB per s", higher_is_better=True),
            Metric("cpu_seconds_per_gib", "server CPU", "s per GiB", digits=2),
        ),
        writes=False,
        only_ours=True,
    ),
    Scenario(
        "S12",
        "Search",
        "One person sees 200,000 messages in 40 conversations, sealed, and asks for first pages, one after the "
        "other: of a common word, of a rare one, of one that nobody said, and of the rare one in the largest "
        "conversation. Sends are compared with the triggers of search and without.",
        search,
        (
            milliseconds("built.common.p50", "a common word, p50"),
            milliseconds("built.rare.p50", "a rare word, p50"),
            milliseconds("built.nothing.p50", "nothing, p50"),
            milliseconds("built.nothing.p95", "nothing, p95"),
            milliseconds("built.in_one.p50", "in one conversation, p50"),
            milliseconds("built.nothing.cpu_us", "nothing, server CPU"),
            milliseconds("unbuilt.nothing.p50", "nothing, without segments"),
            Metric("build_seconds", "all segments built", "s", digits=1),
            Metric("bytes_per_message", "segments", "bytes a message", digits=1),
            Metric(
                "send_times", "a send's PostgreSQL CPU, with search / without", "times", digits=3
            ),
        ),
        writes=False,
        only_ours=True,
    ),
)
