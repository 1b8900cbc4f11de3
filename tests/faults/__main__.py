"""`make faults`: plays every scenario in its long form, and writes docs/RELIABILITY.md."""

import argparse
import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.faults.cluster import Cluster
from tests.faults.clusters import Clusters, local_cluster
from tests.faults.play import Result, play
from tests.faults.report import report
from tests.faults.table import SCENARIOS, Scenario
from tests.support.servers import ROOT

_DOCUMENT = ROOT / "docs" / "RELIABILITY.md"
# Of one scenario, should everything hang.
_LONGEST = 300.0


def main() -> int:
    """The command line; 1 where a promise that does not depend on the machine was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the scenarios' names; all by default")
    parser.add_argument("--short", action="store_true", help="the short forms")
    parser.add_argument("--write", type=Path, help=f"where to; {_DOCUMENT} where all are played")
    arguments = parser.parse_args()
    chosen = [
        scenario
        for scenario in SCENARIOS
        if not arguments.names
        or any(name.lower() in scenario.name.lower() for name in arguments.names)
    ]
    whole = len(chosen) == len(SCENARIOS) and not arguments.short
    return asyncio.run(
        _run(chosen, short=arguments.short, path=arguments.write or (_DOCUMENT if whole else None))
    )


async def _run(scenarios: list[Scenario], *, short: bool, path: Path | None) -> int:
    results = []
    clusters = Clusters()
    try:
        for scenario in scenarios:
            sys.stdout.write(f"{scenario.name} … ")
            sys.stdout.flush()
            try:
                async with asyncio.timeout(_LONGEST):
                    cluster = await clusters.of(scenario.cluster)
                    form = (scenario.short if short else None) or scenario.long
                    result = await play(cluster, scenario, form)
            except pytest.skip.Exception as skipped:
                sys.stdout.write(f"not played: {skipped.msg}\n")
                continue
            results.append(result)
            sys.stdout.write(_line(result))
        text = report(results, *await _versions(await clusters.of(local_cluster)))
    finally:
        await clusters.close()
    if path is not None:
        path.write_text(text)  # noqa: ASYNC240 - nothing else runs any more
        sys.stdout.write(f"written: {path}\n")
    else:
        sys.stdout.write(f"\n{text}")
    return int(any(_broken(result) for result in results))


def _broken(result: Result) -> bool:
    return bool(result.broken) or result.acked < result.sent


def _line(result: Result) -> str:
    late = "".join(f"\n    late: {line}" for line in result.late())
    how = f"BROKEN: {dict(result.broken)}" if _broken(result) else "kept"
    return f"{result.acked} of {result.sent} acked, {how}{late}\n"


async def _versions(cluster: Cluster) -> tuple[str, str]:
    connection = await asyncpg.connect(cluster.postgres.dsn)
    version = connection.get_server_version()
    await connection.close()
    redis = Redis.from_url(cluster.redis.url)
    info = await redis.info("server")
    await redis.aclose()
    return f"{version.major}.{version.minor}", str(info["redis_version"])


if __name__ == "__main__":
    sys.exit(main())
