"""`make bench`: measures our server beside Node.js peers, and writes docs/PERFORMANCE.md."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from benchmarks import data, plots, report
from benchmarks.bench import Bench, Numbers, bench
from benchmarks.ceiling import ceiling
from benchmarks.form import SMALL, Form
from benchmarks.growth import CURVES, grow
from benchmarks.loadgen.build import BuildError
from benchmarks.machine import alone
from benchmarks.play import Results, mistakes, play, say, table
from benchmarks.profile import profile
from benchmarks.pythons import PLAYED, VERSIONS, ours_in
from benchmarks.scenario import Scenario
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import KINDS, OURS, Kind, ours_before
from benchmarks.soak import soak
from benchmarks.states import (
    STATED,
    TITLES,
    State,
    heading,
    in_state,
    note_belief,
    results_in,
    start_over,
    states_in,
)
from benchmarks.targets import TARGETS
from benchmarks.tools import MissingTool, node

# Of a small run, what the peers play, too: it shows that they work.
SMOKED = ("S1", "S4", "S5", "S7")


def main() -> int:
    """The command line; 1 where something was lost or refused, 2 where nothing could be measured."""
    arguments = _parser().parse_args()
    try:
        if arguments.report:
            _document(data.load())
            return 0
        # A small run measures nothing.
        with nullcontext() if arguments.smoke else alone(_waiting):
            return asyncio.run(_ended_by_signals(arguments))
    except (BuildError, MissingTool, PermissionError) as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 2


def _waiting() -> None:
    say("waiting for another run on this machine to end")


async def _ended_by_signals(arguments: argparse.Namespace) -> int:
    """As SIGINT, SIGTERM ends what runs in order: servers and PostgreSQL are stopped."""
    task = asyncio.create_task(_run(arguments))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _parser() -> argparse.ArgumentParser:
    names = ", ".join([s.name for s in SCENARIOS] + [c.name for c in CURVES])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", metavar="NAMES", help=f"these alone (and nothing is written), of: {names}"
    )
    parser.add_argument(
        "--state",
        metavar="NAMES",
        help="in these states of statistics alone (and nothing is written), "
        f"{' and '.join(s.name for s in STATED)} where nothing is named, of: {', '.join(State)}",
    )
    parser.add_argument("--servers", metavar="NAMES", help=f"these alone, of: {', '.join(KINDS)}")
    parser.add_argument(
        "--ours", type=Path, metavar="PATH", help="measure another checkout too, as ours-before"
    )
    parser.add_argument(
        "--pythons",
        action="store_true",
        help="only our server in other Pythons (nothing is written)",
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="repetitions (3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of a window (3)")
    parser.add_argument("--smoke", action="store_true", help="everything, small and short")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="soak our server instead")
    parser.add_argument("--profile", action="store_true", help="show where our time goes as well")
    parser.add_argument(
        "--first", action="store_true", help="go before other programs (where one may: root)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was found there")
    parser.add_argument("--report", action="store_true", help="only write the page anew")
    return parser


def _kinds(arguments: argparse.Namespace) -> list[Kind]:
    if arguments.servers:
        named = arguments.servers.split(",")
    elif arguments.soak or node() is None:
        named = [OURS.name]
    else:
        named = list(KINDS)
    if unknown := set(named) - set(KINDS):
        raise MissingTool(f"there is no server {', '.join(unknown)}; there are {', '.join(KINDS)}")
    kinds = [KINDS[name] for name in named]
    if arguments.ours is not None:
        if not (arguments.ours / "chatserver").is_dir():
            raise MissingTool(f"{arguments.ours} is no checkout of this project")
        kinds.insert(1, ours_before(arguments.ours))
    return kinds


def _peers(made: Bench) -> list[Kind]:
    return [kind for kind in made.kinds if not kind.ours]


def _states(arguments: argparse.Namespace, wanted: list[str] | None) -> list[State]:
    if not arguments.state:
        # What is named alone is as it usually is.
        return [State.FRESH] if wanted else [*State]
    named = arguments.state.lower().split(",")
    if unknown := set(named) - set(State):
        raise MissingTool(f"there is no state {', '.join(unknown)}; there are {', '.join(State)}")
    return [State(name) for name in named]


async def _run(arguments: argparse.Namespace) -> int:
    kinds = _kinds(arguments)
    form = SMALL if arguments.smoke else Form()
    if arguments.seconds:
        form = replace(form, seconds=arguments.seconds)
    found: data.Data = {"scenarios": {}, "curves": {}}
    async with bench(kinds, form, first=arguments.first) as made:
        if arguments.soak:
            await start_over(made, made.kinds)
            # Beside what the last run found, if there was one.
            found |= data.load() | {"soak": await soak(made, arguments.soak)}
        elif arguments.pythons:
            found |= await data.about(made, arguments.repeat)
            await _in_pythons(made, arguments.repeat, found)
        else:
            await _measure(made, arguments, found)
    if "pythons" in found:
        sys.stdout.write("\nPythons")
        sys.stdout.write(table(SCENARIOS, _named(found["pythons"]), found["pythons"]))
    for state, results in states_in(found):
        if len(found.get("states", {})) > 0:
            sys.stdout.write(f"\nStatistics: {TITLES[state]}\n")
        sys.stdout.write(table(SCENARIOS, kinds, results))
    if arguments.json:
        data.save(found, arguments.json)
    given = vars(arguments)
    if not any(given[name] for name in ("only", "state", "servers", "smoke", "ours", "pythons")):
        _document(found)
    return int(any(mistakes(run) for run in _runs(found)))


async def _measure(made: Bench, arguments: argparse.Namespace, found: data.Data) -> None:
    """Everything, or what is asked for."""
    wanted = arguments.only.lower().split(",") if arguments.only else None
    scenarios = [s for s in SCENARIOS if wanted is None or s.name.lower() in wanted]
    curves = [c for c in CURVES if wanted is None or c.name in wanted]
    states = _states(arguments, wanted)
    began = time.monotonic()
    repetitions = 1 if arguments.smoke else arguments.repeat
    found |= await data.about(made, repetitions)
    everything = wanted is None and not arguments.state
    if everything:
        found["ceiling"] = await ceiling(made)
        if not arguments.smoke:
            # Measured by runs of their own.
            found |= {name: kept for name, kept in data.load().items() if name in ("soak", "app")}
    for state in states:
        in_full = bool(wanted) or (everything and state is State.FRESH)
        played = scenarios if in_full else STATED
        if not played:
            continue
        say(f"statistics: {TITLES[state]}")
        rounds = [(played, made.kinds)]
        if arguments.smoke:
            peers = _peers(made) if state is State.FRESH else []
            rounds = [(played, [OURS]), ([s for s in played if s.name in SMOKED], peers)]
        taking_part = [kind for kind in made.kinds if any(kind in kinds for _, kinds in rounds)]
        await start_over(made, taking_part, state)
        for some, kinds in rounds:
            await play(in_state(made, state), some, repetitions, results_in(found, state), kinds)
        if OURS in made.kinds:
            await note_belief(made, state, found)
        if arguments.profile or (everything and not arguments.smoke):
            await _profile(made, state, played, found, every=arguments.profile)
    if everything and not arguments.smoke and OURS in made.kinds:
        await _in_pythons(made, min(repetitions, 2), found)
    if arguments.smoke:
        made.kinds[:] = [OURS]
    if curves and not arguments.state:
        await grow(made, curves, found["curves"])
    say(f"measured in {(time.monotonic() - began) / 60:.1f} minutes")


async def _in_pythons(made: Bench, repetitions: int, found: data.Data) -> None:
    """Play some scenarios in this Python and in others, where the machine has them."""
    kinds = [OURS]
    for version in VERSIONS:
        if kind := ours_in(version):
            kinds.append(kind)
        else:
            say(f"no other Python {version} is here: it is not measured")
    if len(kinds) == 1:
        return
    await start_over(made, kinds, State.FRESH)
    played = [scenario for scenario in SCENARIOS if scenario.name in PLAYED]
    await play(made, played, repetitions, found.setdefault("pythons", {}), kinds)


def _named(results: Results) -> list[Kind]:
    """The kinds of servers of which there are results."""
    names = dict.fromkeys(name for by_server in results.values() for name in by_server)
    return [replace(OURS, name=name) for name in names]


async def _profile(
    made: Bench, state: State, played: Sequence[Scenario], found: data.Data, *, every: bool
) -> None:
    """Look where our server's time goes in what missed a target, or in everything."""
    missed = {t.scenario for t in TARGETS if t.state is state and t.verdict(found)[1] is False}
    for scenario in played:
        if not (every or scenario.name in missed):
            continue
        rows = await profile(in_state(made, state), scenario)
        if rows:
            name = heading(scenario, state)
            found.setdefault("profiles", {})[name] = rows
            say(f"\n{name}")
            for function, share in rows:
                say(f"  {share:6.1%} {function}")


def _runs(found: data.Data) -> Iterator[Numbers]:
    groups = [*(results for _, results in states_in(found))]
    groups += [found.get("curves", {}), found.get("pythons", {})]
    for by_server in (each for group in groups for each in group.values()):
        for runs in by_server.values():
            yield from runs


def _document(found: data.Data) -> None:
    path = data.save(found)
    # The page says what was kept, to its last digit.
    found = data.load(path)
    plots.draw(found)
    report.write(found)
    say(f"written: {data.DOCS.name}/PERFORMANCE.md and {path.parent.name}/")


if __name__ == "__main__":
    sys.exit(main())
