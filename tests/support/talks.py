"""People who talk: conversations and messages to try changes on, and locks to force races with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from chatserver.core.crypto import Vault
from tests.conftest import User
from tests.support.patience import PATIENCE
from tests.support.port import DevicePort
from tests.support.servers import ENCRYPTION_KEY

Pool = asyncpg.Pool
Connection = asyncpg.pool.PoolConnectionProxy


async def opened(device: DevicePort, other: User) -> str:
    """The id of the direct conversation with somebody."""
    ack = await device.do("chat:conversation_open", recipientId=other.id)
    conversation_id: str = ack["conversation"]["id"]
    return conversation_id


async def said(
    device: DevicePort, conversation_id: str, content: str, **more: Any
) -> dict[str, Any]:
    """A message that was posted just now."""
    ack = await device.do(
        "chat:message_send", conversationId=conversation_id, content=content, **more
    )
    message: dict[str, Any] = ack["message"]
    return message


def some_texts(count: int) -> list[str]:
    """So many texts to say, each another one."""
    return [f"text {n}" for n in range(count)]


async def say(device: DevicePort, conversation_id: str, *contents: str) -> None:
    """Post messages, one after the other."""
    for content in contents:
        await said(device, conversation_id, content)


async def history(device: DevicePort, conversation_id: str) -> list[dict[str, Any]]:
    """The messages that the device's user sees."""
    ack = await device.do("chat:history", conversationId=conversation_id)
    messages: list[dict[str, Any]] = ack["messages"]
    return messages


async def moment_later() -> None:
    """What comes after this is younger: times are of a millisecond, and a fast machine does much in one."""
    await asyncio.sleep(0.002)


async def listed(device: DevicePort) -> list[str]:
    """The ids of the conversations in the list of the device's user."""
    page = await device.do("chat:conversation_list")
    assert page["total"] == len(page["conversations"])
    return [card["id"] for card in page["conversations"]]


async def sync(device: DevicePort, conversation_id: str, after: int = 0) -> list[tuple[str, Any]]:
    """The events after a seq, as they are shown to the device's user now."""
    ack = await device.do("chat:sync", conversationId=conversation_id, afterSeq=after)
    return [(event["event"], event["data"]) for event in ack["events"]]


async def group_of(
    db: "Pool[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]", roles: dict[User, str]
) -> str:
    """A group, written into the database; connect its members' devices after this."""
    group_id = uuid4()
    owner = next(user.id for user, role in roles.items() if role == "owner")
    await db.execute(
        "INSERT INTO conversations (id, type, title, created_by, member_count, created_at, last_seq, last_xact) "
        "VALUES ($1, 'group', $4, $2, $3, now(), 1, pg_current_xact_id())",
        group_id,
        owner,
        len(roles),
        Vault([ENCRYPTION_KEY]).seal_field(group_id, "title", "A group"),
    )
    await db.executemany(
        "INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at, in_group) "
        "VALUES ($1, $2, 1, $3, now(), true)",
        [(group_id, user.id, role) for user, role in roles.items()],
    )
    return str(group_id)


@asynccontextmanager
async def holding(
    db: "Pool[asyncpg.Record]", conversation_id: str | UUID
) -> "AsyncIterator[Connection[asyncpg.Record]]":
    """A transaction that holds a conversation's lock, and commits on leaving."""
    async with db.acquire() as connection, connection.transaction():
        await connection.execute(
            "SELECT FROM conversations WHERE id = $1 FOR UPDATE", UUID(str(conversation_id))
        )
        yield connection


# Not pg_stat_activity, which a transaction sees as it was at its first look.
_WAITING = """
WITH RECURSIVE held (pid) AS (
    SELECT pg_backend_pid()
    UNION
    SELECT w.pid FROM pg_locks w JOIN held h ON NOT w.granted AND h.pid = ANY (pg_blocking_pids(w.pid)))
SELECT count(*) - 1 FROM held
"""


async def until_waiting(connection: "Connection[asyncpg.Record]", count: int = 1) -> None:
    """Wait until so many sessions wait for a lock of this one, or for one that does.

    Row locks queue: sessions get them in the order in which they began to wait.
    """
    async with asyncio.timeout(PATIENCE):
        while await connection.fetchval(_WAITING) < count:  # noqa: ASYNC110 - PostgreSQL has no event for it
            await asyncio.sleep(0.01)
