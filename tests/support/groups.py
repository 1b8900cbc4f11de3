"""What the tests of groups share."""

from uuid import UUID

import asyncpg

from tests.conftest import MakeUser, User, token_for
from tests.support.device import Device

Pool = asyncpg.Pool


async def create(owner: Device, *members: User, **payload: object) -> str:
    """The id of a new group."""
    ids = [member.id for member in members]
    ack = await owner.do("group:create", title="Climbers", participantIds=ids, **payload)
    group: str = ack["conversation"]["id"]
    return group


async def unread(device: Device, conversation_id: str) -> int:
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


async def many_users(db: "Pool[asyncpg.Record]", make_user: MakeUser, count: int) -> list[User]:
    """Users whom no other test knows."""
    first = await make_user("crowd")
    ids = [f"{first.id}-{n}" for n in range(count)]
    await db.execute(
        "INSERT INTO chat_users (user_id, username) SELECT id, id FROM unnest($1::text[]) AS t (id)",
        ids,
    )
    return [
        User(user_id, token_for(user_id) if n in (0, count - 1) else "")
        for n, user_id in enumerate(ids)
    ]
