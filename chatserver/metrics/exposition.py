"""Shows the state of this process as the documented JSON, and as metrics for Prometheus.

Each part of the server counts for itself (`core.tally`); here it is read when somebody asks. With several
workers each process answers for itself: every sample has the label ``worker``.
"""

import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from chatserver.core.errors import ErrorCode
from chatserver.core.tally import Histogram, total
from chatserver.core.times import iso_now, iso_seconds
from chatserver.metrics.memory import memory
from chatserver.metrics.table import METRICS, PREFIX, Parts, Row

# What the documented `errors` counts: failures of ours, not of those who ask.
_OURS = (ErrorCode.INTERNAL_ERROR, ErrorCode.UNAVAILABLE)


class Metrics(Collector):
    """Reads the parts.

    Args:
        worker: which of several processes on one port this is, from 1; 0 where it is alone.
    """

    def __init__(self, parts: Parts, worker: int) -> None:
        self._parts = parts
        self._worker = worker
        self._process = ProcessCollector(registry=None)
        self._version = version("chatserver")
        self._started = time.monotonic()
        self._started_at = time.time()

    @property
    def uptime(self) -> int:
        """Since the start, in ms."""
        return int((time.monotonic() - self._started) * 1000)

    # -- JSON (messaging-api.md, "HTTP Endpoints") -------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """Answer ``GET /metrics``."""
        heads, traffic = self._parts.delivery.rooms.headcount, self._parts.doors.traffic
        return {
            "connections": heads.connections,
            **self._counts(),
            "startTime": iso_seconds(self._started_at),
            "activeUsers": heads.users,
            "conversations": self._parts.delivery.rooms.conversations,
            "peakConcurrentUsers": heads.most_users,
            "totalDataTransferred": traffic.sent + traffic.received,
            "rateLimitHits": self._rate_limit_hits(),
            "worker": self._worker,
        }

    def health(self, *, database: bool) -> dict[str, Any]:
        """Answer ``GET /health``; `database` says whether that answers."""
        parts = self._parts
        heads = parts.delivery.rooms.headcount
        size, idle = parts.db.connections
        bell = None if parts.bell is None else parts.bell()
        well = "healthy" if bell is None or bell.healthy else "degraded"
        return {
            "status": well if database else "unhealthy",
            "timestamp": iso_now(),
            "uptime": self.uptime,
            "connections": {
                "active": heads.connections,
                "peak": heads.most_connections,
                "limit": parts.max_connections,
            },
            "memory": memory(),
            "database": {"connected": database, "poolSize": size, "idleConnections": idle},
            "redis": {"connected": bell is not None and bell.healthy},
            "metrics": self._counts(),
            "worker": self._worker,
        }

    def _counts(self) -> dict[str, Any]:
        tally = self._parts.gate.tally
        answers = tally.answers
        return {
            "messagesSent": answers + self._parts.delivery.pushed,
            "messagesReceived": answers,
            "errors": total(tally.errors, *_OURS),
            "averageResponseTime": round(tally.average * 1000, 2),
        }

    def _rate_limit_hits(self) -> int:
        code = ErrorCode.RATE_LIMIT_EXCEEDED
        return total(self._parts.gate.tally.errors, code) + total(self._parts.doors.refused, code)

    # -- Prometheus -------------------------------------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, and the process' own (memory, CPU, files)."""
        worker = {"worker": str(self._worker)}
        for family in (*self._families(), *self._process.collect()):
            family.samples = [
                sample._replace(labels=worker | sample.labels) for sample in family.samples
            ]
            yield family

    def _families(self) -> Iterable[Metric]:
        about = GaugeMetricFamily(PREFIX + "info", "Always 1.", labels=("version",))
        about.add_metric((self._version,), 1)
        yield about
        started = PREFIX + "start_time_seconds"
        yield GaugeMetricFamily(started, "When the server started.", self._started_at)
        for row in METRICS:
            value = row.read(self._parts)
            if value is not None:
                yield _family(row, value)


def _family(row: Row, value: Any) -> Metric:
    labels = (row.label,) if row.label else ()
    # By the values of the labels; the one value of what has none.
    values = {(str(key),): found for key, found in value.items()} if labels else {(): value}
    name = PREFIX + row.name
    if row.kind == "histogram":
        histograms = HistogramMetricFamily(name, row.doc, labels=labels)
        for of, found in values.items():
            # Most commands are never asked: their empty buckets would be most of the text.
            if not labels or found.count:
                histograms.add_metric(of, _buckets(found), found.sum)
        return histograms
    kind = CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily
    family = kind(name, row.doc, labels=labels)
    for of, found in values.items():
        family.add_metric(of, found)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return the buckets as Prometheus counts: each with what is in the smaller ones."""
    buckets, below = [], 0
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        below += count
        buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), float(below)))
    return buckets
