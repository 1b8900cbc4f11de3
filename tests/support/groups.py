"""What the tests of groups share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from tests.conftest import User, token_for
from tests.support.port import DevicePort
from tests.support.talks import holding, until_waiting

Pool = asyncpg.Pool
# What a member sees of a conversation, and pushes leave out: it differs from one to the other, or is long.
NOT_PUSHED = (
    "last_message", "unread_count", "my_role", "is_blocked", "blocked_by_me", "either_follows",
    "my_settings", "participants",
)  # fmt: skip


def shared(conversation: dict[str, Any]) -> dict[str, Any]:
    """A conversation as pushes have it."""
    return {key: value for key, value in conversation.items() if key not in NOT_PUSHED}


async def create(owner: DevicePort, *members: User, **payload: object) -> str:
    """The id of a new group."""
    ids = [member.id for member in members]
    ack = await owner.do("group:create", title="Climbers", participantIds=ids, **payload)
    group: str = ack["conversation"]["id"]
    return group


async def unread(device: DevicePort, conversation_id: str) -> int:
    """How many messages are unread."""
    ack = await device.do("chat:conversation_get", conversationId=conversation_id)
    count: int = ack["conversation"]["unread_count"]
    return count


async def set_role(
    db: "Pool[asyncpg.Record]", group: str, user: User, role: str, *, can_add: bool = False
) -> None:
    """Give a member a role, without an event."""
    await db.execute(
        "UPDATE participants SET role = $3, can_add_members = $4 "
        "WHERE conversation_id = $1 AND user_id = $2 AND left_seq IS NULL",
        UUID(group),
        user.id,
        role,
        can_add,
    )


async def crowd_of(db: "Pool[asyncpg.Record]", count: int) -> list[str]:
    """The ids of people whom no other test knows, written into the database; their usernames are their ids."""
    prefix = f"crowd-{uuid4().hex[:8]}"
    ids = [f"{prefix}-{n}" for n in range(count)]
    await db.execute(
        "INSERT INTO chat_users (user_id, username) SELECT id, id FROM unnest($1::text[]) AS t (id)",
        ids,
    )
    return ids


async def fill(db: "Pool[asyncpg.Record]", group: str, ids: list[str]) -> None:
    """Write people into a group as members since its first event, without an event of their own."""
    await db.execute(
        "WITH added AS (INSERT INTO participants "
        "(conversation_id, user_id, joined_seq, role, joined_at, in_group) "
        "SELECT $1, id, 1, 'member', now(), true FROM unnest($2::text[]) AS t (id)) "
        "UPDATE conversations SET member_count = member_count + cardinality($2::text[]) WHERE id = $1",
        UUID(group),
        ids,
    )


async def many_users(db: "Pool[asyncpg.Record]", count: int) -> list[User]:
    """Users whom no other test knows; the first and the last have tokens."""
    ids = await crowd_of(db, count)
    return [
        User(user_id, token_for(user_id) if n in (0, count - 1) else "")
        for n, user_id in enumerate(ids)
    ]


class Queue:
    """Commands that wait for one lock, in the order of `then`."""

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> None:
        self._connection = connection
        self._tasks: list[asyncio.Task[dict[str, object]]] = []

    async def then(
        self, command: "Awaitable[dict[str, object]]"
    ) -> "asyncio.Task[dict[str, object]]":
        """Start a command, and wait until it waits."""
        task = asyncio.ensure_future(command)
        self._tasks.append(task)
        await until_waiting(self._connection, len(self._tasks))
        return task


@asynccontextmanager
async def lock_held(db: "Pool[asyncpg.Record]", group: str) -> AsyncIterator[Queue]:
    """The group's row is locked until the context ends; then those who wait go on in their order."""
    async with holding(db, group) as connection:
        yield Queue(connection)


async def stream(db: "Pool[asyncpg.Record]", group: str) -> list[tuple[int, str]]:
    """The seqs and kinds of a group's events."""
    rows = await db.fetch(
        "SELECT seq, kind FROM events WHERE stream_id = $1 ORDER BY seq", UUID(group)
    )
    return [(row["seq"], row["kind"]) for row in rows]
