"""What is aimed at, and whether a run has it: ratios to the Node.js peers in the same run."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.bench import Numbers
from benchmarks.data import Data
from benchmarks.play import mistakes, ratios
from benchmarks.scenario import Metric
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios_doors import OTHERS
from benchmarks.states import TITLES, State, states_in

OURS, PLAIN, BATCHED = "ours", "node", "node-batched"


@dataclass(frozen=True, slots=True)
class Target:
    """Something aimed at, in a state of statistics. `values` gives one figure per repetition, of which the median
    counts.
    """

    scenario: str
    title: str
    limit: float
    values: Callable[[Data], list[float]]
    at_least: bool = True
    unit: str = "×"
    stretch: float | None = None
    state: State = State.FRESH

    @property
    def wanted(self) -> str:
        """The target in words."""
        sign = "≥" if self.at_least else "≤"
        stretch = "" if self.stretch is None else f" (stretch {_short(self.stretch)})"
        return f"{sign} {_short(self.limit)}{self.unit}{stretch}"

    def verdict(self, data: Data) -> tuple[str, bool | None]:
        """What was measured, and whether it is what was aimed at; None where it was not measured."""
        found = self.values(data)
        if not found:
            return "not measured", None
        middle = median(found)
        spread = f" ({_short(min(found))} to {_short(max(found))})" if len(found) > 1 else ""
        met = middle >= self.limit if self.at_least else middle <= self.limit
        return f"{_short(middle)}{self.unit}{spread}", met


def _short(value: float) -> str:
    # Less than a thousandth is shown as 0, not as 1.82e-09.
    return f"{value:,.0f}" if abs(value) >= 100 else f"{round(value, 3):.3g}"


def _runs(data: Data, scenario: str, server: str, state: State = State.FRESH) -> list[Numbers]:
    found: list[Numbers] = dict(states_in(data)).get(state, {}).get(scenario, {}).get(server, [])
    return found


def _main(scenario: str) -> Metric:
    return next(s.metrics[0] for s in SCENARIOS if s.name == scenario)


def _times(
    scenario: str, *others: str, state: State = State.FRESH
) -> Callable[[Data], list[float]]:
    """How much better ours is, than the best of the others where several are named."""

    def values(data: Data) -> list[float]:
        ours = _runs(data, scenario, OURS, state)
        each = [
            ratios(_main(scenario), ours, _runs(data, scenario, other, state)) for other in others
        ]
        return [min(row) for row in zip(*(found for found in each if found), strict=False)]

    return values


def _multiple(scenario: str, key: str, other: str, state: State) -> Callable[[Data], list[float]]:
    """A figure of ours, as a multiple of the other's."""
    metric = Metric(key, "", "", higher_is_better=True)

    def values(data: Data) -> list[float]:
        both = (_runs(data, scenario, server, state) for server in (OURS, other))
        return ratios(metric, *both)

    return values


def _own(scenario: str, key: str) -> Callable[[Data], list[float]]:
    """A figure of ours alone."""

    def values(data: Data) -> list[float]:
        found = (Metric(key, "", "").of(run) for run in _runs(data, scenario, OURS))
        return [value for value in found if value is not None]

    return values


def _storm(data: Data) -> list[float]:
    """How much longer recovering takes than the peer takes to accept; only where all have recovered."""
    pairs = zip(_runs(data, "S6", OURS), _runs(data, "S6", PLAIN), strict=False)
    return [
        float("inf") if mistakes(ours) else ours["seconds"] / theirs["seconds"]
        for ours, theirs in pairs
        if "seconds" in theirs
    ]


def _loss(key: str) -> Callable[[Data], list[float]]:
    """How much is lost from the smallest table to the largest, in percent."""
    metric = Metric(key, "", "")

    def values(data: Data) -> list[float]:
        points = _curve(data, "messages")
        if len({point["size"] for point in points}) < 2:
            return []
        first = _at(points, min(point["size"] for point in points), metric)
        last = _at(points, max(point["size"] for point in points), metric)
        return [100 * (1 - last / first)] if first else []

    return values


def _slowest_offset(data: Data) -> list[float]:
    """How many times longer the slowest page takes than the first."""
    points = _curve(data, "offsets")
    metric = Metric("asks_per_second", "", "")
    rates = [_at(points, size, metric) for size in sorted({point["size"] for point in points})]
    slowest = min(rates, default=0.0)
    return [rates[0] / slowest] if slowest else []


def _lag(data: Data) -> list[float]:
    points = _curve(data, "rooms")
    if not points:
        return []
    largest = max(point["size"] for point in points)
    return [
        point["loop_lag_ms"]["p99"]
        for point in points
        if point["size"] == largest and "loop_lag_ms" in point
    ]


def _curve(data: Data, name: str) -> list[Numbers]:
    found: list[Numbers] = data.get("curves", {}).get(name, {}).get(OURS, [])
    return found


def _at(points: Iterable[Numbers], size: int, metric: Metric) -> float:
    found = [v for p in points if p["size"] == size and (v := metric.of(p)) is not None]
    # Where nothing could be measured, everything is lost.
    return median(found) if found else 0.0


def _in_state(state: State) -> Iterator[Target]:
    """What is aimed at in every state of statistics."""
    where = "" if state is State.FRESH else f"; statistics {TITLES[state]}"
    title = f"S1, messages per second, to the plain peer{where}"
    yield Target("S1", title, 5, _times("S1", PLAIN, state=state), state=state)
    title = f"S1, to the peer with group commit{where}"
    yield Target("S1", title, 1.3, _times("S1", BATCHED, state=state), state=state)
    for quantile, limit in (("p50", 1.5), ("p99", 1.1)):
        yield Target(
            "S1-open",
            f"S1 at 1,000/s, ack {quantile}, to the plain peer's{where}",
            limit,
            _multiple("S1-open", f"ack_us.{quantile}", PLAIN, state),
            at_least=False,
            state=state,
        )


TARGETS = (
    *(target for state in State for target in _in_state(state)),
    Target(
        "S1",
        "S1, server CPU per message",
        75,
        _own("S1", "cpu_us_per_ask"),
        at_least=False,
        unit=" µs",
    ),
    Target("S2a", "S2a, deliveries per second, to either peer", 1.3, _times("S2a", PLAIN, BATCHED)),
    Target("S2b", "S2b, deliveries per second, to either peer", 5, _times("S2b", PLAIN, BATCHED)),
    Target("S3", "S3, connects per second", 1.4, _times("S3", PLAIN)),
    Target(
        "S3",
        "S3, memory of an idle connection",
        24,
        _own("S3", "kb_per_connection"),
        at_least=False,
        unit=" KB",
    ),
    Target(
        "S3",
        "S3, server CPU per disconnect, 5,000 at once",
        100,
        _own("S3", "disconnect_us"),
        at_least=False,
        unit=" µs",
    ),
    Target("S4", "S4, events per second", 4, _times("S4", PLAIN)),
    Target("S5", "S5, pages per second", 1.4, _times("S5", PLAIN), stretch=1.7),
    Target(
        "S6",
        "S6, all recovered, to the time in which the plain peer only accepts",
        2.5,
        _storm,
        at_least=False,
        stretch=1.5,
    ),
    Target(
        "S6",
        "S6, ack p99 of the others meanwhile, to their calm one",
        5,
        _own("S6", "live_slowdown"),
        at_least=False,
    ),
    *(
        Target(
            "S10a",
            f"S10a, deliveries per second at the {door} door, to the main one",
            0.8,
            _own("S10a", f"{door}_times"),
        )
        for door in OTHERS
    ),
    *(
        Target(
            "S10b",
            f"S10b, memory of an idle connection at the {door} door, to the main one",
            1.2,
            _own("S10b", f"{door}_times"),
            at_least=False,
        )
        for door in OTHERS
    ),
    Target(
        "S11",
        "S11, loop lag p99 while 50 files are uploaded and 50 downloaded",
        20,
        _own("S11", "loop_lag_ms.p99"),
        at_least=False,
        unit=" ms",
    ),
    Target(
        "S11",
        "S11, memory meanwhile, beyond what it had",
        64,
        _own("S11", "memory_mb"),
        at_least=False,
        unit=" MB",
    ),
    Target(
        "S12",
        "S12, first page of a search of 200,000 messages that finds nothing, p95",
        60,
        lambda data: [value / 1000 for value in _own("S12", "built.nothing.p95")(data)],
        at_least=False,
        unit=" ms",
    ),
    Target(
        "S12",
        "S12, a send's PostgreSQL CPU, with search to without",
        1.1,
        _own("S12", "send_times"),
        at_least=False,
    ),
    Target("S8", "S8, messages per second, to the plain peer", 3, _times("S8", PLAIN)),
    *(
        Target(
            "growth",
            f"{title}, lost from 10,000 to 5,000,000 messages",
            20,
            _loss(f"{key}.asks_per_second"),
            at_least=False,
            unit=" %",
        )
        for title, key in (("S1", "send"), ("Latest page", "latest"), ("Deep page", "deep"))
    ),
    Target(
        "growth",
        "Pages by offset, the slowest to the first",
        2,
        _slowest_offset,
        at_least=False,
    ),
    Target(
        "growth",
        "Loop lag p99 while one event after the other goes to 5,000 members",
        20,
        _lag,
        at_least=False,
        unit=" ms",
    ),
    Target(
        "soak",
        "Soak, memory grown from the second third to the last",
        3,
        lambda data: [data["soak"]["memory_growth"]] if data.get("soak") else [],
        at_least=False,
        unit=" %",
    ),
    Target(
        "app",
        "The React app with 10,000 messages, frames per second",
        50,
        lambda data: [data["app"]["frames_per_second"]] if data.get("app") else [],
        unit="",
    ),
)
