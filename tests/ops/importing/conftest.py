"""A database of the messaging system with something of everything, moved in once and served for all tests."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from uuid import UUID

import asyncpg
import orjson
import pytest

from chatserver.ops.importing import Report
from tests.ops.importing.moved import add_people, move
from tests.ops.importing.old_messaging import OldMessaging, create
from tests.support.servers import Server, local_server

CLIMBERS = UUID("11111111-2222-4333-8444-555555555555")
KEPT = UUID("0b7e6d50-0000-4000-8000-00000000000a")


@dataclass(frozen=True, slots=True)
class Moved:
    """What was imported, from where, and a server that has it."""

    source: str
    target: str
    report: Report
    server: Server


# A process comes to this package more than once, with others in between.
_numbers = count(1)


async def new_database(postgres: str, name: str, template: str | None = None) -> str:
    """The DSN of a new database, whose name begins so."""
    name = f"{name}_{next(_numbers)}"
    connection = await asyncpg.connect(postgres)
    try:
        like = f' TEMPLATE "{template}"' if template else ""
        await connection.execute(f'CREATE DATABASE "{name}"{like}')
    finally:
        await connection.close()
    return postgres.replace("/chatserver?", f"/{name}?")


async def fill(old: OldMessaging) -> None:
    """Write something of everything."""
    await _direct(old)
    await _group(old)
    await _unreadable(old)


async def _direct(old: OldMessaging) -> None:
    await old.say("msg_1", 1, "hello bob", recipient_id=2, is_read=True)
    await old.say(f"msg_{KEPT}", 2, "hello ann", recipient_id=1, is_read=True, sealed=False)
    await old.say("msg_3", 1, "how are you?", recipient_id=2, reply_to_message_id=f"msg_{KEPT}")
    await old.say("msg_4", 1, "edited", recipient_id=2, edited_at=old.now + timedelta(minutes=2))
    await old.say("msg_5", 1, "to nothing", recipient_id=2, reply_to_message_id="msg_erased")
    for user, message, reaction in (
        (2, "msg_1", "👍"),
        (1, f"msg_{KEPT}", "❤"),
        (2, "msg_1", "🎉"),
    ):
        await old.insert(
            "message_reactions",
            message_id=message,
            user_id=user,
            reaction=reaction,
            created_at=old.now,
        )
    await old.insert("message_reactions", message_id="msg_erased", user_id=2, reaction="👍")
    await old.insert("pinned_messages", message_id=f"msg_{KEPT}", pinned_by=1)
    await old.insert("message_deletions", message_id="msg_3", user_id=2)
    # Hidden, and nothing came after it.
    await old.say("msg_6", 3, "hidden by ann", recipient_id=1)
    await old.insert(
        "conversation_deletions", conversation_id="conv_1_3", user_id=1, deleted_at=old.now
    )
    # Hidden, and something came after it.
    await old.say("msg_7", 2, "hidden by bob", recipient_id=3)
    await old.insert(
        "conversation_deletions", conversation_id="conv_2_3", user_id=2, deleted_at=old.now
    )
    await old.say("msg_8", 3, "seen by bob", recipient_id=2)
    # The test that goes on has a conversation of its own.
    await old.say("msg_10", 4, "first", recipient_id=5)
    await old.say("msg_11", 5, "second", recipient_id=4)
    await old.say("msg_9", 4, "from whom ann blocked", recipient_id=1, is_read=True)
    await old.insert("blocked_relationships", blocker_id=1, blocked_id=4)


async def _group(old: OldMessaging) -> None:
    group = f"group_{CLIMBERS}"
    await old.insert(
        "chat_groups",
        group_id=group,
        group_name="Climbers",
        group_description="On walls",
        created_by=1,
        max_members=7,
    )
    for user, role, may_add in (
        (1, "admin", True),
        (2, "admin", True),
        (3, "member", True),
        (4, "member", False),
    ):
        await old.insert(
            "group_members",
            group_id=group,
            user_id=user,
            role=role,
            can_add_members=may_add,
            joined_at=old.now,
        )
    await old.say("g1", 1, "welcome", group_id=group)
    await old.say("g2", 2, "who climbs, @cid?", group_id=group)
    kept = orjson.dumps([{"type": "user", "userId": 4, "username": "dan"}]).decode()
    await old.say("g3", 3, "he does", group_id=group, mentions=kept)
    await old.say("g4", 1, "the wall is closed", group_id=group, is_announcement=True)
    await old.say("g5", 5, "from somebody who left", group_id=group)
    new = {"type": "new_group_message", "message": {"id": "g4", "groupId": group}}
    await old.insert(
        "event_queue",
        user_id=4,
        event_type="new_group_message",
        event_data=orjson.dumps(new).decode(),
    )
    old_event = {"type": "new_group_message", "message": {"id": "g1", "groupId": group}}
    await old.insert(
        "event_queue",
        user_id=3,
        event_type="new_group_message",
        event_data=orjson.dumps(old_event).decode(),
        delivered_at=old.now,
    )
    added = {"type": "reaction_added", "messageId": "msg_9"}
    await old.insert(
        "event_queue",
        user_id=4,
        event_type="reaction_added",
        event_data=orjson.dumps(added).decode(),
    )
    await old.insert(
        "chat_groups",
        group_id="group_over",
        group_name="Over",
        created_by=2,
        is_active=False,
        created_at=old.now,
    )
    await old.insert("group_members", group_id="group_over", user_id=2, role="owner")
    await old.say("o1", 2, "it is over", group_id="group_over")
    await old.insert("chat_groups", group_id="group_empty", group_name="Empty", created_by=3)
    await old.insert("group_members", group_id="group_empty", user_id=3, role="owner")


async def _unreadable(old: OldMessaging) -> None:
    await old.say("bad_text", 1, "a secret", recipient_id=2, encrypted_content="00" * 16)
    await old.say("bad_hex", 1, "a secret", recipient_id=2, encrypted_content="no hex")
    await old.say("bad_iv", 1, "a secret", recipient_id=2, encryption_iv=None)
    await old.say("to_self", 1, "a secret", recipient_id=1)
    await old.say("nowhere", 1, "a secret", group_id="group_gone")
    await old.insert("group_members", group_id="group_gone", user_id=1, role="owner")


@pytest.fixture(scope="package")
async def moved(postgres: str, template: str) -> AsyncIterator[Moved]:
    """The messaging system, moved in."""
    source = await new_database(postgres, "old_messaging")
    target = await new_database(postgres, "new_home", template)
    await add_people(target)
    old = await create(source)
    try:
        await fill(old)
    finally:
        await old.connection.close()
    report = await move("messaging", source, target)
    async with local_server(target) as server:
        yield Moved(source, target, report, server)
