"""Every metric, declared once: its name, what it means, and where it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from chatserver.delivery import Delivery
from chatserver.errors import ErrorCode
from chatserver.gate import Gate
from chatserver.log_reader import LogReader
from chatserver.loop_lag import LoopLag
from chatserver.posts import Posts
from chatserver.profile_pictures import ProfilePictures
from chatserver.retention import Retention
from chatserver.store import Database
from chatserver.tally import BellState, Histogram, Traffic


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
    posts: Posts
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
        lambda p: p.posts.sizes,
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
