"""The alerts that somebody on call wants, as a table, and the Prometheus rules that are written from it.

Source of the format: Prometheus, "Alerting rules".
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from chatserver.metrics.table import METRICS, PREFIX, samples

PATH = "deploy/prometheus/alerts.yml"
_NOTE = (
    "# Made by `chatserver reference` from chatserver/metrics/alerts.py; changes here are lost.\n"
)
_OURS = re.compile(rf"\b{PREFIX}[a-z_]+")
# What the exposition has beside the rows of the table.
_BESIDE = frozenset({f"{PREFIX}info", f"{PREFIX}start_time_seconds"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert.

    Args:
        when: the PromQL expression that is true of what is wrong.
        lasts: how long it must be true, as Prometheus writes times.
        severity: page: somebody is woken; ticket: somebody looks tomorrow.
        summary: what is wrong, in one line.
        remedy: what to do.
    """

    name: str
    when: str
    lasts: str
    severity: Literal["page", "ticket"]
    summary: str
    remedy: str


def _p99(name: str, by: str = "le, instance") -> str:
    return f"histogram_quantile(0.99, sum by ({by}) (rate({PREFIX}{name}_bucket[5m])))"


ALERTS: tuple[Alert, ...] = (
    Alert(
        name="ChatserverDown",
        when='up{job="chatserver"} == 0',
        lasts="1m",
        severity="page",
        summary="A process does not answer.",
        remedy="Its log ends with one line that says why: exit code 1 is something away, 2 a wrong setting.",
    ),
    Alert(
        name="ChatserverRestarts",
        when="changes(chatserver_start_time_seconds[15m]) > 3",
        lasts="0m",
        severity="page",
        summary="A process begins anew again and again.",
        remedy="See the last line of each run. Memory that runs out leaves none: see the kernel's log.",
    ),
    Alert(
        name="ChatserverUnavailable",
        when='sum by (instance) (rate(chatserver_errors_total{code="UNAVAILABLE"}[5m])) > 0.5',
        lasts="2m",
        severity="page",
        summary="Commands are answered UNAVAILABLE.",
        remedy="The log names the cause: the database is away, full, read-only, or out of connections.",
    ),
    Alert(
        name="ChatserverCrashes",
        when='increase(chatserver_errors_total{code="INTERNAL_ERROR"}[15m]) > 0',
        lasts="0m",
        severity="ticket",
        summary="A command failed in a way that nobody foresaw.",
        remedy="The errorId of the answer finds the line with the traceback.",
    ),
    Alert(
        name="ChatserverSlow",
        when=f"{_p99('command_seconds')} > 1",
        lasts="10m",
        severity="page",
        summary="One command of a hundred takes longer than a second.",
        remedy="Compare pool_wait_seconds (a slow database) with event_loop_lag_seconds (a busy process).",
    ),
    Alert(
        name="ChatserverLateDelivery",
        when=f"{_p99('delivery_lag_seconds')} > 3",
        lasts="5m",
        severity="page",
        summary="One push of a hundred is later than 3 s.",
        remedy="Redis is away, the clocks of database and process differ, or the process is busy.",
    ),
    Alert(
        name="ChatserverLogReader",
        when="chatserver_log_reader_lag_seconds > 10",
        lasts="1m",
        severity="page",
        summary="What was committed elsewhere is not handed on.",
        remedy="/ready is 503 where it stands still. See whether the database answers this process.",
    ),
    Alert(
        name="ChatserverEventLoop",
        when="chatserver_event_loop_lag_seconds > 0.5",
        lasts="5m",
        severity="ticket",
        summary="The event loop is held up.",
        remedy="The process has no processor to itself, or too much to do: add processes.",
    ),
    Alert(
        name="ChatserverPool",
        when=f"{_p99('pool_wait_seconds')} > 0.5",
        lasts="5m",
        severity="page",
        summary="Queries wait for a database connection.",
        remedy="The database is slow, or DB_MAX_CONNECTIONS is too low for it.",
    ),
    Alert(
        name="ChatserverRedis",
        when="chatserver_redis_healthy == 0",
        lasts="2m",
        severity="page",
        summary="Redis is away: pushes to other processes come from the log, up to 3 s late.",
        remedy="Nothing is lost. The log says why it cannot be reached.",
    ),
    Alert(
        name="ChatserverRedisShares",
        when="chatserver_redis_shares == 0 and on (instance, worker) chatserver_redis_healthy == 1",
        lasts="5m",
        severity="ticket",
        summary="Redis answers, and takes no write: each process counts limits and knows who is online by itself.",
        remedy="Its memory is full, or it is a replica: the log and `chatserver doctor` say which.",
    ),
    Alert(
        name="ChatserverBell",
        when='increase(chatserver_bell_failures_total{what=~"dropped|refused"}[10m]) > 0',
        lasts="0m",
        severity="ticket",
        summary="The bell dropped messages, or refused some whose seal does not hold.",
        remedy="dropped: Redis is too slow. refused: clocks that differ, another key, or a stranger.",
    ),
    Alert(
        name="ChatserverConnections",
        when="chatserver_connections / chatserver_connections_limit > 0.8",
        lasts="10m",
        severity="ticket",
        summary="A process has four fifths of the connections that it takes.",
        remedy="Add processes, or raise MAX_CONNECTIONS where memory allows it.",
    ),
    Alert(
        name="ChatserverRefuses",
        when='sum by (instance) (rate(chatserver_refused_clients_total{code="MAX_CONNECTIONS_EXCEEDED"}[5m])) > 1',
        lasts="5m",
        severity="page",
        summary="Clients are turned away, since there is no room.",
        remedy="Behind a proxy see first that TRUSTED_PROXY_HOPS is right: else all share one address.",
    ),
    Alert(
        name="ChatserverSlowReaders",
        when="sum by (instance) (rate(chatserver_aborted_clients_total[5m])) > 1",
        lasts="10m",
        severity="ticket",
        summary="Clients are cut off because they do not read what they are sent.",
        remedy="Their lines are slow, or a proxy holds back what comes: see its buffers and time-outs.",
    ),
    Alert(
        name="ChatserverFiles",
        when='process_open_fds{job="chatserver"} / process_max_fds{job="chatserver"} > 0.8',
        lasts="5m",
        severity="ticket",
        summary="A process has four fifths of the files that it may open.",
        remedy="Raise LimitNOFILE (ulimit -n): each connection is one.",
    ),
)


def unknown(expression: str) -> set[str]:
    """Return the names of ours in a PromQL expression that no process exposes."""
    exposed = _BESIDE | {name for row in METRICS for name in samples(row)}
    return set(_OURS.findall(expression)) - exposed


def document() -> str:
    """Return the rules as YAML; a string of JSON is one of YAML."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield f"{_NOTE}groups:\n  - name: chatserver\n    rules:\n"
    for alert in ALERTS:
        yield f"      - alert: {alert.name}\n"
        yield f"        expr: {json.dumps(alert.when)}\n"
        yield f"        for: {alert.lasts}\n"
        yield f"        labels:\n          severity: {alert.severity}\n"
        yield "        annotations:\n"
        yield f"          summary: {json.dumps(alert.summary)}\n"
        yield f"          description: {json.dumps(alert.remedy)}\n"
