"""The two-statement transaction: lock, then check and write, against whatever commits meanwhile.

Each race is forced, not hoped for: another connection holds the lock until the server's statement is
seen to wait for it.
"""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.rolled_back import rolled_back
from tests.support.servers import local_server
from tests.support.talks import holding, opened, until_waiting

Pool = asyncpg.Pool


@pytest.fixture
async def conversation(connect: Connect, alice: User, bob: User) -> tuple[Device, Device, UUID]:
    """Alice, Bob, and their conversation."""
    a, b = await connect(alice), await connect(bob)
    return a, b, UUID(await opened(a, bob))


async def test_a_removal_beats_a_send_that_waits_for_it(
    db: "Pool[asyncpg.Record]", conversation: tuple[Device, Device, UUID], alice: User
) -> None:
    """A send that waits for the lock of a removal is refused once the removal commits, and burns no seq."""
    a, _, conversation_id = conversation
    async with holding(db, conversation_id) as connection:
        send = asyncio.create_task(
            a.refused("chat:message_send", conversationId=str(conversation_id), content="too late")
        )
        await until_waiting(connection)
        await connection.execute(
            "UPDATE participants SET left_seq = 2, left_xact = pg_current_xact_id() "
            "WHERE conversation_id = $1 AND user_id = $2",
            conversation_id,
            alice.id,
        )
    assert (await send)["code"] == "RESOURCE_NOT_FOUND"
    assert (
        await db.fetchval("SELECT last_seq FROM conversations WHERE id = $1", conversation_id) == 1
    )


async def test_a_block_beats_a_send_that_waits_for_it(
    db: "Pool[asyncpg.Record]", conversation: tuple[Device, Device, UUID], alice: User, bob: User
) -> None:
    """`user:block` takes the conversation's lock: a send that waits behind it is refused when it commits."""
    a, b, conversation_id = conversation
    async with holding(db, conversation_id) as connection:
        block = asyncio.create_task(b.do("user:block", userId=alice.id))
        await until_waiting(connection)
        send = asyncio.create_task(
            a.refused("chat:message_send", conversationId=str(conversation_id), content="too late")
        )
        # Row locks queue: the send waits behind the block.
        await until_waiting(connection, 2)
    await block
    assert (await send)["code"] == "USER_BLOCKED"
    assert (
        await db.fetchval("SELECT last_number FROM conversations WHERE id = $1", conversation_id)
        == 0
    )


async def test_one_id_in_two_transactions_is_one_message(
    db: "Pool[asyncpg.Record]",
    conversation: tuple[Device, Device, UUID],
    connect: Connect,
    alice: User,
    dsn: str,
) -> None:
    """Two servers that send one id wait for one lock: the second sees the first's row, and burns no seq."""
    a, _, conversation_id = conversation
    async with local_server(dsn) as other:
        second = await connect(alice, other.url)
        async with holding(db, conversation_id) as connection:
            sends = [
                asyncio.create_task(
                    device.do(
                        "chat:message_send",
                        conversationId=str(conversation_id),
                        content="once",
                        clientMessageId="one-id",
                    )
                )
                for device in (a, second)
            ]
            await until_waiting(connection, 2)
        acks = await asyncio.gather(*sends)
    assert {ack["messageId"] for ack in acks} == {acks[0]["messageId"]}
    assert sorted(ack["duplicate"] for ack in acks) == [False, True]
    assert (
        await db.fetchval("SELECT last_seq FROM conversations WHERE id = $1", conversation_id) == 2
    )


async def test_one_id_twice_in_one_batch_is_one_message(
    db: "Pool[asyncpg.Record]", conversation: tuple[Device, Device, UUID], alice: User, bob: User
) -> None:
    """`post_messages` numbers a batch after dropping its duplicates, and fails no row for another's sake."""
    _, _, conversation_id = conversation
    ids = [UUID(int=conversation_id.int + n) for n in range(1, 6)]
    async with rolled_back(db) as connection:
        rows = await connection.fetch(
            "SELECT verdict, seq, number, message_id FROM post_messages("
            "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [conversation_id] * 5,
            [alice.id, alice.id, "a stranger", bob.id, alice.id],
            ids,
            ["text"] * 5,
            [2] * 5,
            ["key"] * 5,
            [b"n" * 12] * 5,
            [b"sealed"] * 5,
            [None] * 5,
            ["x", "x", "x", "x", None],
            [b"f"] * 5,
            [False] * 5,
        )
        logged = await connection.fetch(
            "SELECT seq, message_id FROM events WHERE stream_id = $1 AND seq > 1 ORDER BY seq",
            conversation_id,
        )
    assert [(r["verdict"], r["seq"], r["number"], r["message_id"]) for r in rows] == [
        ("posted", 2, 1, ids[0]),
        ("duplicate", 2, 1, ids[0]),
        ("not_found", None, None, None),
        ("posted", 3, 2, ids[3]),
        ("posted", 4, 3, ids[4]),
    ]
    assert [(r["seq"], r["message_id"]) for r in logged] == [(2, ids[0]), (3, ids[3]), (4, ids[4])]


async def test_two_people_open_their_conversation_at_once(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Opened from both sides at once, thirty times, a direct conversation is one, with one event."""
    a, b = await connect(alice), await connect(bob)
    acks = await asyncio.gather(
        *(a.do("chat:conversation_open", recipientId=bob.id) for _ in range(15)),
        *(b.do("chat:conversation_open", recipientId=alice.id) for _ in range(15)),
    )
    ids = {ack["conversation"]["id"] for ack in acks}
    assert len(ids) == 1
    assert (
        await db.fetchval("SELECT count(*) FROM events WHERE stream_id = $1", UUID(ids.pop())) == 1
    )


async def test_commit_order_is_seq_order(
    connect: Connect, conversation: tuple[Device, Device, UUID], alice: User, bob: User
) -> None:
    """Hundreds of concurrent sends of both people have seqs without gaps, and arrive everywhere in their order."""
    a, b, conversation_id = conversation
    devices = [a, b, await connect(alice), await connect(bob)]
    acks = await asyncio.gather(
        *(
            devices[n % 4].do(
                "chat:message_send", conversationId=str(conversation_id), content=f"{n}"
            )
            for n in range(400)
        )
    )
    assert sorted(ack["message"]["seq"] for ack in acks) == list(range(2, 402))
    for device in devices:
        await device.expect("chat:message_received", lambda m: m["seq"] == 401, take=False)
        assert [m["seq"] for m in device.seen("chat:message_received")] == list(range(2, 402))


async def test_nothing_is_pushed_before_it_is_durable(
    db: "Pool[asyncpg.Record]", conversation: tuple[Device, Device, UUID]
) -> None:
    """While a send waits for its commit nobody hears of it; a send whose transaction fails is never heard of."""
    a, b, conversation_id = conversation
    async with holding(db, conversation_id) as connection:
        send = asyncio.create_task(
            a.ask("chat:message_send", {"conversationId": str(conversation_id), "content": "lost"})
        )
        await until_waiting(connection)
        await b.settled()
        assert b.seen("chat:message_received") == []
        # The server's backend is ended while it waits: its transaction fails.
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        ack = await send
    assert (ack["success"], ack["error"]["code"], ack["error"]["retryable"]) == (
        False,
        "UNAVAILABLE",
        True,
    )
    await b.settled()
    assert b.seen("chat:message_received") == []
    sent = await a.do("chat:message_send", conversationId=str(conversation_id), content="kept")
    assert sent["message"]["seq"] == 2
