"""What a scenario is, and the loads that scenarios are made of."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

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
READ_ALL = '{"conversationId":"$target","upToSeq":1000000000}'
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

    Group commit concerns only those that `write`; what the peer has not is `only_ours`.
    """

    name: str
    title: str
    doc: str
    play: Play
    metrics: tuple[Metric, ...]
    writes: bool = True
    only_ours: bool = False

    def concerns(self, kind: Kind) -> bool:
        """Whether the scenario says anything about this kind of server."""
        if self.only_ours and not kind.ours:
            return False
        return self.writes or "GROUP_COMMIT" not in kind.environment


async def ask(bench: Bench, *servers: Server, **options: Any) -> Numbers:
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
        # The peer's pages of a large offset take seconds each; who has all its answers waits no longer.
        settle=30,
    )


MESSAGES = Metric("asks_per_second", "messages", "per s", higher_is_better=True)
DELIVERIES = Metric("deliveries_per_second", "deliveries", "per s", higher_is_better=True)
CPU = Metric("cpu_us_per_ask", "server CPU", "µs each", digits=1)
POSTGRES = Metric("database_cpu_us_per_ask", "PostgreSQL's CPU", "µs each", digits=1)
CPU_DELIVERY = Metric("cpu_us_per_delivery", "server CPU", "µs per delivery", digits=2)


def milliseconds(key: str, title: str) -> Metric:
    return Metric(key, title, "ms", scale=0.001, digits=2)


P50, P99, P999 = (
    milliseconds(f"ack_us.p{p}", f"ack p{t}") for p, t in ((50, 50), (99, 99), (999, 99.9))
)
DELIVERED = milliseconds("delivery_us.p99", "delivery p99")
