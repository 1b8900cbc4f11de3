"""``session:offset``: a client that was quiet for a while before its link dropped is told nothing twice."""

from uuid import UUID

import asyncpg
import pytest

from chatserver.log import reader as log_reader
from tests.conftest import Connect, Resume, User
from tests.support.inside import reception
from tests.support.servers import Server
from tests.support.talks import opened, say


async def test_nothing_comes_twice(
    connect: Connect,
    resume: Resume,
    alice: User,
    bob: User,
    db: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    """Once a newer offset came it covers all pushes, and whoever comes back with it is sent what is new alone."""
    a = await connect(alice)
    b = await resume(bob)
    conversation_id = await opened(a, bob)
    await say(a, conversation_id, *map(str, range(50)))
    await b.expect("chat:message_received", seq=51)
    data, offset = await b.expect("session:offset")
    assert (data, b.offset) == ({}, offset)
    unseen = await db.fetchval(
        "SELECT count(*) FROM events "
        "WHERE stream_id = $1 AND NOT pg_visible_in_snapshot(xact, $2::text::pg_snapshot)",
        UUID(conversation_id),
        offset.partition(".")[2],
    )
    assert unseen == 0
    await b.drop()
    await say(a, conversation_id, "new")
    await b.connect()
    assert (b.recovered, b.seqs(conversation_id), b.ready["replayed"]) == (True, [52], 1)


async def test_whoever_was_removed_is_told_too(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """The last thing that somebody hears of a group is covered as well."""
    a = await connect(alice)
    made = await a.do("group:create", title="G", participantIds=[bob.id])
    group_id = made["conversation"]["id"]
    b = await resume(bob)
    await a.do("group:member_remove", conversationId=group_id, userId=bob.id)
    await b.expect("group:member_removed")
    await b.expect("session:offset")
    await b.drop()
    await b.connect()
    assert (b.recovered, b.ready["replayed"]) == (True, 0)


async def test_what_was_pushed_while_connecting_is_covered(
    connect: Connect,
    resume: Resume,
    alice: User,
    bob: User,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What came between the look at what was missed and session:ready is newer than that push's offset."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    b = await resume(bob)
    await b.drop()
    caught_up_for = reception(server)._delivery.caught_up_for

    async def meanwhile(connection: object) -> None:
        await say(a, conversation_id, "meanwhile")
        await caught_up_for(connection)  # type: ignore[arg-type]

    monkeypatch.setattr(reception(server)._delivery, "caught_up_for", meanwhile)
    await b.connect()
    monkeypatch.undo()
    assert b.seqs(conversation_id) == [2]
    await b.expect("session:offset")
    await b.drop()
    await b.connect()
    assert (b.recovered, b.seqs(conversation_id)) == (True, [])


async def test_who_gets_none(
    connect: Connect, resume: Resume, alice: User, bob: User, carol: User
) -> None:
    """Without recovery there is none, nor for somebody to whom nothing was pushed, nor twice for one push."""
    a = await connect(alice)
    idle, plain, b = await resume(carol), await resume(bob, recovery=False), await resume(bob)
    conversation_id = await opened(a, bob)
    await b.expect("session:offset")
    await say(a, conversation_id, "one")
    await plain.expect("chat:message_received")
    # The second look at the log that comes to b after this is one that idle and plain had, too.
    await b.expect("chat:message_received")
    b.events.clear()
    await b.expect("session:offset")
    for client in (idle, plain, b):
        await client.do("system:ping")
    assert "session:offset" not in idle.names()
    assert "session:offset" not in plain.names()
    assert all(len(arguments) == 1 for _, arguments in plain.events)
    assert b.names().count("session:offset") == 1


async def test_no_more_often_than_once_a_second(
    connect: Connect,
    resume: Resume,
    alice: User,
    bob: User,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However often the log is looked at, the quiet are told at most once in the interval, and then of all."""
    assert server.app is not None
    reader = server.app.log_reader
    monkeypatch.setattr(log_reader, "_TOLD_EVERY", 3_600.0)
    owed = reception(server)._delivery.owed
    monkeypatch.setattr(reader, "_told_at", reader._now())
    a = await connect(alice)
    b = await resume(bob)
    conversation_id = await opened(a, bob)
    for text in ("one", "two", "three"):
        await say(a, conversation_id, text)
        owed.quiet_begins()
        await reader.read()
    await b.do("system:ping")
    assert "session:offset" not in b.names()
    monkeypatch.setattr(log_reader, "_TOLD_EVERY", 0.0)
    await reader.read()
    await b.expect("session:offset")
    await b.drop()
    await b.connect()
    assert b.ready["replayed"] == 0


async def test_whoever_is_pushed_more_waits(
    connect: Connect,
    resume: Resume,
    alice: User,
    bob: User,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who is pushed something again and again has offsets by that, and is told of a newer one when it ends."""
    assert server.app is not None
    reader, owed = server.app.log_reader, reception(server)._delivery.owed
    monkeypatch.setattr(log_reader, "_TOLD_EVERY", 0.0)
    monkeypatch.setattr(log_reader, "_QUIET_AFTER", 3_600.0)
    await reader.read()
    a = await connect(alice)
    b = await resume(bob)
    conversation_id = await opened(a, bob)
    owed.quiet_begins()
    await say(a, conversation_id, "more")
    await reader.read()
    await b.do("system:ping")
    assert "session:offset" not in b.names()
    owed.quiet_begins()
    await reader.read()
    await b.expect("session:offset")
    assert not owed
