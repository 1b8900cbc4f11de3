"""Every metric, declared once: its name, what it means, and where it is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from chatserver.chat import Posts
from chatserver.core.errors import ErrorCode
from chatserver.core.tally import BellState, Histogram, Traffic
from chatserver.delivery import Delivery
from chatserver.files import Caretaker, Completion, Downloads, Uploads
from chatserver.gate import Gate
from chatserver.log import LogConsumer, LogReader, Retention
from chatserver.metrics.loop_lag import LoopLag
from chatserver.people import ProfilePictures
from chatserver.push import FATES, Sender
from chatserver.schemas.table import distinct
from chatserver.search import Builder, SegmentReader
from chatserver.store import Database


class Doors(Protocol):
    """What the doors count."""

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


class SharedPart(Protocol):
    """What the processes know together, where Redis takes it."""

    @property
    def is_shared(self) -> bool:
        """Whether they do now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts that count something. ``bell`` is None where there is no Redis."""

    gate: Gate
    posts: Posts
    db: Database
    delivery: Delivery
    log_reader: LogReader
    retention: Retention
    pictures: ProfilePictures
    uploads: Uploads
    completion: Completion
    caretaker: Caretaker
    downloads: Downloads
    searched: SegmentReader
    builder: Builder
    senders: Sequence[Sender]
    consumers: Sequence[LogConsumer]
    doors: Doors
    bell: Callable[[], BellState] | None
    # What processes share by Redis, and whether they do now; nothing where there is no Redis.
    shares: Mapping[str, SharedPart]
    loop_lag: LoopLag
    max_connections: int


# Of the names of all metrics.
PREFIX = "chatserver_"

Value = float | Mapping[str, float] | Histogram | Mapping[str, Histogram] | None


@dataclass(frozen=True, slots=True)
class Row:
    """One metric. ``read`` gives its value, by ``label`` where it has one; None leaves it out."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    doc: str
    read: Callable[[Parts], Value]
    label: str = ""


def samples(row: Row) -> tuple[str, ...]:
    """Return the names that the samples of a metric have, the most telling first."""
    name = PREFIX + row.name
    if row.kind == "histogram":
        return tuple(f"{name}_{of}" for of in ("bucket", "sum", "count"))
    return (f"{name}_total",) if row.kind == "counter" else (name,)


def _of_bell(read: Callable[[BellState], Value]) -> Callable[[Parts], Value]:
    return lambda parts: None if parts.bell is None else read(parts.bell())


def _by_code(counts: Mapping[str, int]) -> Mapping[str, int]:
    """Add the codes that did not occur yet: a counter that appears at 1 shows no rise."""
    return {code: counts.get(code, 0) for code in ErrorCode}


METRICS: tuple[Row, ...] = distinct(
    Row(
        "histogram",
        "command_seconds",
        "Time from the receipt of a command to its answer.",
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
        "Time from the writing of an event (by the database's clock) to its delivery here.",
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
        "Profile pictures answered, by where they were found.",
        lambda p: p.pictures.told,
        "source",
    ),
    Row(
        "counter",
        "searched",
        "What searches have read: segments, and messages that no segment covers.",
        lambda p: {"segments": p.searched.read_segments, "messages": p.searched.read_messages},
        "what",
    ),
    Row("counter", "segments_built", "Segments built for searches.", lambda p: p.builder.built),
    Row(
        "counter",
        "notifications",
        "Attempts to notify a device or the hook, by what became of them; `refused` are dropped.",
        lambda p: {
            f"{sender.name} {fate}": sender.tally[fate] for sender in p.senders for fate in FATES
        },
        "outcome",
    ),
    Row(
        "gauge",
        "notifications_under_way",
        "Notifications that wait for their provider's answer.",
        lambda p: {str(sender.name): sender.under_way for sender in p.senders},
        "provider",
    ),
    Row(
        "counter",
        "consumed_events",
        "Events of the log that consumers were given.",
        lambda p: {c.name: c.tally["taken"] for c in p.consumers},
        "consumer",
    ),
    Row(
        "counter",
        "consumer_failures",
        "Streams that a consumer failed at, to be tried again.",
        lambda p: {c.name: c.tally["failed"] for c in p.consumers},
        "consumer",
    ),
    Row(
        "counter",
        "file_uploads",
        "Uploads of files, by how they ended.",
        lambda p: p.uploads.ended,
        "how",
    ),
    Row(
        "counter",
        "file_bytes",
        "Bytes of files taken and served here; what goes to and from a bucket is not.",
        lambda p: {"received": p.uploads.received, "sent": p.downloads.sent},
        "way",
    ),
    Row(
        "counter",
        "files_completed",
        "Files that were looked at, by what became of them.",
        lambda p: p.completion.outcomes,
        "state",
    ),
    Row(
        "counter",
        "files_deleted",
        "Files that nobody sent in time, and objects that were nobody's.",
        lambda p: p.caretaker.deleted,
        "what",
    ),
    Row("gauge", "file_uploads_running", "Uploads under way.", lambda p: p.uploads.running),
    Row("gauge", "files_scanning", "Files that are looked at.", lambda p: p.completion.running),
    Row(
        "gauge",
        "connections",
        "Clients connected.",
        lambda p: p.delivery.rooms.headcount.connections,
    ),
    Row(
        "gauge",
        "connections_peak",
        "Most clients connected at once.",
        lambda p: p.delivery.rooms.headcount.most_connections,
    ),
    Row("gauge", "connections_limit", "MAX_CONNECTIONS.", lambda p: p.max_connections),
    Row(
        "gauge",
        "transports",
        "Open transports, those that are still connecting or closing included.",
        lambda p: p.doors.transports,
    ),
    Row("gauge", "users", "Users connected.", lambda p: p.delivery.rooms.headcount.users),
    Row(
        "gauge",
        "conversations",
        "Conversations with a member connected.",
        lambda p: p.delivery.rooms.conversations,
    ),
    Row("gauge", "commands_running", "Commands under way.", lambda p: p.gate.running),
    Row("gauge", "pool_connections", "Database connections.", lambda p: p.db.connections[0]),
    Row("gauge", "pool_idle", "Idle database connections.", lambda p: p.db.connections[1]),
    Row("gauge", "pool_limit", "DB_MAX_CONNECTIONS.", lambda p: p.db.most_connections),
    Row(
        "gauge",
        "log_reader_lag_seconds",
        "Seconds since everything committed had been handed on: about 1 while all is well.",
        lambda p: p.log_reader.lag,
    ),
    Row(
        "gauge",
        "event_loop_lag_seconds",
        "The longest delay of the event loop in the last 15 s.",
        lambda p: p.loop_lag.worst,
    ),
    Row(
        "gauge",
        "redis_healthy",
        "1 while what is published is heard, else 0.",
        _of_bell(lambda bell: float(bell.healthy)),
    ),
    Row(
        "gauge",
        "redis_shares",
        "1 while processes share this by Redis, else 0: each counts limits, or knows who is online, by itself.",
        lambda p: {what: float(part.is_shared) for what, part in p.shares.items()} or None,
        "what",
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
        "gauge",
        "bell_channels",
        "Channels that are heard, or asked for (young).",
        _of_bell(lambda b: {"heard": b.channels - b.young, "young": b.young}),
        "state",
    ),
    Row(
        "counter",
        "bell_messages",
        "Messages between the processes; those of one moment on one channel are one message.",
        _of_bell(lambda b: {"published": b.published, "heard": b.heard}),
        "direction",
    ),
    Row(
        "counter",
        "bell_failures",
        "Messages that Redis did not carry (dropped, lost), or that were not heeded (ignored, refused).",
        _of_bell(
            lambda b: {
                "dropped": b.dropped,
                "lost": b.lost,
                "ignored": b.ignored,
                "refused": b.refused,
            }
        ),
        "what",
    ),
)
