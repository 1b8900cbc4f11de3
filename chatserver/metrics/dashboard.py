"""The Grafana dashboard, a panel for each metric, written from the table.

Source of the format: Grafana, "Dashboard JSON model".
"""

import json
from collections.abc import Mapping

from chatserver.metrics.table import METRICS, PREFIX, Row, samples

PATH = "deploy/grafana/chatserver.json"
_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 3
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_HERE = '{instance=~"$instance"}'
_KINDS = {
    "histogram": "Times and sizes",
    "counter": "Rates",
    "gauge": "Levels",
}


def document() -> str:
    """Return the dashboard as JSON."""
    return json.dumps(_dashboard(), indent=1, ensure_ascii=False) + "\n"


def _dashboard() -> Mapping[str, object]:
    panels: list[Mapping[str, object]] = []
    y = 0
    for kind, title in _KINDS.items():
        rows = [row for row in METRICS if row.kind == kind]
        place = {"x": 0, "y": y, "w": _WIDTH * _COLUMNS, "h": 1}
        panels.append({"type": "row", "title": title, "collapsed": False, "gridPos": place})
        y += 1
        for number, row in enumerate(rows):
            below, beside = divmod(number, _COLUMNS)
            panels.append(_panel(row, beside * _WIDTH, y + below * _HEIGHT))
        y += -(-len(rows) // _COLUMNS) * _HEIGHT
    return {
        "uid": "chatserver",
        "title": "chatserver",
        "description": "Made by `chatserver reference` from chatserver/metrics/table.py.",
        "tags": ["chatserver"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                },
                {
                    "name": "instance",
                    "label": "Process",
                    "type": "query",
                    "datasource": _SOURCE,
                    "query": f"label_values({PREFIX}info, instance)",
                    "refresh": 2,
                    "includeAll": True,
                    "multi": True,
                },
            ]
        },
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, 1)],
    }


def _panel(row: Row, x: int, y: int) -> Mapping[str, object]:
    return {
        "type": "timeseries",
        "title": row.name,
        "description": row.doc,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": _unit(row), "min": 0}, "overrides": []},
        "targets": [
            {"refId": ref, "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for ref, (expression, legend) in zip("ABC", queries(row), strict=False)
        ],
    }


def queries(row: Row) -> tuple[tuple[str, str], ...]:
    """Return the PromQL expressions that a metric is shown by, each with the legend of its lines."""
    name = samples(row)[0]
    label = f", {row.label}" if row.label else ""
    legend = f" {{{{{row.label}}}}}" if row.label else ""
    if row.kind == "histogram":
        by = f"sum by (le{label}) (rate({name}{_HERE}[$__rate_interval]))"
        return tuple(
            (f"histogram_quantile({share}, {by})", f"p{share * 100:.0f}{legend}")
            for share in (0.5, 0.99)
        )
    if row.kind == "counter":
        rate = f"rate({name}{_HERE}[$__rate_interval])"
        return ((f"sum by (instance{label}) ({rate})", f"{{{{instance}}}}{legend}"),)
    return ((f"{name}{_HERE}", f"{{{{instance}}}} {{{{worker}}}}{legend}"),)


def _unit(row: Row) -> str:
    per = "ps" if row.kind == "counter" else ""
    if row.name.endswith("_seconds"):
        return "s"
    if row.name.endswith("_bytes"):
        return "Bps" if per else "bytes"
    return "cps" if per else "short"
