"""Receipts share commits; each is answered as if it came alone."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from chatserver.chat import receipts as module
from chatserver.chat.receipts import Mark, Receipts
from chatserver.chat.status_updates import ReceiptStatus, StatusUpdates
from chatserver.core.caller import Caller, Session
from chatserver.core.caller import User as Person
from chatserver.core.crypto import Vault
from chatserver.core.errors import ChatError, ErrorCode
from chatserver.delivery.delivery import Delivery
from chatserver.delivery.pushes import Event, SilentBell
from chatserver.resources import Abouts
from chatserver.schemas.receipts import Receipt
from chatserver.store import Database
from chatserver.store.idempotency import Requests
from tests.conftest import Connect, User
from tests.support.groups import many_users
from tests.support.servers import settings_for
from tests.support.talks import group_of, opened, said, until_waiting

Pool = asyncpg.Pool


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """The server's own way to the shared database."""
    db = await Database.connect(settings_for(dsn).database, dsn)
    yield db
    await db.close()


async def _nothing(_room: str, _after: int, _up_to: int) -> list[Event]:
    return []


def receipts_of(db: Database, dsn: str) -> Receipts:
    """A process's receipts."""
    requests = Requests(db, Vault(settings_for(dsn).encryption_keys))
    return Receipts(db, requests, StatusUpdates(Delivery(_nothing, SilentBell()), Abouts(db)))


def caller(user_id: str) -> Caller:
    """Somebody who asks."""
    person = Person(id=user_id, username=user_id, display_name=user_id)
    return Caller(session=Session(user=person, connection_id="c", expires_at=2**40))


@pytest.fixture
async def crowd(
    db: "Pool[asyncpg.Record]", connect: Connect, alice: User
) -> tuple[str, list[str], list[str]]:
    """A group, twenty members' ids, and the messages that its owner has posted."""
    members = [user.id for user in await many_users(db, 20)]
    a = await connect(alice)
    group_id = await group_of(db, {alice: "owner"} | {User(m, ""): "member" for m in members})
    return group_id, members, [(await said(a, group_id, f"text {n}"))["id"] for n in range(3)]


Crowd = tuple[str, list[str], list[str]]


async def test_what_comes_meanwhile_is_one_commit(
    crowd: Crowd, database: Database, dsn: str, db: "Pool[asyncpg.Record]"
) -> None:
    """Twenty receipts at once are written together; each counts its own."""
    group_id, members, sent = crowd
    receipts = receipts_of(database, dsn)
    read = Receipt(message_ids=tuple(map(UUID, sent[:2])))
    updated = await asyncio.gather(*(receipts.mark(caller(m), read, "read") for m in members))
    assert [ack.updated_count for ack in updated] == [2] * 20
    transactions = await db.fetch(
        "SELECT count(*) FROM participants WHERE conversation_id = $1 AND receipt_xact IS NOT NULL "
        "GROUP BY receipt_xact ORDER BY 1",
        UUID(group_id),
    )
    assert [row["count"] for row in transactions] == [20]


async def test_one_refusal_is_nobody_elses(
    crowd: Crowd, database: Database, dsn: str, carol: User
) -> None:
    """In one batch strangers, unknown ids and bad positions are refused alone, and mark nothing."""
    group_id, members, sent = crowd
    receipts = receipts_of(database, dsn)
    group, first, unknown = UUID(group_id), UUID(sent[0]), uuid4()
    queries: list[tuple[str, Receipt, int | ErrorCode]] = [
        (members[0], Receipt(message_id=first), 1),
        (members[1], Receipt(message_ids=(first, unknown)), ErrorCode.RESOURCE_NOT_FOUND),
        (carol.id, Receipt(message_id=first), ErrorCode.RESOURCE_NOT_FOUND),
        (carol.id, Receipt(conversation_id=group, up_to_seq=3), ErrorCode.RESOURCE_NOT_FOUND),
        (members[2], Receipt(conversation_id=unknown, up_to_seq=3), ErrorCode.RESOURCE_NOT_FOUND),
        (members[3], Receipt(conversation_id=unknown, message_id=first), ErrorCode.RESOURCE_NOT_FOUND),
        (members[4], Receipt(conversation_id=group, message_id=first), 1),
        (members[5], Receipt(conversation_id=group, up_to_seq=2**63 - 1), 3),
    ]  # fmt: skip
    found = await asyncio.gather(
        *(receipts.mark(caller(who), receipt, "read") for who, receipt, _ in queries),
        return_exceptions=True,
    )
    outcomes = [each.code if isinstance(each, ChatError) else each.updated_count for each in found]  # type: ignore[union-attr]
    assert outcomes == [expected for _, _, expected in queries]
    # Nothing of the refused ones was marked.
    again = await receipts.mark(caller(members[1]), Receipt(message_id=first), "read")
    assert again.updated_count == 1


async def test_each_counts_as_if_it_came_alone(
    crowd: Crowd, database: Database, alice: User
) -> None:
    """Receipts of one person in one batch are counted one after the other, as they came."""
    group_id, members, sent = crowd
    group = UUID(group_id)

    def mark(status: ReceiptStatus, up_to: int | None = None, *named: int, who: int = 0) -> Mark:
        return Mark(
            user_id=members[who],
            status=status,
            conversation_id=None if up_to is None else group,
            up_to_seq=up_to,
            message_ids=tuple(UUID(sent[n]) for n in named),
        )

    marks = [
        mark("delivered", 2),
        mark("read", None, 1),
        mark("delivered", None, 1),
        mark("read", 3),
        mark("read", None, 0, 1, 2),
        mark("delivered", 4),
        mark("read", 4, who=1),
        mark("delivered", 4, who=1),
        mark("read", 4),
    ]
    rows = await module._write(database, marks)
    assert [[row["count"] for row in of_mark] for of_mark in rows] == [
        [1],
        [1],
        [0],
        [1],
        [1],
        [0],
        [3],
        [0],
        [0],
    ]
    own = Mark(
        user_id=alice.id,
        status="read",
        conversation_id=None,
        up_to_seq=None,
        message_ids=(UUID(sent[0]),),
    )
    assert await module._write(database, [own]) == [()]


async def test_one_receipt_names_messages_of_several_conversations(
    connect: Connect, database: Database, dsn: str, alice: User, bob: User, carol: User
) -> None:
    """The messages of one receipt may stand in several conversations; each is told of its own."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    talks = [await opened(a, carol), await opened(b, carol)]
    sent = [(await said(device, talk, "hi"))["id"] for device, talk in zip((a, b), talks)]  # noqa: B905
    ack = await c.do("chat:message_read", messageIds=sent)
    assert ack["updatedCount"] == 2
    for device, talk, message_id in ((a, talks[0], sent[0]), (b, talks[1], sent[1])):
        update = await device.expect("chat:message_status_updated")
        assert (update["conversationId"], update["messageIds"]) == (talk, [message_id])


async def test_two_processes_never_wait_in_a_circle(
    crowd: Crowd, database: Database, db: "Pool[asyncpg.Record]"
) -> None:
    """Batches about the same people in opposite orders take their locks in one order: none fails.

    Forced: somebody in the middle is locked until both batches wait. In the orders of the batches, each would by
    then hold what the other wants next.
    """
    group_id, members, sent = crowd
    marks = [
        Mark(
            user_id=member,
            status="read",
            conversation_id=None,
            up_to_seq=None,
            message_ids=(UUID(sent[0]),),
        )
        for member in members
    ]
    async with db.acquire() as connection, connection.transaction():
        await connection.execute(
            "SELECT FROM participants WHERE conversation_id = $1 AND user_id = $2 FOR UPDATE",
            UUID(group_id),
            sorted(members)[10],
        )
        batches = []
        for count, order in enumerate((marks, marks[::-1]), start=1):
            batches.append(asyncio.create_task(module._write(database, order)))
            await until_waiting(connection, count)
    counts = [
        [sum(row["count"] for row in rows) for rows in batch]
        for batch in await asyncio.gather(*batches)
    ]
    assert sorted(counts) == [[0] * 20, [1] * 20]


async def test_receipts_that_are_too_many_are_unavailable(
    crowd: Crowd, database: Database, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the bound of what may wait a receipt is UNAVAILABLE at once, and those before it are answered."""
    _, members, sent = crowd
    monkeypatch.setattr(module, "_BOUND", 1_100)
    receipts = receipts_of(database, dsn)
    read = Receipt(message_id=UUID(sent[0]))
    found = await asyncio.gather(
        *(receipts.mark(caller(m), read, "read") for m in members[:3]), return_exceptions=True
    )
    assert [getattr(each, "updated_count", None) for each in found] == [1, 1, None]
    assert isinstance(found[2], ChatError)
    assert (found[2].code, found[2].retryable) == (ErrorCode.UNAVAILABLE, True)
    assert (await receipts.mark(caller(members[2]), read, "read")).updated_count == 1


async def test_a_request_id_keeps_its_answer(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """The same requestId, ten times at once among other receipts, marks once and answers one count."""
    a, b, second = await connect(alice), await connect(bob), await connect(bob)
    talk = await opened(a, bob)
    sent = [(await said(a, talk, f"text {n}"))["id"] for n in range(3)]
    read = {"messageIds": sent[:2], "requestId": "r-1"}
    acks = await asyncio.gather(
        *(device.do("chat:message_read", **read) for device in (b, second) for _ in range(5)),
        second.do("chat:message_delivered", messageId=sent[2]),
    )
    assert [ack["updatedCount"] for ack in acks[:10]] == [2] * 10
    error = await b.refused("chat:message_read", messageIds=sent, requestId="r-1")
    assert error["code"] == "IDEMPOTENCY_CONFLICT"
    unknown = {"messageIds": [sent[2], str(uuid4())], "requestId": "r-2"}
    assert (await b.refused("chat:message_read", **unknown))["code"] == "RESOURCE_NOT_FOUND"
    count = await db.fetchval("SELECT count(*) FROM requests WHERE user_id = $1", bob.id)
    assert count == 1, "only successes are kept"
