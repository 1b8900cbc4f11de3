"""Sends that meet share a commit and nothing else: no verdict, and no wait for another conversation's lock."""

import asyncio

import asyncpg
import pytest

from chatserver.chat import posting
from tests.conftest import Connect, MakeUser, User
from tests.support.servers import local_server
from tests.support.talks import holding, opened, until_waiting

Pool = asyncpg.Pool


async def test_what_waits_goes_together(
    connect: Connect,
    make_user: MakeUser,
    alice: User,
    bob: User,
    db: "Pool[asyncpg.Record]",
    dsn: str,
) -> None:
    """While one conversation is locked, all others go on, many in one commit; a refusal is its sender's alone."""
    async with local_server(dsn) as server:
        stuck = await connect(alice, server.url)
        locked = await opened(stuck, bob)
        people = [await make_user() for _ in range(12)]
        devices = [await connect(person, server.url) for person in people]
        others = [await opened(device, bob) for device in devices]
        async with holding(db, locked) as connection:
            first = asyncio.create_task(
                stuck.do("chat:message_send", conversationId=locked, content="waits")
            )
            await until_waiting(connection)
            acks = await asyncio.gather(
                *(
                    # The last one has no part in the conversation that it names.
                    device.ask("chat:message_send", {"conversationId": other, "content": "goes"})
                    for device, other in zip(devices, [*others[:-1], others[0]], strict=True)
                )
            )
            assert not first.done()
        assert (await first)["message"]["content"] == "waits"
    assert [ack["success"] for ack in acks] == [True] * 11 + [False]
    assert acks[-1]["error"]["code"] == "RESOURCE_NOT_FOUND"
    commits = await db.fetchval(
        "SELECT count(DISTINCT xact) FROM events "
        "WHERE kind = 'chat:message_received' AND stream_id = ANY ($1::uuid[])",
        others,
    )
    assert commits < 11


async def test_a_send_past_its_deadline(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]", dsn: str
) -> None:
    """A send that waits too long is UNAVAILABLE, and the device's next change has its turn; what the wait ended in
    is handed on all the same, and a retry of its id finds it."""
    async with local_server(dsn, COMMAND_TIMEOUT="3000") as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        conversation_id = await opened(a, bob)
        send = {"conversationId": conversation_id, "content": "late", "clientMessageId": "late"}
        async with holding(db, conversation_id) as connection:
            sent = asyncio.create_task(a.refused("chat:message_send", **send))
            await until_waiting(connection)
            # Sent in the same breath, it waits its turn, and its own deadline comes a moment later.
            behind = asyncio.create_task(a.refused("chat:message_send", **send))
            assert (await sent)["code"] == (await behind)["code"] == "UNAVAILABLE"
            # Its turn has come although what was before it still waits for the lock.
            await a.do("chat:conversation_open", recipientId=bob.id)
        received = await b.expect("chat:message_received", take=False)
        assert received["content"] == "late"
        again = await a.do("chat:message_send", **send)
        assert (again["messageId"], again["duplicate"]) == (received["id"], True)
        await b.settled()
        assert len(b.seen("chat:message_received")) == 1


async def test_too_much_waits(
    connect: Connect,
    alice: User,
    bob: User,
    db: "Pool[asyncpg.Record]",
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What waits for the database has a bound; past it a send is UNAVAILABLE at once, and the others are kept."""
    monkeypatch.setattr(posting, "_BOUND", 3_000)
    async with local_server(dsn) as server:
        devices = [await connect(alice, server.url) for _ in range(4)]
        conversation_id = await opened(devices[0], bob)
        async with holding(db, conversation_id) as connection:
            sends = [
                asyncio.create_task(
                    device.ask(
                        "chat:message_send", {"conversationId": conversation_id, "content": "x"}
                    )
                )
                for device in devices
            ]
            await until_waiting(connection)
            done, waiting = await asyncio.wait(sends, return_when=asyncio.FIRST_COMPLETED)
            error = next(iter(done)).result()["error"]
            assert (error["code"], error["retryable"]) == ("UNAVAILABLE", True)
        acks = [await send for send in waiting]
        assert sorted(ack["message"]["seq"] for ack in acks if ack["success"]) == list(
            range(2, 2 + len([ack for ack in acks if ack["success"]]))
        )
        await devices[0].do("chat:message_send", conversationId=conversation_id, content="room")
