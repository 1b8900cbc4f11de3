"""`make bench`: measures our server beside Node.js peers, and writes docs/PERFORMANCE.md."""

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.bench import SMALL, Form, bench
from benchmarks.growth import CURVES, Curves, grow
from benchmarks.loadgen.build import BuildError
from benchmarks.play import Results, mistakes, play, table
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import KINDS, OURS, Kind, ours_before
from benchmarks.tools import MissingTool, node


def main() -> int:
    """The command line; 1 where something was lost or refused."""
    arguments = _parser().parse_args()
    try:
        return asyncio.run(_run(arguments))
    except (BuildError, MissingTool, PermissionError) as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    names = ",".join(scenario.name for scenario in SCENARIOS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="S1,S5", help=f"these scenarios alone, of {names}")
    parser.add_argument("--servers", metavar="ours,node", help=f"of {','.join(KINDS)}")
    parser.add_argument(
        "--ours", type=Path, metavar="PATH", help="another checkout, as ours-before"
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="3")
    parser.add_argument("--seconds", type=float, metavar="S", help="of each window measured")
    parser.add_argument(
        "--first", action="store_true", help="before other programs (where one may: root)"
    )
    parser.add_argument("--smoke", action="store_true", help="everything, small and short")
    return parser


def _kinds(arguments: argparse.Namespace) -> list[Kind]:
    named = arguments.servers.split(",") if arguments.servers else list(KINDS)
    if unknown := set(named) - set(KINDS):
        raise MissingTool(f"there is no server {', '.join(unknown)}; there are {', '.join(KINDS)}")
    if not arguments.servers and node() is None:
        named = [OURS.name]
    kinds = [KINDS[name] for name in named]
    if arguments.ours is not None:
        if not (arguments.ours / "chatserver").is_dir():
            raise MissingTool(f"{arguments.ours} is no checkout of this project")
        kinds.insert(1, ours_before(arguments.ours))
    return kinds


async def _run(arguments: argparse.Namespace) -> int:
    kinds = _kinds(arguments)
    form = SMALL if arguments.smoke else Form()
    if arguments.seconds:
        form = replace(form, seconds=arguments.seconds)
    wanted = arguments.only.lower().split(",") if arguments.only else None
    scenarios = [s for s in SCENARIOS if wanted is None or s.name.lower() in wanted]
    chosen = [c for c in CURVES if wanted is None or c.name in wanted]
    results: Results = {}
    curves: Curves = {}
    async with bench(kinds, form, first=arguments.first) as made:
        await play(made, scenarios, 1 if arguments.smoke else arguments.repeat, results)
        if chosen:
            await grow(made, chosen, curves)
    sys.stdout.write(table(scenarios, kinds, results))
    runs = [run for by_server in results.values() for runs in by_server.values() for run in runs]
    return int(any(mistakes(run) for run in runs))


if __name__ == "__main__":
    sys.exit(main())
