"""People who talk: conversations and messages to try changes on, and locks to force races with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from tests.conftest import User
from tests.support.device import Device

Pool = asyncpg.Pool
Connection = asyncpg.pool.PoolConnectionProxy


async def opened(device: Device, other: User) -> str:
    """The id of the direct conversation with somebody."""
    ack = await device.do("chat:conversation_open", recipientId=other.id)
    conversation_id: str = ack["conversation"]["id"]
    return conversation_id


async def said(device: Device, conversation_id: str, content: str, **more: Any) -> dict[str, Any]:
    """A message that was posted just now."""
    ack = await device.do(
        "chat:message_send", conversationId=conversation_id, content=content, **more
    )
    message: dict[str, Any] = ack["message"]
    return message


async def history(device: Device, conversation_id: str) -> list[dict[str, Any]]:
    """The messages that the device's user sees."""
    ack = await device.do("chat:history", conversationId=conversation_id)
    messages: list[dict[str, Any]] = ack["messages"]
    return messages


async def listed(device: Device) -> list[str]:
    """The ids of the conversations in the list of the device's user."""
    page = await device.do("chat:conversation_list")
    assert page["total"] == len(page["conversations"])
    return [card["id"] for card in page["conversations"]]


async def sync(device: Device, conversation_id: str, after: int = 0) -> list[tuple[str, Any]]:
    """The events after a seq, as they are shown to the device's user now."""
    ack = await device.do("chat:sync", conversationId=conversation_id, afterSeq=after)
    return [(event["event"], event["data"]) for event in ack["events"]]


async def group_of(db: "Pool[asyncpg.Record]", roles: dict[User, str]) -> str:
    """A group, written into the database; connect its members' devices after this."""
    group_id = uuid4()
    owner = next(user.id for user, role in roles.items() if role == "owner")
    await db.execute(
        "INSERT INTO conversations (id, type, title, created_by, member_count, created_at, last_seq, last_xact) "
        "VALUES ($1, 'group', 'A group', $2, $3, now(), 1, pg_current_xact_id())",
        group_id,
        owner,
        len(roles),
    )
    await db.executemany(
        "INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at) "
        "VALUES ($1, $2, 1, $3, now())",
        [(group_id, user.id, role) for user, role in roles.items()],
    )
    return str(group_id)


@asynccontextmanager
async def holding(
    db: "Pool[asyncpg.Record]", conversation_id: str
) -> "AsyncIterator[Connection[asyncpg.Record]]":
    """A transaction that holds a conversation's lock, and commits on leaving."""
    async with db.acquire() as connection, connection.transaction():
        await connection.execute(
            "SELECT FROM conversations WHERE id = $1 FOR UPDATE", UUID(conversation_id)
        )
        yield connection


async def until_waiting(connection: "Connection[asyncpg.Record]", count: int) -> None:
    """Until so many statements wait for a lock. Row locks queue: they get it in the order of this."""
    async with asyncio.timeout(10):
        while True:
            # A transaction sees the connections that there were when it first looked.
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            waiting = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if waiting >= count:
                return
            await asyncio.sleep(0.01)
