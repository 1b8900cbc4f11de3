"""Nothing missed: what a client is sent when it comes back."""

from uuid import UUID

import asyncpg
import pytest

from chatserver.log import recovery
from tests.conftest import Connect, Resume, User
from tests.support.device import Device
from tests.support.resuming import Resuming
from tests.support.servers import Server, local_server
from tests.support.talks import opened, say, some_texts

Pool = asyncpg.Pool


async def test_a_dropped_link_misses_nothing(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """After a drop a client recovers: what it missed comes before session:ready, in order, without offsets."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    b = await resume(bob)
    await say(a, conversation_id, *some_texts(2))
    await b.expect("chat:message_received", seq=3)
    assert b.offset is not None
    await b.drop()
    await say(a, conversation_id, *some_texts(3))
    await b.connect()
    assert b.recovered
    assert b.names()[-1] == "session:ready"
    assert b.seqs(conversation_id)[-3:] == [4, 5, 6]
    assert b.seqs(conversation_id) == sorted(set(b.seqs(conversation_id)))
    assert all(len(arguments) == 1 for name, arguments in b.events if name != "session:ready")
    assert (b.ready["recovered"], b.ready["limited"], b.ready["resync"]) == (True, False, [])
    assert b.ready["replayed"] == len(b.seqs(conversation_id))
    # Live again, and every durable push carries an offset.
    await say(a, conversation_id, *some_texts(1))
    live = await b.expect("chat:message_received", seq=7)
    assert isinstance(live[-1], str)


async def test_nothing_missed_is_nothing_sent_again(
    connect: Connect, resume: Resume, alice: User, bob: User, server: Server
) -> None:
    """A client that missed nothing, and whose offset is up to date, is sent nothing."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    await say(a, conversation_id, *some_texts(3))
    b = await resume(bob)
    await b.drop()
    await b.connect()
    assert (b.recovered, b.ready["replayed"], b.seqs(conversation_id)) == (True, 0, [])


async def test_without_a_cursor_everything_undelivered_comes(
    connect: Connect, resume: Resume, alice: User, bob: User, carol: User
) -> None:
    """A simple client is sent what its user's devices have not received, oldest first, over all conversations."""
    a, c = await connect(alice), await connect(carol)
    with_alice, with_carol = await opened(a, bob), await opened(c, bob)
    for n in range(3):
        await a.do("chat:message_send", conversationId=with_alice, content=f"a{n}")
        await c.do("chat:message_send", conversationId=with_carol, content=f"c{n}")
    first = await resume(bob, recovery=False)
    assert _received(first) == ["a0", "a1", "a2", "c0", "c1", "c2"]
    assert all(len(args) == 1 for _, args in first.events), "recovery: false has no offsets"
    assert first.pid is None
    await first.do("chat:message_delivered", conversationId=with_alice, upToSeq=3)
    await first.drop()
    second = await resume(bob, recovery=False)
    assert _received(second) == ["a2", "c0", "c1", "c2"]


def _received(client: Resuming) -> list[str]:
    """The texts that came, conversation by conversation; all in the order of their times, which may be equal."""
    came = [args[0] for name, args in client.events if name == "chat:message_received"]
    times = [message["created_at"] for message in came]
    assert times == sorted(times)
    return [message["content"] for message in sorted(came, key=lambda m: str(m["content"])[0])]


async def test_positions_are_exact(
    connect: Connect, resume: Resume, alice: User, bob: User, carol: User
) -> None:
    """Positions bring exactly what comes after them, and everything of conversations that they do not list."""
    a, c = await connect(alice), await connect(carol)
    listed, unlisted = await opened(a, bob), await opened(c, bob)
    await say(a, listed, *some_texts(4))
    await say(c, unlisted, *some_texts(2))
    b = await resume(bob)
    positions = {"epoch": b.ready["epoch"], "me": 0, listed: 3}
    await b.drop()
    await b.connect(positions=positions)
    assert (b.seqs(listed), b.seqs(unlisted)) == ([4, 5], [1, 2, 3])
    assert b.recovered


async def test_a_changed_epoch_makes_everything_limited(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """Positions or an offset of another history replay nothing: every conversation is to be reloaded."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    b = await resume(bob)
    for auth in (
        {"positions": {"epoch": "1-1-1", conversation_id: 1}},
        {"since": "1-1-1.100:100:"},
    ):
        await b.drop()
        b.pid = b.offset = None
        await b.connect(**auth)
        assert (b.ready["recovered"], b.ready["limited"]) == (False, True)
        assert b.ready["resync"] == [conversation_id]
        assert b.seqs(conversation_id) == []


async def test_a_snapshot_is_continued_by_since(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """What happens after a list of conversations was fetched comes to who connects with its offset."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    await say(a, conversation_id, *some_texts(2))
    page = await b.do("chat:conversation_list")
    await say(a, conversation_id, *some_texts(2))
    client = await resume(bob, since=page["offset"])
    assert client.seqs(conversation_id) == [4, 5]
    assert (client.ready["recovered"], client.ready["limited"]) == (True, False)


@pytest.mark.parametrize("offset", ["", "x", "1-1-1", "5", "9" * 20_000, None, 5, {"a": 1}])
async def test_a_malformed_offset_is_none(resume: Resume, alice: User, offset: object) -> None:
    """A malformed offset, or somebody else's pid, counts as none, and does no harm."""
    client = await resume(alice)
    epoch = client.ready["epoch"]
    await client.drop()
    for sent in (offset, f"{epoch}.5:4:", f"{epoch}.1:9:10", f"{epoch}.0:1:", f"{epoch}.1:9:5,5"):
        await client.connect(offset=sent)
        assert not client.recovered
        assert client.ready["limited"] is False
        await client.drop()


async def test_a_foreign_pid_is_none(
    resume: Resume, connect: Connect, alice: User, bob: User
) -> None:
    """A pid is bound to its user: with somebody else's the client has not recovered, and gets a new one."""
    mine, theirs = await resume(alice), await resume(bob)
    await mine.drop()
    stolen = theirs.pid
    await mine.connect(pid=stolen, offset=theirs.offset)
    assert not mine.recovered
    assert mine.pid not in (None, stolen)
    assert mine.ready["recovered"] is False


async def test_too_much_is_to_be_reloaded(
    connect: Connect,
    resume: Resume,
    alice: User,
    bob: User,
    carol: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A conversation with more missed than the limit is not replayed in part but listed in resync; others are."""
    monkeypatch.setattr(recovery, "MOST_IN_ONE", 5)
    a, c = await connect(alice), await connect(carol)
    long, short = await opened(a, bob), await opened(c, bob)
    b = await resume(bob)
    await b.drop()
    await say(a, long, *some_texts(7))
    await say(c, short, *some_texts(2))
    await b.connect()
    assert (b.recovered, b.ready["limited"], b.ready["resync"]) == (False, True, [long])
    assert (b.seqs(long), b.seqs(short)[-2:]) == ([], [2, 3])


async def test_what_was_read_meanwhile_comes_before_ready(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """Read states that changed while a client was away come before session:ready, with exact ranges."""
    a, other = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    await say(a, conversation_id, *some_texts(4))
    mine, theirs = await resume(alice), await resume(bob)
    for client in (mine, theirs):
        await client.drop()
    await other.do("chat:message_read", conversationId=conversation_id, upToSeq=3)
    for client in (mine, theirs):
        await client.connect()
        (state,) = await client.expect("chat:read_state", conversationId=conversation_id)
        assert client.names().index("chat:read_state") < client.names().index("session:ready")
        people = {person["userId"]: person for person in state["participants"]}
        assert people[bob.id] == {
            "userId": bob.id, "deliveredSeq": 3, "readSeq": 3, "readRanges": [[1, 3]],
        }  # fmt: skip
        assert people[alice.id]["readRanges"] == []
        assert state["unreadCount"] == (2 if client is theirs else 0)


async def test_personal_events_are_recovered(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """What a person did on one device reaches their other one when that comes back."""
    here = await connect(alice)
    away = await resume(alice)
    await away.drop()
    await here.do("user:block", userId=bob.id)
    await here.do("user:unblock", userId=bob.id)
    await away.connect()
    personal = [(n, args[0]["personalSeq"]) for n, args in away.events if n.startswith("user:")]
    assert personal == [("user:blocked", 1), ("user:unblocked", 2)]
    assert away.recovered


async def test_recovery_works_on_another_process_and_after_restarts(
    dsn: str, resume: Resume, alice: User, bob: User
) -> None:
    """A session is recovered on a server that never saw it, while the one that did is gone."""
    async with local_server(dsn) as first:
        b = await resume(bob, first.url)
        a = await Device(first.url, alice.token).connect()
        conversation_id = await opened(a, bob)
        await say(a, conversation_id, *some_texts(2))
        await b.expect("chat:message_received", seq=3)
        await a.close()
        await b.drop()
    async with local_server(dsn) as second:
        a = await Device(second.url, alice.token).connect()
        await say(a, conversation_id, *some_texts(3))
        await a.close()
    async with local_server(dsn) as third:
        await b.connect(third.url)
        assert b.recovered
        assert b.seqs(conversation_id)[-3:] == [4, 5, 6]
        await b.drop()


async def test_a_transaction_held_open_slows_and_hides_nothing(
    connect: Connect,
    resume: Resume,
    alice: User,
    bob: User,
    db: "Pool[asyncpg.Record]",
    server: Server,
) -> None:
    """While a write transaction stays open elsewhere, recovery is as exact and as short as ever."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    async with db.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        held_open = await connection.fetchval("SELECT pg_current_xact_id()::text::int8")
        await say(a, conversation_id, *some_texts(50))
        b = await resume(bob)
        assert b.offset is not None
        assert f".{held_open}:" in b.offset, "the offset's xmin is held back"
        await b.drop()
        await say(a, conversation_id, *some_texts(3))
        await b.connect()
        assert (b.recovered, b.seqs(conversation_id)) == (True, [52, 53, 54])
        await transaction.rollback()


async def test_an_event_committed_late_by_an_old_transaction_is_not_skipped(
    connect: Connect,
    resume: Resume,
    alice: User,
    bob: User,
    carol: User,
    db: "Pool[asyncpg.Record]",
) -> None:
    """Transactions commit out of order: an event of an older transaction that commits later is recovered."""
    a, c = await connect(alice), await connect(carol)
    slow, fast = await opened(a, bob), await opened(c, bob)
    async with db.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(_PING, UUID(slow), alice.id)
        await say(c, fast, *some_texts(3))
        b = await resume(bob)
        await b.drop()
        await transaction.commit()
    await b.connect()
    assert (b.recovered, b.seqs(slow), b.seqs(fast)) == (True, [2], [])


# An event like any other, written by hand so that its transaction can be held open.
_PING = """
WITH locked AS (
    UPDATE conversations SET last_seq = last_seq + 1, last_xact = pg_current_xact_id() WHERE id = $1
    RETURNING last_seq)
INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
SELECT $1, last_seq, pg_current_xact_id(), 'chat:conversation_created', $2, '{}', now() FROM locked
"""


async def test_the_log_reader_brings_what_no_bell_rang_for(
    connect: Connect, resume: Resume, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """An event that another process committed without a word is handed on from the log, in its turn."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    b = await resume(bob)
    await db.execute(_PING, UUID(conversation_id), alice.id)
    await b.expect("chat:conversation_created", seq=2)
    await say(a, conversation_id, *some_texts(1))
    await b.expect("chat:message_received", seq=3)
    assert b.seqs(conversation_id)[-2:] == [2, 3]
