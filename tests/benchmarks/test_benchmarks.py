"""`make bench`, small: that each scenario serves all that it counts, and that the page shows it."""

import asyncio
import os
import subprocess
import sys
from functools import partial
from typing import Any

import pytest

from benchmarks import data, report
from benchmarks.__main__ import SMOKED
from benchmarks.form import SMALL
from benchmarks.growth import CURVES
from benchmarks.play import mistakes
from benchmarks.pythons import find_python, ours_in
from benchmarks.scenarios import SCENARIOS
from benchmarks.seed import Stretch, in_bursts
from benchmarks.states import STATED, State, states_in
from benchmarks.targets import TARGETS
from benchmarks.tools import node
from benchmarks.world import Talk
from tests.support.inside import until
from tests.support.places import open_directory
from tests.support.servers import ROOT

# In seconds: several times what it takes while other programs keep all processors busy.
SMOKE = 1_200.0


@pytest.fixture(scope="module")
async def found(tmp_path_factory: pytest.TempPathFactory) -> data.Data:
    """What a small run found."""
    path = tmp_path_factory.mktemp("benchmarks") / "results.json"
    with open_directory("chatserver-smoke-") as temporary:
        # It has its lock in there, too: nothing is measured, so it need not wait for another run.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks", "--smoke", "--json", str(path)),
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), SMOKE)
        finally:
            if process.returncode is None:
                # Not killed: it has servers and a database to stop.
                process.terminate()
                await process.wait()
    assert process.returncode == 0, output.decode()
    # No server of it runs on.
    await until(partial(_is_gone, process.pid))
    return data.load(path)


def _is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def _runs(found: data.Data) -> list[tuple[str, dict[str, Any]]]:
    groups = [*(results for _, results in states_in(found)), found["curves"]]
    return [
        (f"{name} {server}", run)
        for group in groups
        for name, by_server in group.items()
        for server, runs in by_server.items()
        for run in runs
    ]


def _parts(run: dict[str, Any]) -> list[dict[str, Any]]:
    """The load generator's own results: a run is one, or some."""
    return [run] if "mode" in run else [each for each in run.values() if isinstance(each, dict)]


@pytest.mark.timeout(SMOKE + 30)
def test_everything_is_played(found: data.Data) -> None:
    """Each scenario, state and curve has results of our server; with Node.js, some have a peer's, too."""
    for scenario in SCENARIOS:
        peers = {"node"} if node() and scenario.name in SMOKED else set()
        assert set(found["scenarios"][scenario.name]) >= {"ours"} | peers
    states = dict(states_in(found))
    assert set(states) == set(State)
    for results in states.values():
        assert all("ours" in results[scenario.name] for scenario in STATED)
    for curve in CURVES:
        assert set(found["curves"][curve.name]) == {"ours"}


def test_the_planner_believes_what_the_state_says(found: data.Data) -> None:
    """Statistics were never gathered, or gathered of nothing, of little, or of all."""
    believed = found["believed"]
    assert (believed[State.NEVER], believed[State.EMPTY]) == (-1, 0)
    assert believed[State.KEPT] == SMALL.few
    assert believed[State.FRESH] > SMALL.size.pairs


def test_nothing_is_lost_or_refused(found: data.Data) -> None:
    """All that was asked was answered, and every push came to everybody who was to have it, once."""
    for name, run in _runs(found):
        assert mistakes(run) == [], name
        for part in _parts(run):
            assert part.get("duplicates", 0) == 0, name
            if part["mode"] in ("ask", "http"):
                assert part["acked_total"] == part["asks_total"] > 0, name
            if part.get("expected_total"):
                assert part["deliveries_total"] == part["expected_total"], name


def test_what_comes_back_comes_whole(found: data.Data) -> None:
    """Everybody who comes back is sent exactly what they missed."""
    (storm,) = found["scenarios"]["S6"]["ours"]
    assert storm["recovered"] == storm["connections"] > 0
    assert storm["pushes"] == storm["pushes_expected"] > 0


def test_the_page_shows_every_figure(found: data.Data) -> None:
    """Every figure of every scenario stands in the page that is made of a run."""
    page = report.report(found)
    for scenario in SCENARIOS:
        assert f"### {scenario.name}: {scenario.title}" in page
        for metric in scenario.metrics:
            assert any(
                metric.of(run) is not None for run in found["scenarios"][scenario.name]["ours"]
            )
    for scenario in STATED:
        assert f"### {scenario.name} in each state" in page
    for target in TARGETS:
        assert target.title in page
    for curve in CURVES:
        assert f"### {curve.title}" in page
    assert str(ROOT) not in page


def test_the_page_is_the_last_runs() -> None:
    """docs/PERFORMANCE.md is what its results say, untouched."""
    page = data.DOCS / "PERFORMANCE.md"
    if not page.exists():
        pytest.skip("there has been no run yet")
    assert page.read_text() == report.report(data.load())


def test_bursts_add_up() -> None:
    """The bursts in which messages of old are added have each position of each conversation once, in order."""
    stretches = [Stretch(Talk(n, (0, 1)), 0, 1, count) for n, count in enumerate((95, 7, 30))]
    positions: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for stretch, burst in in_bursts(stretches):
        positions[stretch.talk.number] += burst
    assert [positions[n] == list(range(1, s.count + 1)) for n, s in enumerate(stretches)] == [
        True
    ] * 3


def test_pythons_are_found_by_their_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python is one of the version asked for; where there is none, or it is ours, no server is made of it."""
    monkeypatch.setenv("PATH", os.pathsep.join([f"{sys.base_prefix}/bin", os.environ["PATH"]]))
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = find_python(ours)
    assert found is not None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith(f"Python {ours}.")
    assert find_python("3.1") is None
    assert ours_in("3.1") is None
    assert ours_in(ours) is None


def test_the_page_shows_other_pythons(found: data.Data) -> None:
    """What was measured in another Python stands beside what the same run measured in this one."""
    runs = found["scenarios"]["S1"]["ours"]
    page = report.report({**found, "pythons": {"S1": {"ours": runs, "ours-3.99": runs}}})
    assert f"Python {found['versions']['Python']} | Python 3.99 | × 3.99 |" in page
    assert "Python 3.99" not in report.report(found)
