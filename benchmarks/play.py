"""Plays scenarios, the servers taking turns, and keeps what came out."""

import sys
from collections.abc import Sequence
from statistics import median
from typing import TypeAlias

from benchmarks.bench import Bench, LoadError, Numbers
from benchmarks.scenario import Metric, Scenario
from benchmarks.servers import Kind

# By scenario and server, what each repetition gave.
Results: TypeAlias = dict[str, dict[str, list[Numbers]]]

# What must be nothing, or not all was served that was counted.
MISTAKES = ("refused_total", "unanswered_total", "missing", "foreign", "failed", "dropped")


async def play(
    bench: Bench,
    scenarios: Sequence[Scenario],
    repetitions: int,
    results: Results,
    kinds: Sequence[Kind],
) -> None:
    """Play each scenario on each server, so often. The servers take turns, so that what disturbs the machine for a
    while disturbs all of them alike.
    """
    for scenario in scenarios:
        concerned = [kind for kind in kinds if scenario.concerns(kind)]
        for repetition in range(repetitions if concerned else 0):
            # Each is first once.
            turn = repetition % len(concerned)
            for kind in concerned[turn:] + concerned[:turn]:
                numbers = await play_once(bench, scenario, kind)
                results.setdefault(scenario.name, {}).setdefault(kind.name, []).append(numbers)


async def play_once(bench: Bench, scenario: Scenario, kind: Kind) -> Numbers:
    """Play a scenario on a server, and say how it went."""
    await bench.settle(kind)
    try:
        numbers = await scenario.play(bench, kind)
    except LoadError as error:
        # The others go on; what is wrong stands in the report.
        numbers = {"mode": "error", "error": str(error)}
    main = scenario.metrics[0]
    say(f"{scenario.name:12} {kind.name:13} {shown(main, main.of(numbers)):>10} {main.unit}")
    for mistake in mistakes(numbers):
        say(f"         {mistake}")
    return numbers


def mistakes(numbers: Numbers) -> list[str]:
    """What went wrong in a run, or in the runs that it consists of."""
    found = [f"{key}: {numbers[key]:.0f}" for key in MISTAKES if numbers.get(key)]
    if "error" in numbers:
        found.append(numbers["error"])
    for part in numbers.values():
        if isinstance(part, dict):
            found += mistakes(part)
    return found


def say(line: str) -> None:
    """A line for who watches."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def values(metric: Metric, runs: Sequence[Numbers]) -> list[float]:
    """A figure in each repetition."""
    return [value for run in runs if (value := metric.of(run)) is not None]


def ratios(metric: Metric, runs: Sequence[Numbers], others: Sequence[Numbers]) -> list[float]:
    """How much better the first are than the others, repetition by repetition: above 1 is better."""
    pairs = [(metric.of(a), metric.of(b)) for a, b in zip(runs, others, strict=False)]
    return [(a / b if metric.higher_is_better else b / a) for a, b in pairs if a and b]


def shown(metric: Metric, value: float | None) -> str:
    """A figure for people."""
    return "–" if value is None else f"{value:,.{metric.digits}f}"


def table(scenarios: Sequence[Scenario], kinds: Sequence[Kind], results: Results) -> str:
    """The results, short: medians, and ratios to the last server's with their spread."""
    lines = []
    for scenario in scenarios:
        found = results.get(scenario.name, {})
        present = [kind.name for kind in kinds if kind.name in found]
        if not present:
            continue
        lines.append(f"\n{scenario.name}: {scenario.title}")
        for metric in scenario.metrics:
            cells = []
            for name in present:
                of = values(metric, found[name])
                cells.append(f"{name} {shown(metric, median(of) if of else None)}")
            first, *others = present
            for name in others:
                if times := ratios(metric, found[first], found[name]):
                    spread = f"{min(times):.2f}-{max(times):.2f}"
                    cells.append(f"{first}/{name} {median(times):.2f}x ({spread})")
            lines.append(f"  {metric.title + ', ' + metric.unit:32} {'   '.join(cells)}")
    return "\n".join(lines) + "\n"
