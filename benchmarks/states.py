"""The states that a database's statistics can be in, by which a planner can be misled."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum

from benchmarks.bench import Bench
from benchmarks.data import Data
from benchmarks.play import Results
from benchmarks.scenario import Scenario
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import OURS, Kind


class State(StrEnum):
    """What PostgreSQL knows of the tables: only where it is FRESH does autovacuum keep it up to date."""

    FRESH = "fresh"
    NEVER = "never"
    EMPTY = "empty"
    KEPT = "kept"


TITLES = {
    State.FRESH: "fresh",
    State.NEVER: "never gathered",
    State.EMPTY: "gathered while the tables were empty",
    State.KEPT: "gathered while the tables were small, and plans kept since then",
}

# What is played in each of them.
STATED = tuple(scenario for scenario in SCENARIOS if scenario.name in ("S1", "S1-open"))


async def start_over(bench: Bench, kinds: Sequence[Kind], state: State = State.FRESH) -> None:
    """New databases, with the same people and conversations as ever; the servers are stopped.

    Where the state is KEPT, they run: they were started, and did what is measured, while little was there.
    """
    await bench.postgres.autovacuum(on=state is State.FRESH)
    await bench.create(kinds)
    world = bench.world
    talks = [*world.pairs, *world.rooms.values(), *world.typing]
    if state is State.EMPTY:
        await bench.analyse(kinds)
    if state is State.KEPT:
        few = bench.form.few
        await bench.add_conversations(kinds, talks[:few])
        await bench.analyse(kinds)
        await _warm_up(bench, kinds)
        talks = talks[few:]
    await bench.add_conversations(kinds, talks)
    await bench.add_first_messages(kinds)
    if state is State.FRESH:
        await bench.analyse(kinds)


async def _warm_up(bench: Bench, kinds: Sequence[Kind]) -> None:
    """Those who are there write, until every statement has a plan that is kept."""
    few = bench.with_form(replace(bench.form, pairs=bench.form.few))
    for kind in kinds:
        for scenario in STATED:
            await scenario.play(in_state(few, State.KEPT), kind)


async def note_belief(bench: Bench, state: State, found: Data) -> None:
    """Note what PostgreSQL believes of our tables."""
    believed = await bench.postgres.believed(OURS.database, "conversations")
    found.setdefault("believed", {})[state.value] = believed


def in_state(bench: Bench, state: State) -> Bench:
    """The surroundings of what is played in a state: in others than FRESH windows are shorter."""
    if state is State.FRESH:
        return bench
    form = bench.form
    return bench.with_form(replace(form, seconds=form.state_seconds, warmup=form.warmup * 0.5))


def heading(scenario: Scenario, state: State) -> str:
    """What a scenario is called that was played in a state."""
    return scenario.name if state is State.FRESH else f"{scenario.name}; statistics {TITLES[state]}"


def results_in(found: Data, state: State) -> Results:
    """The results in a state, of which there are none at first."""
    if state is State.FRESH:
        results: Results = found.setdefault("scenarios", {})
    else:
        results = found.setdefault("states", {}).setdefault(state.value, {})
    return results


def states_in(found: Data) -> Iterator[tuple[State, Results]]:
    """The states in which anything was played."""
    for state in State:
        results = found["scenarios"] if state is State.FRESH else found.get("states", {}).get(state)
        if results:
            yield state, results
