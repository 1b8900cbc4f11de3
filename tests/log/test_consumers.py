"""Consumers of the log: each event at least once, in the order of its stream, whatever happens to processes."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from chatserver.core.crypto import DecryptionError
from chatserver.core.errors import unavailable
from chatserver.log import LogConsumer
from chatserver.store import Database, Record
from tests.support.patience import PATIENCE
from tests.support.servers import settings_for

Connection = asyncpg.Connection
KIND = "chat:message_received"


class Taker:
    """Keeps what it is given. `trouble` is asked before each time, and may raise."""

    kinds = (KIND,)

    def __init__(self, name: str = "test") -> None:
        self.name = name
        self.taken: dict[UUID, list[int]] = defaultdict(list)
        self.trouble: Any = lambda _stream, _seqs: None

    async def take(self, stream_id: UUID, events: Sequence[Record]) -> None:
        """See `Consumer`."""
        seqs = [event["seq"] for event in events]
        wait = self.trouble(stream_id, seqs)
        if wait is not None:
            await wait
        self.taken[stream_id] += seqs


@pytest.fixture
async def db(fresh_dsn: str) -> AsyncIterator[Database]:
    """The database, as a process has it."""
    database = await Database.connect(settings_for(fresh_dsn).database, fresh_dsn)
    yield database
    await database.close()


@pytest.fixture
async def rows(fresh_dsn: str) -> AsyncIterator["Connection[asyncpg.Record]"]:
    """A connection of its own."""
    connection = await asyncpg.connect(fresh_dsn)
    yield connection
    await connection.close()


async def _write(
    rows: "Connection[asyncpg.Record]", stream: UUID, *seqs: int, kind: str = KIND, age: int = 0
) -> None:
    """Events of a stream, `age` hours old."""
    await rows.execute(
        "INSERT INTO events (stream_id, seq, xact, kind, actor_id, created_at) "
        "SELECT $1, s, pg_current_xact_id(), $3, 'somebody', now() - $4 * interval '1 hour' "
        "FROM unnest($2::bigint[]) s",
        stream,
        list(seqs),
        kind,
        age,
    )


def _consumer(db: Database, taker: Taker, **more: Any) -> LogConsumer:
    return LogConsumer(db, taker, pause=0, **more)


async def _turns(*consumers: LogConsumer) -> None:
    """Let consumers work until none has more to do."""
    while any([await consumer.turn() for consumer in consumers]):
        pass


async def _until(
    taker: Taker, consumers: Sequence[LogConsumer], stream: UUID, seqs: list[int]
) -> None:
    async with asyncio.timeout(PATIENCE):
        while taker.taken[stream] != seqs:
            await _turns(*consumers)


async def test_it_begins_where_it_is(db: Database, rows: "Connection[asyncpg.Record]") -> None:
    """A new consumer is given what comes from then on, of its kinds, and each of it once."""
    stream, taker = uuid4(), Taker()
    await _write(rows, stream, 1, 2)
    consumer = _consumer(db, taker)
    await consumer.begin()
    await _write(rows, stream, 3)
    await _write(rows, stream, 4, kind="chat:message_edited")
    await _write(rows, stream, 5)
    await _turns(consumer)
    await _turns(consumer)
    assert taker.taken == {stream: [3, 5]}
    assert await rows.fetchval("SELECT count(*) FROM consumer_streams") == 0


async def test_many_come_in_pieces(db: Database, rows: "Connection[asyncpg.Record]") -> None:
    """Of a long stream so many are handed over at once, and all of it comes, in order."""
    stream, taker = uuid4(), Taker()
    consumer = _consumer(db, taker)
    await consumer.begin()
    await _write(rows, stream, *range(1, 121))
    sizes: list[int] = []
    taker.trouble = lambda _stream, seqs: sizes.append(len(seqs))
    await _until(taker, [consumer], stream, list(range(1, 121)))
    assert sizes == [50, 50, 20]


async def test_a_transaction_that_commits_late(
    db: Database, rows: "Connection[asyncpg.Record]", fresh_dsn: str
) -> None:
    """What was written before and committed after others is not passed over."""
    early, late, taker = uuid4(), uuid4(), Taker()
    consumer = _consumer(db, taker)
    await consumer.begin()
    other = await asyncpg.connect(fresh_dsn)
    try:
        transaction = other.transaction()
        await transaction.start()
        await _write(other, late, 1)
        await _write(rows, early, 1)
        await _turns(consumer)
        assert taker.taken == {early: [1]}
        await transaction.commit()
        await _turns(consumer)
    finally:
        await other.close()
    assert taker.taken == {early: [1], late: [1]}


async def test_steps_through_a_busy_log(
    db: Database,
    rows: "Connection[asyncpg.Record]",
    fresh_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A log that is read a few transactions at a time gives everything, also of those open meanwhile."""
    monkeypatch.setattr("chatserver.log.consumers._TRANSACTIONS", 3)
    streams, late, taker = [uuid4() for _ in range(20)], uuid4(), Taker()
    consumer = _consumer(db, taker)
    await consumer.begin()
    other = await asyncpg.connect(fresh_dsn)
    try:
        for number, stream in enumerate(streams):
            if number == 10:
                transaction = other.transaction()
                await transaction.start()
                await _write(other, late, 1)
            await _write(rows, stream, 1)
        await _turns(consumer)
        assert taker.taken == {stream: [1] for stream in streams}
        await transaction.commit()
        await _turns(consumer)
    finally:
        await other.close()
    assert taker.taken.pop(late) == [1]


async def test_what_is_left_of_a_busy_log_is_read_at_once(
    db: Database, rows: "Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause between two looks is after the last of the log, and not after each few transactions of it."""
    monkeypatch.setattr("chatserver.log.consumers._TRANSACTIONS", 3)
    stream, taker = uuid4(), Taker()
    consumer = LogConsumer(db, taker, pause=3600)
    await consumer.begin()
    for seq in range(1, 21):
        await _write(rows, stream, seq)
    await rows.execute("UPDATE log_consumers SET read_at = now() - interval '1 day'")
    await _turns(consumer)
    assert taker.taken == {stream: list(range(1, 21))}
    await _write(rows, stream, 21)
    await _turns(consumer)
    assert taker.taken[stream][-1] == 20


async def test_a_failure_is_given_again(
    db: Database, rows: "Connection[asyncpg.Record]", caplog: pytest.LogCaptureFixture
) -> None:
    """What raised is given again, later, before what follows it; other streams go on meanwhile."""
    bad, good, taker = uuid4(), uuid4(), Taker()
    consumer = _consumer(db, taker)
    await consumer.begin()
    left = [unavailable(), DecryptionError("no key"), RuntimeError("broken"), None]

    def trouble(stream: UUID, _seqs: list[int]) -> None:
        if stream == bad and (error := left.pop(0)) is not None:
            raise error

    taker.trouble = trouble
    await _write(rows, bad, 1)
    await _write(rows, good, 1)
    await _turns(consumer)
    assert taker.taken == {good: [1]}
    await _write(rows, bad, 2)
    due = "UPDATE consumer_streams SET due_at = now() RETURNING failures"
    failures = []
    for _ in range(3):
        failures.append(await rows.fetchval(due))
        await _turns(consumer)
    assert taker.taken == {good: [1], bad: [1, 2]}
    assert failures == [1, 2, 3]
    assert consumer.tally["failed"] == 2
    assert "CHAT_ENCRYPTION_KEY_PREVIOUS" in caplog.text


async def test_a_process_that_dies(db: Database, rows: "Connection[asyncpg.Record]") -> None:
    """What a process had under way is another's once the lease ends; the old claim counts no more."""
    stream, dead, alive = uuid4(), Taker(), Taker()
    first = _consumer(db, dead, lease=0.2)
    second = _consumer(db, alive)
    await first.begin()
    gate = asyncio.Event()
    dead.trouble = lambda _stream, _seqs: gate.wait()
    await _write(rows, stream, 1)
    stuck = asyncio.create_task(first.turn())
    await _until(alive, [second], stream, [1])
    await _write(rows, stream, 2)
    gate.set()
    await stuck
    await _until(alive, [second], stream, [1, 2])
    await _turns(second)
    assert alive.taken == {stream: [1, 2]}


async def test_two_processes_share_the_work(
    db: Database, rows: "Connection[asyncpg.Record]"
) -> None:
    """Of two processes that read at once each stream is one's, and all come once."""
    taker = Taker()
    one, other = _consumer(db, taker), _consumer(db, taker)
    await one.begin()
    streams = [uuid4() for _ in range(60)]
    for stream in streams:
        await _write(rows, stream, 1, 2)
    for _ in range(20):
        await asyncio.gather(one.turn(), other.turn())
    assert taker.taken == {stream: [1, 2] for stream in streams}


async def test_consumers_do_not_share(db: Database, rows: "Connection[asyncpg.Record]") -> None:
    """Each consumer is given everything, whatever another has done."""
    stream, one, other = uuid4(), Taker("one"), Taker("other")
    consumers = [_consumer(db, one), _consumer(db, other)]
    for consumer in consumers:
        await consumer.begin()
    await _write(rows, stream, 1)
    await _turns(*consumers)
    assert one.taken == other.taken == {stream: [1]}


async def test_what_is_old_is_passed_over(db: Database, rows: "Connection[asyncpg.Record]") -> None:
    """A consumer that was away does not begin with what happened more than a day ago."""
    stream, taker = uuid4(), Taker()
    consumer = _consumer(db, taker)
    await consumer.begin()
    await _write(rows, stream, 1, age=25)
    await _write(rows, stream, 2, age=23)
    await _turns(consumer)
    assert taker.taken == {stream: [2]}


async def test_a_database_that_counts_anew(
    db: Database, rows: "Connection[asyncpg.Record]"
) -> None:
    """After a restore into another cluster, whose transactions have lower numbers, it goes on from there."""
    stream, taker = uuid4(), Taker()
    consumer = _consumer(db, taker)
    await consumer.begin()
    await rows.execute("UPDATE log_consumers SET snapshot = '9000000000:9000000000:'")
    await _turns(consumer)
    await _write(rows, stream, 1)
    await _turns(consumer)
    assert taker.taken == {stream: [1]}
