"""The scenarios S1 to S5 and S7: one server, one load."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from benchmarks.bench import Bench, Numbers
from benchmarks.servers import Kind, Server

READY = "session:ready"
# As long as what people write; the generator finds the time in what comes back.
CONTENT = "$time Good morning! Shall we meet at the usual place at noon, or is later better?"
SEND = json.dumps(
    {"conversationId": "$target", "content": CONTENT, "clientMessageId": "$id"},
    separators=(",", ":"),
)
TYPING = '{"conversationId":"$target","isTyping":true}'
LATEST_PAGE = '{"conversationId":"$target","limit":50}'


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a scenario's result: where it stands (``ack_us.p99``), and how it is shown.

    `scale` is multiplied, such as 0.001 for µs that are shown in ms.
    """

    key: str
    title: str
    unit: str
    higher_is_better: bool = False
    scale: float = 1.0
    digits: int = 0

    def of(self, numbers: Numbers) -> float | None:
        """The figure; None where the result does not have it."""
        found: object = numbers
        for part in self.key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found * self.scale if isinstance(found, int | float) else None


Play = Callable[[Bench, Kind], Awaitable[Numbers]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: how it is played, and its figures, of which the first is the one that is compared.

    Group commit concerns only those that `write`.
    """

    name: str
    title: str
    doc: str
    play: Play
    metrics: tuple[Metric, ...]
    writes: bool = True

    def concerns(self, kind: Kind) -> bool:
        """Whether the scenario says anything about this kind of server."""
        return self.writes or "GROUP_COMMIT" not in kind.environment


async def direct(bench: Bench, kind: Kind) -> Numbers:
    """S1: pairs; one of each writes and waits for the ack, both receive."""
    return await _send(bench, await bench.server(kind))


async def direct_open(bench: Bench, kind: Kind) -> Numbers:
    """S1 with a fixed schedule: the latency counts from when a message was due."""
    return await _send(bench, await bench.server(kind), rate=bench.form.rate)


async def _send(bench: Bench, server: Server, rate: int | None = None) -> Numbers:
    lines = bench.lines("direct", bench.world.pair_lines(bench.pairs))
    return await ask(bench, server, connections=lines, pushes_per_ask=2, rate=rate)


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
        ready=READY,
    )
    numbers["disconnect_us"] = numbers["disconnect_cpu_seconds"] / numbers["connections"] * 1e6
    return numbers


async def typing(bench: Bench, kind: Kind) -> Numbers:
    """S4: one person in each of some rooms types; the others are told."""
    size = bench.world.size
    lines = (line for room in bench.world.typing for line in bench.world.room_lines(room, 1))
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


async def pages(bench: Bench, server: Server, connections: object, payload: str) -> Numbers:
    """Ask for pages of history, each connection one after the other."""
    return await bench.load(
        "ask",
        server,
        connections=connections,
        event="chat:history",
        payload=payload,
        pushes_per_ask=0,
        ready=READY,
        connect_window=bench.form.window,
        seconds=bench.form.seconds,
        warmup=bench.form.warmup,
    )


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


async def ask(bench: Bench, *servers: Server, **options: object) -> Numbers:
    """Send messages."""
    return await bench.load(
        "ask",
        *servers,
        event="chat:message_send",
        payload=SEND,
        push="chat:message_received",
        ready=READY,
        connect_window=bench.form.window,
        seconds=bench.form.seconds,
        warmup=bench.form.warmup,
        **options,
    )


_MESSAGES = Metric("asks_per_second", "messages", "per s", higher_is_better=True)
_DELIVERIES = Metric("deliveries_per_second", "deliveries", "per s", higher_is_better=True)
_CPU = Metric("cpu_us_per_ask", "server CPU", "µs each", digits=1)
_CPU_DELIVERY = Metric("cpu_us_per_delivery", "server CPU", "µs per delivery", digits=2)


def _ms(key: str, title: str) -> Metric:
    return Metric(key, title, "ms", scale=0.001, digits=2)


_P50, _P99, _P999 = (_ms(f"ack_us.p{p}", f"ack p{t}") for p, t in ((50, 50), (99, 99), (999, 99.9)))
_DELIVERED = _ms("delivery_us.p99", "delivery p99")

SCENARIOS = (
    Scenario(
        "S1",
        "Direct messages, as fast as they are acked",
        "100 pairs; one of each pair writes and waits for the ack; both receive.",
        direct,
        (_MESSAGES, _CPU, _P50, _P99, _P999, _DELIVERED),
    ),
    Scenario(
        "S1-open",
        "Direct messages, 1,000 a second",
        "The same, on a fixed schedule: latency counts from when a message was due.",
        direct_open,
        (_P99, _P50, _P999, _DELIVERED, _CPU),
    ),
    Scenario(
        "S2a",
        "A room of 1,000, one writes",
        "Everybody receives every message, the writer included.",
        room(1),
        (_DELIVERIES, _CPU_DELIVERY, _P50, _P99, _DELIVERED),
    ),
    Scenario(
        "S2b",
        "A room of 1,000, five write",
        "Everybody receives every message, the writers included.",
        room(5),
        (_DELIVERIES, _CPU_DELIVERY, _P50, _P99, _DELIVERED),
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
            _ms("connect_us.p99", "connect p99"),
        ),
        writes=False,
    ),
    Scenario(
        "S4",
        "Typing in rooms of 50",
        "20 rooms; one person in each types, and again when the 49 others were told.",
        typing,
        (
            Metric("asks_per_second", "events", "per s", higher_is_better=True),
            _CPU,
            _ms("delivery_us.p99", "told p99"),
        ),
        writes=False,
    ),
    Scenario(
        "S5",
        "Pages of history",
        "100 people read the latest 50 messages of their conversations, decrypted, again and again.",
        history,
        (Metric("asks_per_second", "pages", "per s", higher_is_better=True), _CPU, _P50, _P99),
        writes=False,
    ),
    Scenario(
        "S7",
        "Messages by REST",
        "100 people POST to /api/messages over kept connections, one after the other.",
        rest_send,
        (_MESSAGES, _CPU, _P50, _P99),
    ),
)
