"""The alerts and the dashboard that are written from the table of metrics."""

import json
import re
import shutil
import subprocess

import pytest

from chatserver.metrics import watching
from chatserver.metrics.alerts import ALERTS, PATH, unknown
from chatserver.metrics.dashboard import queries
from chatserver.metrics.table import METRICS
from tests.support.metrics import scrape
from tests.support.servers import ROOT, Server


def test_alerts_ask_for_metrics_that_there_are() -> None:
    """No alert names a metric that no process exposes, and one that did would be told."""
    assert {alert.name: unknown(alert.when) for alert in ALERTS} == {a.name: set() for a in ALERTS}
    assert unknown("rate(chatserver_error_total[5m]) > chatserver_users") == {
        "chatserver_error_total"
    }


def test_every_metric_is_on_the_dashboard() -> None:
    """The dashboard has one panel for each metric, with queries of names that there are."""
    dashboard = json.loads(watching()["deploy/grafana/chatserver.json"])
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert sorted(panel["title"] for panel in panels) == sorted(row.name for row in METRICS)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert all(
        panel["targets"] and not unknown(target["expr"])
        for panel in panels
        for target in panel["targets"]
    )


async def test_what_is_asked_for_is_exposed(server: Server) -> None:
    """Each name that an alert or the dashboard asks for is in what a running process exposes."""
    exposed = (await scrape(server.url)).kinds
    asked = {
        re.sub("_(total|bucket)$", "", name)
        for expression in (
            *(alert.when for alert in ALERTS),
            *(expression for row in METRICS for expression, _ in queries(row)),
        )
        for name in re.findall(r"\b(?:chatserver|process)_[a-z_]+", expression)
    }
    # Of Redis, which this server has not.
    bell = {name for name in asked if re.search("_(redis|outbox|bell)_", name)}
    assert bell
    assert asked - bell <= set(exposed)


def test_the_repository_has_what_is_written() -> None:
    """The files of the repository are those that the tables make."""
    assert {path: (ROOT / path).read_text() for path in watching()} == watching()


def test_prometheus_reads_the_rules() -> None:
    """Prometheus' own checker takes every rule."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool here: Prometheus does not look at the rules")
    checked = subprocess.run(
        [promtool, "check", "rules", ROOT / PATH], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout
