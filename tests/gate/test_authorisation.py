"""The authorisation matrix (`schemas.authorisation`): each of its cells, asked of a real server."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from chatserver import schemas
from chatserver.schemas.authorisation import OK, ROLES, RULES, Rule
from chatserver.schemas.examples import EXAMPLES
from tests.conftest import Connect, MakeUser, User
from tests.support.device import Device
from tests.support.files import begun, put
from tests.support.groups import create, set_role
from tests.support.talks import opened, said

Pool = asyncpg.Pool


@dataclass(frozen=True, slots=True)
class Scene:
    """A conversation, the other person, and a message of each; ``mine`` is the other's where one has none."""

    conversation: str
    caller: User
    other: User
    mine: str
    theirs: str
    # One of the caller's in another conversation, where the command is about files.
    file: str = ""


def _conversation(scene: Scene) -> dict[str, Any]:
    return {"conversationId": scene.conversation}


def _mine(scene: Scene) -> dict[str, Any]:
    return {"messageId": scene.mine}


def _theirs(scene: Scene) -> dict[str, Any]:
    return {"messageId": scene.theirs}


def _other(scene: Scene) -> dict[str, Any]:
    return {"userId": scene.other.id}


def _member(scene: Scene) -> dict[str, Any]:
    return _conversation(scene) | _other(scene)


def _file(scene: Scene) -> dict[str, Any]:
    return {"fileId": scene.file}


def _nothing(_scene: Scene) -> dict[str, Any]:
    return {}


# What is asked, of each command and what it is about.
PAYLOADS: dict[tuple[str, str], Callable[[Scene], dict[str, Any]]] = {
    ("chat:message_send", ""): lambda s: _conversation(s) | {"content": "hello"},
    ("chat:message_send", "to a person"): lambda s: {"recipientId": s.other.id, "content": "hello"},
    ("chat:message_delivered", ""): _theirs,
    ("chat:message_read", ""): _theirs,
    ("chat:message_edit", "one's own message"): lambda s: _mine(s) | {"content": "other words"},
    ("chat:message_edit", "another's message"): lambda s: _theirs(s) | {"content": "other words"},
    ("chat:message_delete", "one's own message"): _mine,
    ("chat:message_delete", "another's message"): _theirs,
    ("chat:message_delete", "another's message, for oneself"): lambda s: (
        _theirs(s) | {"deleteForEveryone": False}
    ),
    ("chat:reaction_add", ""): lambda s: _theirs(s) | {"reaction": "👍"},
    ("chat:reaction_remove", ""): _theirs,
    ("chat:message_pin", ""): _theirs,
    ("chat:message_unpin", ""): _theirs,
    ("chat:pins", ""): _conversation,
    ("chat:typing", ""): lambda s: _conversation(s) | {"isTyping": False},
    ("chat:history", ""): _conversation,
    ("chat:sync", ""): lambda s: _conversation(s) | {"afterSeq": 0},
    ("chat:search", ""): lambda _: {"query": "hello"},
    ("chat:search", "in one conversation"): lambda s: _conversation(s) | {"query": "hello"},
    ("file:create", ""): lambda s: (
        _conversation(s) | {"name": "notes.txt", "size": 5, "type": "text/plain"}
    ),
    ("file:complete", "one's own file"): _file,
    ("file:delete", "one's own file that was not sent"): _file,
    ("file:links", ""): lambda s: {"fileIds": [s.file]},
    ("chat:conversation_open", ""): lambda s: {"recipientId": s.other.id},
    ("chat:conversation_find", ""): lambda s: {"recipientId": s.other.id},
    ("chat:conversation_list", ""): _nothing,
    ("chat:conversation_get", ""): _conversation,
    ("chat:conversation_delete", ""): _conversation,
    ("chat:conversation_mark_unread", ""): _conversation,
    ("chat:conversation_settings_set", ""): lambda s: _conversation(s) | {"favourite": True},
    ("chat:conversation_block", ""): lambda s: _conversation(s) | {"block": True},
    ("group:create", ""): lambda s: {"title": "Another", "participantIds": [s.other.id]},
    ("group:list", ""): _nothing,
    ("group:members", ""): _conversation,
    ("group:member_add", ""): _member,
    ("group:member_add", "with the permission to add members"): _member,
    ("group:member_remove", "a member"): _member,
    ("group:member_remove", "a moderator"): _member,
    ("group:member_remove", "an admin"): _member,
    ("group:leave", ""): _conversation,
    ("group:promote", ""): _member,
    ("group:demote", ""): _member,
    ("group:permit", "a member"): lambda s: _member(s) | {"canAddMembers": True},
    ("group:permit", "an admin"): lambda s: _member(s) | {"canAddMembers": True},
    ("group:transfer", ""): _member,
    ("group:update", ""): lambda s: _conversation(s) | {"title": "Another"},
    ("group:announce", ""): lambda s: _conversation(s) | {"content": "hello"},
    ("group:delete", ""): _conversation,
    ("presence:online", ""): _nothing,
    ("presence:offline", ""): _nothing,
    ("presence:focus", ""): _conversation,
    ("presence:list", ""): _nothing,
    ("push:device_add", ""): lambda _: EXAMPLES["push:device_add"],
    ("push:device_list", ""): _nothing,
    ("push:device_remove", ""): lambda _: EXAMPLES["push:device_remove"],
    ("user:block", ""): _other,
    ("user:unblock", ""): _other,
    ("user:profile_pictures", ""): lambda s: {"items": [{"type": "user", "id": s.other.id}]},
    ("session:refresh", ""): lambda s: {"token": s.caller.token},
    ("system:ping", ""): _nothing,
    ("system:test", ""): _nothing,
}


def test_every_command_has_its_rules() -> None:
    """Each command of the table stands in the matrix, each rule is asked here, and no other."""
    assert {rule.command for rule in RULES} == {command.name for command in schemas.COMMANDS}
    keys = [(rule.command, rule.about) for rule in RULES]
    assert (set(keys), len(set(keys))) == (set(PAYLOADS), len(keys))
    assert all(len(rule.outcomes) == len(ROLES) for rule in RULES)


def test_every_refusal_is_declared() -> None:
    """A command declares the errors that the matrix says it answers; every command may find fields wrong."""
    declared = {
        command.name: {*command.errors, OK, "VALIDATION_ERROR"} for command in schemas.COMMANDS
    }
    for rule in RULES:
        assert set(rule.outcomes) <= declared[rule.command], rule


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: " ".join(filter(None, (rule.command, rule.about)))
)
async def test_what_becomes_of_a_command(
    rule: Rule, role: str, connect: Connect, make_user: MakeUser, db: "Pool[asyncpg.Record]"
) -> None:
    """A command does what the matrix says, for each role; what is refused leaves no event."""
    caller, other = await make_user("caller"), await make_user("other")
    device, others = await connect(caller), await connect(other)
    if role == "blocked" and not rule.command.startswith("group:"):
        scene = await _direct(device, others, caller, other)
    else:
        owner = device if role == "owner" else await connect(await make_user("owner"))
        scene = await _group(rule, role, owner, device, others, caller, other, db)
    if rule.command.startswith("file:"):
        file = await begun(device, await opened(device, other), 5)
        await put(device.url, file, b"bytes")
        scene = replace(scene, file=file["file"]["id"])
    if role == "blocked":
        await others.do("user:block", userId=caller.id)
    count = "SELECT count(*) FROM events WHERE stream_id = $1::text::uuid OR actor_id = $2"
    before = await db.fetchval(count, scene.conversation, caller.id)
    ack = await device.ask(rule.command, PAYLOADS[rule.command, rule.about](scene))
    assert (OK if ack["success"] else ack["error"]["code"]) == rule.outcome(role), ack
    if not ack["success"]:
        assert ack["error"]["retryable"] is False
        assert await db.fetchval(count, scene.conversation, caller.id) == before


async def _direct(device: Device, others: Device, caller: User, other: User) -> Scene:
    conversation = await opened(device, other)
    mine, theirs = [await said(d, conversation, "hello") for d in (device, others)]
    return Scene(conversation, caller, other, mine["id"], theirs["id"])


async def _group(
    rule: Rule,
    role: str,
    owner: Device,
    device: Device,
    others: Device,
    caller: User,
    other: User,
    db: "Pool[asyncpg.Record]",
) -> Scene:
    """A group in which the caller stands as the role says, and the other as the rule needs them."""
    members = [other] if role in ("stranger", "owner") else [other, caller]
    group = await create(owner, *members)
    theirs = (await said(others, group, "hello"))["id"]
    mine = theirs if role == "stranger" else (await said(device, group, "hello"))["id"]
    if rule.command == "group:member_add":
        await others.do("group:leave", conversationId=group)
    else:
        needed = "moderator" if rule.command == "group:demote" else rule.about.rpartition(" ")[2]
        if needed in ("moderator", "admin"):
            await set_role(db, group, other, needed)
    if role == "ex-member":
        await device.do("group:leave", conversationId=group)
    elif role not in ("stranger", "owner"):
        given = "member" if role == "blocked" else role
        can_add = role == "blocked" or rule.about == "with the permission to add members"
        await set_role(db, group, caller, given, can_add=can_add)
    return Scene(group, caller, other, mine, theirs)
