"""An import that is run twice, on a trial, or again after it was killed."""

import asyncio
import signal

import asyncpg
import pytest

from chatserver.ops import importing
from chatserver.ops.importing.talks import CHUNK
from tests.ops.importing.conftest import Moved, new_database
from tests.ops.importing.moved import add_people, counts, move, rows
from tests.ops.importing.old_messaging import OLD_KEY, START, create
from tests.support.cli import end, run, spawn
from tests.support.patience import PATIENCE
from tests.support.pooler import transaction_pooler
from tests.support.servers import environment, settings_for

# More than share a transaction, so there are two.
PAIRS = 503


async def test_twice_is_once(moved: Moved) -> None:
    """A second run changes nothing, and says that everything is here already."""
    before = await counts(moved.target)
    again = await move("messaging", moved.source, moved.target)
    assert await counts(moved.target) == before
    for name, count in again.tables.items():
        if name != "event_queue":
            first = moved.report.tables[name]
            assert (count.read, count.carried) == (first.read, 0), name
            assert (count.here, count.refused) == (first.carried, first.refused), name
    assert again.refused.keys() <= moved.report.refused.keys()


async def test_dry_run(moved: Moved, fresh_dsn: str) -> None:
    """A dry run writes nothing, and reports what a run would do."""
    before = await counts(fresh_dsn)
    report = await move("messaging", moved.source, fresh_dsn, is_dry=True)
    assert await counts(fresh_dsn) == before
    assert before["messages"] == 0
    assert {n: (c.read, c.carried) for n, c in report.tables.items()} == {
        n: (c.read, c.carried) for n, c in moved.report.tables.items()
    }
    assert list(report.lines(is_dry=True))[-1] == "dry run: nothing was written"


async def test_through_a_pooler(moved: Moved, fresh_dsn: str) -> None:
    """The new database may be behind a transaction pooler; nothing is left in its sessions."""
    async with transaction_pooler(fresh_dsn) as (_, through):
        pooled = settings_for(through, DB_STATEMENT_CACHE_SIZE="0", DB_SSL="false")
        options = importing.ImportOptions(system="messaging", url=moved.source, secret=OLD_KEY)
        report = await importing.run(options, pooled, through)
    assert report.tables == moved.report.tables
    assert (await counts(fresh_dsn))["messages"] == report.tables["private_messages"].carried


async def test_grown_since(moved: Moved, fresh_dsn: str, postgres: str) -> None:
    """Messages that came into the source after their conversation was imported are counted, and not carried."""
    source = await new_database(postgres, "old_grown")
    old = await create(source)
    await add_people(fresh_dsn)
    try:
        await old.say("1", 1, "before", recipient_id=2)
        await move("messaging", source, fresh_dsn)
        await old.say("2", 1, "after", recipient_id=2)
    finally:
        await old.connection.close()
    report = await move("messaging", source, fresh_dsn)
    (note,) = report.notes.items()
    assert note[1] == 1
    assert "imported before they came" in note[0]
    assert (await counts(fresh_dsn))["messages"] == 1


async def _crowd(dsn: str) -> None:
    """So many conversations of two, each with two messages, that a run has several transactions."""
    old = await create(dsn)
    try:
        await old.connection.execute(
            "INSERT INTO private_messages (message_id, sender_id, recipient_id, conversation_id, content, "
            "created_at) SELECT 'm' || n || '-' || k, CASE k WHEN 1 THEN 0 ELSE n END, "
            "CASE k WHEN 1 THEN n ELSE 0 END, 'conv_0_' || n, 'text ' || k, "
            "$2::timestamp + k * interval '1 minute' FROM generate_series(1, $1) n, generate_series(1, 2) k",
            PAIRS,
            START.replace(tzinfo=None),
        )
    finally:
        await old.connection.close()


async def test_a_long_conversation(postgres: str, fresh_dsn: str) -> None:
    """A conversation that is longer than what is read at once is whole, and in order, replies across parts too."""
    source = await new_database(postgres, "old_long")
    old = await create(source)
    try:
        await old.connection.execute(
            "INSERT INTO private_messages (message_id, sender_id, recipient_id, content, created_at, is_read, "
            "reply_to_message_id) SELECT n, 1 + n % 2, 2 - n % 2, 'text ' || n, "
            "$2::timestamp + n * interval '1 ms', n <= $1 - 3, CASE n WHEN $1 THEN '1' END "
            "FROM generate_series(1, $1) n",
            CHUNK + 2,
            START.replace(tzinfo=None),
        )
        await old.insert("message_reactions", message_id=str(CHUNK + 1), user_id=1, reaction="👍")
        await old.insert("message_deletions", message_id=str(CHUNK + 2), user_id=1)
    finally:
        await old.connection.close()
    report = await move("messaging", source, fresh_dsn)
    assert report.tables["private_messages"].carried == CHUNK + 2
    ordered = await rows(
        fresh_dsn,
        "SELECT count(*), min(seq), max(seq), bool_and(seq = number + 1), bool_and(created_at = $1::timestamptz "
        "+ number * interval '1 ms'), count(reply_to_message_id) FROM messages",
        START,
    )
    assert ordered == [(CHUNK + 2, 2, CHUNK + 3, True, True, 1)]
    read = await rows(fresh_dsn, "SELECT user_id, read_seqs::text FROM participants ORDER BY 1")
    # Each has read the messages of the other, but for the last three of all.
    assert read == [("1", f"{{[1,{CHUNK + 1})}}"), ("2", f"{{[1,{CHUNK})}}")]
    assert await rows(fresh_dsn, "SELECT seq FROM message_deletions") == [(CHUNK + 3,)]
    again = await move("messaging", source, fresh_dsn)
    assert again.tables["private_messages"].here == CHUNK + 2


async def _until_it_waits(holder: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Until somebody waits for a lock that `holder` has."""
    waiting = (
        "SELECT count(*) FROM pg_locks w WHERE pg_backend_pid() = ANY (pg_blocking_pids(w.pid))"
    )
    async with asyncio.timeout(PATIENCE):
        while not await holder.fetchval(waiting):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)


async def test_killed_in_the_middle(postgres: str, fresh_dsn: str) -> None:
    """After a kill -9 every conversation is there whole or not at all, and another run brings the others."""
    source = await new_database(postgres, "old_killed")
    await _crowd(source)
    env = environment(fresh_dsn, CHAT_ENCRYPTION_KEY_OLD=OLD_KEY)
    command = ("import", "messaging", "--from", source)
    connection = await asyncpg.connect(fresh_dsn)
    try:
        async with connection.transaction():
            # The last pair, which the second transaction has to lock.
            await connection.execute("SELECT lock_pair('0', '99')")
            process = await spawn(*command, env=env)
            await _until_it_waits(connection)
            process.send_signal(signal.SIGKILL)
            ended = await end(process)
            assert ended.code == -signal.SIGKILL
    finally:
        await connection.close()
    there = await rows(
        fresh_dsn, "SELECT conversation_id, count(*) FROM messages GROUP BY conversation_id"
    )
    assert len(there) == 500
    assert {count for _, count in there} == {2}
    again = await run(*command, env=env)
    assert again.code == 0, again.err
    assert (
        f"{2 * PAIRS} read, {2 * (PAIRS - 500)} carried, 1000 here already, 0 not carried"
        in again.out
    )
    assert again.err == ""
    numbers = await rows(
        fresh_dsn,
        "SELECT array_agg(DISTINCT s.numbers) FROM (SELECT array_agg((number, seq) ORDER BY seq)::text AS numbers "
        "FROM messages GROUP BY conversation_id) s",
    )
    assert numbers == [(['{"(1,2)","(2,3)"}'],)]
    assert (await counts(fresh_dsn))["conversations"] == PAIRS


async def test_a_database_is_lost(moved: Moved, fresh_dsn: str) -> None:
    """When a database ends the connection, the import says so in one line, and another run brings everything."""
    connection = await asyncpg.connect(fresh_dsn)
    try:
        async with connection.transaction():
            await connection.execute("SELECT lock_pair('1', '2')")
            importing_now = asyncio.create_task(move("messaging", moved.source, fresh_dsn))
            await _until_it_waits(connection)
            ended = (
                "SELECT pg_terminate_backend(w.pid) FROM pg_locks w "
                "WHERE pg_backend_pid() = ANY (pg_blocking_pids(w.pid))"
            )
            assert await connection.fetchval(ended)
            with pytest.raises(importing.ImportFailedError, match="run it again"):
                await importing_now
    finally:
        await connection.close()
    again = await move("messaging", moved.source, fresh_dsn)
    name = "private_messages"
    assert again.tables[name] == moved.report.tables[name]


async def test_two_at_once(postgres: str, fresh_dsn: str) -> None:
    """Two imports at the same time bring everything once."""
    source = await new_database(postgres, "old_raced")
    await _crowd(source)
    reports = await asyncio.gather(
        move("messaging", source, fresh_dsn), move("messaging", source, fresh_dsn)
    )
    made = [report.tables["private_messages"] for report in reports]
    assert sum(count.carried for count in made) == 2 * PAIRS
    assert sum(count.here for count in made) == 2 * PAIRS
    assert (await counts(fresh_dsn))["messages"] == 2 * PAIRS
