"""What this process can say about itself: as the documented JSON, and as metrics for Prometheus.

Each part of the server counts for itself (`chatserver.tally`); here it is read when somebody asks. Every metric
is a row of `METRICS`. With several workers each process answers for itself: every sample has the label ``worker``.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from chatserver.chat import Chat
from chatserver.delivery import Delivery
from chatserver.errors import ErrorCode
from chatserver.gate import Gate
from chatserver.log_reader import LogReader
from chatserver.loop_lag import LoopLag
from chatserver.memory import memory
from chatserver.profile_pictures import ProfilePictures
from chatserver.retention import Retention
from chatserver.store import Database
from chatserver.tally import BellState, Histogram, Traffic, total
from chatserver.times import iso_now, iso_seconds

_PREFIX = "chatserver_"
# What the documented `errors` counts: failures of ours, not of those who ask.
_OURS = (ErrorCode.INTERNAL_ERROR, ErrorCode.UNAVAILABLE)


class Doors(Protocol):
    """What the doors know."""

    @property
    def traffic(self) -> Traffic:
        """What all transports have carried."""

    @property
    def transports(self) -> int:
        """How many transports are open, with a session or without."""

    @property
    def refused(self) -> Mapping[str, int]:
        """How many clients were refused, by error code."""

    @property
    def responses(self) -> Mapping[str, int]:
        """How many HTTP requests were answered, by status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Whatever counts something. ``bell`` is None where there is no Redis."""

    gate: Gate
    chat: Chat
    db: Database
    delivery: Delivery
    log_reader: LogReader
    retention: Retention
    pictures: ProfilePictures
    doors: Doors
    bell: Callable[[], BellState] | None
    loop_lag: LoopLag
    max_connections: int


Value = float | Mapping[str, float] | Histogram | Mapping[str, Histogram] | None


@dataclass(frozen=True, slots=True)
class Row:
    """One metric. ``read`` gives its value, by ``label`` where it has one; None leaves it out."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    doc: str
    read: Callable[[Parts], Value]
    label: str = ""


def _of_bell(read: Callable[[BellState], Value]) -> Callable[[Parts], Value]:
    return lambda parts: None if parts.bell is None else read(parts.bell())


def _by_code(counts: Mapping[str, int]) -> Mapping[str, int]:
    """With those that did not happen yet: a counter that appears at 1 shows no rise."""
    return {code: counts.get(code, 0) for code in ErrorCode}


METRICS: tuple[Row, ...] = (
    Row(
        "histogram",
        "command_seconds",
        "From a command's receipt to its answer.",
        lambda p: p.gate.tally.seconds,
        "command",
    ),
    Row(
        "histogram",
        "batch_messages",
        "Messages posted in one round trip to the database.",
        lambda p: p.chat.batches,
    ),
    Row(
        "histogram",
        "delivery_lag_seconds",
        "From the writing of an event (the database's clock) to its being handed on here.",
        lambda p: p.delivery.lag,
    ),
    Row(
        "histogram",
        "pool_wait_seconds",
        "How long a query waited for a database connection.",
        lambda p: p.db.waits,
    ),
    Row(
        "counter",
        "errors",
        "Commands refused.",
        lambda p: _by_code(p.gate.tally.errors),
        "code",
    ),
    Row(
        "counter",
        "ignored_fields",
        "Unknown fields in payloads.",
        lambda p: p.gate.ignored_fields,
        "command",
    ),
    Row("counter", "pushes", "Pushes, one per connection.", lambda p: p.delivery.pushed),
    Row(
        "counter",
        "refused_clients",
        "Clients that were not let in.",
        lambda p: _by_code(p.doors.refused),
        "code",
    ),
    Row(
        "counter",
        "aborted_clients",
        "Clients cut off because they did not read.",
        lambda p: p.doors.traffic.aborted,
    ),
    Row("counter", "sent_bytes", "Payload sent over all doors.", lambda p: p.doors.traffic.sent),
    Row(
        "counter",
        "received_bytes",
        "Payload received over all doors.",
        lambda p: p.doors.traffic.received,
    ),
    Row(
        "counter",
        "http_responses",
        "HTTP requests answered.",
        lambda p: p.doors.responses,
        "status",
    ),
    Row(
        "counter",
        "pruned",
        "What retention has deleted.",
        lambda p: p.retention.pruned,
        "what",
    ),
    Row(
        "counter",
        "profile_pictures",
        "Profile pictures told, by where they were found.",
        lambda p: p.pictures.told,
        "source",
    ),
    Row("gauge", "connections", "Clients connected.", lambda p: p.delivery.headcount.connections),
    Row(
        "gauge",
        "connections_peak",
        "Most clients connected at once.",
        lambda p: p.delivery.headcount.most_connections,
    ),
    Row("gauge", "connections_limit", "MAX_CONNECTIONS.", lambda p: p.max_connections),
    Row(
        "gauge",
        "transports",
        "Open transports, those that are still connecting or closing included.",
        lambda p: p.doors.transports,
    ),
    Row("gauge", "users", "Users connected.", lambda p: p.delivery.headcount.users),
    Row(
        "gauge",
        "conversations",
        "Conversations with a member connected.",
        lambda p: p.delivery.conversations,
    ),
    Row("gauge", "commands_running", "Commands under way.", lambda p: p.gate.running),
    Row("gauge", "pool_connections", "Database connections.", lambda p: p.db.connections[0]),
    Row("gauge", "pool_idle", "Idle database connections.", lambda p: p.db.connections[1]),
    Row("gauge", "pool_limit", "DB_MAX_CONNECTIONS.", lambda p: p.db.most_connections),
    Row(
        "gauge",
        "log_reader_lag_seconds",
        "Since everything committed had last been handed on: about 1 while all is well.",
        lambda p: p.log_reader.lag,
    ),
    Row(
        "gauge",
        "event_loop_lag_seconds",
        "The latest that the event loop came in the last 15 s.",
        lambda p: p.loop_lag.worst,
    ),
    Row(
        "gauge",
        "redis_healthy",
        "1 where what is published is heard, 0 where it is not.",
        _of_bell(lambda bell: float(bell.healthy)),
    ),
    Row(
        "gauge",
        "outbox_messages",
        "Messages that wait for Redis.",
        _of_bell(lambda bell: bell.waiting),
    ),
    Row(
        "gauge",
        "outbox_bytes",
        "Bytes that wait for Redis.",
        _of_bell(lambda bell: bell.waiting_bytes),
    ),
    Row(
        "counter",
        "bell_failures",
        "Messages that Redis did not carry (dropped, lost), or that were not understood (ignored).",
        _of_bell(lambda b: {"dropped": b.dropped, "lost": b.lost, "ignored": b.ignored}),
        "what",
    ),
)


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
        """``GET /metrics``."""
        heads, traffic = self._parts.delivery.headcount, self._parts.doors.traffic
        return {
            "connections": heads.connections,
            **self._counts(),
            "startTime": iso_seconds(self._started_at),
            "activeUsers": heads.users,
            "conversations": self._parts.delivery.conversations,
            "peakConcurrentUsers": heads.most_users,
            "totalDataTransferred": traffic.sent + traffic.received,
            "rateLimitHits": self._rate_limit_hits(),
            "worker": self._worker,
        }

    def health(self, *, database: bool) -> dict[str, Any]:
        """``GET /health``; `database` says whether that answers."""
        parts = self._parts
        heads = parts.delivery.headcount
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
        """Every metric, and the process' own (memory, CPU, files)."""
        worker = {"worker": str(self._worker)}
        for family in (*self._families(), *self._process.collect()):
            family.samples = [
                sample._replace(labels=worker | sample.labels) for sample in family.samples
            ]
            yield family

    def _families(self) -> Iterable[Metric]:
        about = GaugeMetricFamily(_PREFIX + "info", "Always 1.", labels=("version",))
        about.add_metric((self._version,), 1)
        yield about
        started = _PREFIX + "start_time_seconds"
        yield GaugeMetricFamily(started, "When the server started.", self._started_at)
        for row in METRICS:
            value = row.read(self._parts)
            if value is not None:
                yield _family(row, value)


def _family(row: Row, value: Any) -> Metric:
    labels = (row.label,) if row.label else ()
    # By the values of the labels; the one value of what has none.
    values = {(str(key),): found for key, found in value.items()} if labels else {(): value}
    name = _PREFIX + row.name
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
    """Prometheus counts in each bucket what is in the smaller ones too."""
    buckets, below = [], 0
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        below += count
        buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), float(below)))
    return buckets
