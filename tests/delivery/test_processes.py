"""Two processes with Redis between them serve as one."""

import asyncio

import socketio

from tests.conftest import Connect, User
from tests.support.patience import PATIENCE
from tests.support.redis_server import OwnRedis
from tests.support.servers import Server, process_pair
from tests.support.talks import opened


async def test_two_processes_are_one_chat(
    two_processes: tuple[Server, Server], connect: Connect, alice: User, bob: User
) -> None:
    """Opening, messages, typing, receipts and presence cross processes, each once, and messages in order."""
    first, second = two_processes
    a, b = await connect(alice, first.url), await connect(bob, second.url)
    conversation_id = await opened(a, bob)
    await b.expect("chat:conversation_created")
    assert [u["userId"] for u in (await a.do("presence:list"))["users"]] == [bob.id]
    await asyncio.gather(
        *(
            device.do("chat:message_send", conversationId=conversation_id, content=str(n))
            for n in range(50)
            for device in (a, b)
        )
    )
    for device in (a, b):
        await device.expect("chat:message_received", lambda m: m["seq"] == 101, take=False)
        assert [m["seq"] for m in device.seen("chat:message_received")] == list(range(2, 102))
    await b.do("chat:typing", conversationId=conversation_id, isTyping=True)
    assert (await a.expect("chat:user_typing"))["userId"] == bob.id
    assert b.seen("chat:user_typing") == []
    await b.do("chat:message_read", conversationId=conversation_id, upToSeq=101)
    assert (await a.expect("chat:message_status_updated"))["readBy"] == bob.id
    await b.do("presence:offline")
    # That bob came is announced beside his connecting: before they were contacts, or after.
    await a.expect("user:status_changed", lambda push: push["status"] == "offline")
    assert await a.do("presence:list") == {"success": True, "users": [], "count": 0}


async def test_changes_cross_processes(
    two_processes: tuple[Server, Server], connect: Connect, alice: User, bob: User
) -> None:
    """Edits, reactions, blocks and deletions reach the other process; one's own deletions, one's devices there."""
    first, second = two_processes
    a, b = await connect(alice, first.url), await connect(bob, second.url)
    elsewhere = await connect(alice, second.url)
    sent = await a.do("chat:message_send", recipientId=bob.id, content="one")
    conversation_id, message_id = sent["message"]["conversation_id"], sent["messageId"]
    edited = await a.do("chat:message_edit", messageId=message_id, content="two")
    assert (await b.expect("chat:message_edited"))["message"] == edited["message"]
    await b.do("chat:reaction_add", messageId=message_id, reaction="👍")
    assert (await a.expect("chat:reaction_added"))["reaction"]["reaction"] == "👍"
    await b.do("chat:conversation_block", conversationId=conversation_id, block=True)
    assert (await a.expect("chat:conversation_blocked"))["blockedBy"] == bob.id
    await a.do("chat:message_delete", messageId=message_id, deleteForEveryone=False)
    assert (await elsewhere.expect("chat:message_deleted"))["personalSeq"] == 1
    await b.do("chat:conversation_block", conversationId=conversation_id, block=False)
    again = await a.do("chat:message_send", recipientId=bob.id, content="three")
    await a.do("chat:message_delete", messageId=again["messageId"])
    assert (await b.expect("chat:message_deleted"))["messageId"] == again["messageId"]


async def test_one_id_on_two_processes_is_one_message(
    two_processes: tuple[Server, Server], connect: Connect, alice: User, bob: User
) -> None:
    """A hundred concurrent sends of one id through two processes are one message."""
    devices = [await connect(alice, server.url) for server in two_processes]
    acks = await asyncio.gather(
        *(
            device.do(
                "chat:message_send", recipientId=bob.id, content="once", clientMessageId="one-id"
            )
            for _ in range(50)
            for device in devices
        )
    )
    assert len({ack["messageId"] for ack in acks}) == 1
    assert sorted(ack["duplicate"] for ack in acks) == [False] + [True] * 99


async def test_an_external_process_can_emit(
    two_processes: tuple[Server, Server], redis_url: str, connect: Connect, alice: User
) -> None:
    """A stock AsyncRedisManager in another program reaches a user's devices on every process by their room."""
    devices = [await connect(alice, server.url) for server in two_processes]
    outside = socketio.AsyncRedisManager(redis_url, write_only=True)
    await outside.emit("order:shipped", {"order": 7}, room=f"user:{alice.id}")
    for device in devices:
        assert await device.expect("order:shipped") == {"order": 7}
    await outside.redis.aclose()


async def test_without_redis_sends_still_ack(
    dsn: str, own_redis: OwnRedis, connect: Connect, alice: User, bob: User
) -> None:
    """With Redis gone, sends ack and local members get them; when it is back, other processes hear again."""
    async with process_pair(dsn, own_redis.url) as (first, second):
        a, near, far = [
            await connect(user, server.url)
            for user, server in ((alice, first), (bob, first), (bob, second))
        ]
        sent = await a.do("chat:message_send", recipientId=bob.id, content="with Redis")
        conversation_id = sent["message"]["conversation_id"]
        for device in (near, far):
            await device.expect("chat:message_received")
        own_redis.kill()
        await a.do("chat:message_send", conversationId=conversation_id, content="without")
        assert (await near.expect("chat:message_received"))["content"] == "without"
        own_redis.start()
        # Each send rings; the first bell that is heard brings what was missed before it, in order.
        async with asyncio.timeout(PATIENCE):
            while not far.seen("chat:message_received"):
                await a.do("chat:message_send", conversationId=conversation_id, content="again")
                await asyncio.sleep(0.1)
        assert (await far.expect("chat:message_received"))["content"] == "without"
