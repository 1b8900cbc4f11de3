"""Who may do what in a group."""

import asyncpg
import pytest

from tests.conftest import Connect, MakeUser, User
from tests.support.groups import create, set_role

Pool = asyncpg.Pool

# The code that each role gets; "" is success. Those to be removed have the roles in the commands' names.
ROLES = ("stranger", "ex-member", "member", "can add", "moderator", "admin", "owner")
GONE, NO, YES = "RESOURCE_NOT_FOUND", "PERMISSION_DENIED", ""
ALLOWED = {
    "add one": (GONE, GONE, NO, YES, NO, YES, YES),
    "add several": (GONE, GONE, NO, YES, NO, YES, YES),
    "remove member": (GONE, GONE, NO, NO, NO, YES, YES),
    "remove moderator": (GONE, GONE, NO, NO, NO, YES, YES),
    "remove admin": (GONE, GONE, NO, NO, NO, NO, YES),
    "remove owner": (GONE, GONE, NO, NO, NO, NO, "VALIDATION_ERROR"),
    "remove stranger": (GONE, GONE, NO, NO, NO, GONE, GONE),
    "leave": (GONE, GONE, YES, YES, YES, YES, "CONFLICT"),
    "list": (YES,) * 7,
    "create": (YES,) * 7,
}


@pytest.mark.parametrize(
    ("command", "role", "code"),
    [
        (command, role, code)
        for command, codes in ALLOWED.items()
        for role, code in zip(ROLES, codes, strict=True)
    ],
)
async def test_who_may(
    command: str,
    role: str,
    code: str,
    connect: Connect,
    make_user: MakeUser,
    db: "Pool[asyncpg.Record]",
) -> None:
    """Each role may do what the contract says, and what is refused leaves no event."""
    owner, actor, target, other = [
        await make_user(n) for n in ("owner", "actor", "target", "other")
    ]
    o = await connect(owner)
    a = o if role == "owner" else await connect(actor)
    group = await create(o, target, *([] if role in ("stranger", "owner") else [actor]))
    if role == "ex-member":
        await a.do("group:leave", conversationId=group)
    elif role not in ("stranger", "owner"):
        given = "member" if role == "can add" else role
        await set_role(db, group, actor, given, can_add=role == "can add")
    verb, _, noun = command.partition(" ")
    if noun in ("moderator", "admin"):
        await set_role(db, group, target, noun)
    named = {"owner": owner, "stranger": other}.get(noun, target)
    name, payload = {
        "add": (
            "group:member_add",
            {"userIds": [other.id]} if noun == "several" else {"userId": other.id},
        ),
        "remove": ("group:member_remove", {"userId": named.id}),
        "leave": ("group:leave", {}),
        "list": ("group:list", {}),
        "create": ("group:create", {"title": "Another"}),
    }[verb]
    if verb not in ("list", "create"):
        payload["conversationId"] = group
    count = "SELECT count(*) FROM events WHERE stream_id = $1::text::uuid"
    before = await db.fetchval(count, group)
    ack = await a.ask(name, payload)
    assert ack["success"] is (code == YES), ack
    if code != YES:
        assert ack["error"]["code"] == code
        assert ack["error"]["retryable"] is False
    changes = code == YES and verb in ("add", "remove", "leave")
    assert await db.fetchval(count, group) == before + changes


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "userId"),
        ({"userId": ""}, "userId"),
        ({"userId": "a", "userIds": ["b"]}, "userIds"),
        ({"userIds": []}, "userIds"),
        ({"userIds": [str(n) for n in range(51)]}, "userIds"),
    ],
)
async def test_payloads_that_are_wrong(
    payload: dict[str, object], field: str, connect: Connect, alice: User
) -> None:
    """A wrong field of group:member_add is a VALIDATION_ERROR that names it."""
    a = await connect(alice)
    error = await a.refused("group:member_add", conversationId=await create(a), **payload)
    assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", [field])


async def test_a_direct_conversation_is_no_group(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """The commands of groups refuse a direct conversation of the caller, naming the field."""
    a = await connect(alice)
    opened = await a.do("chat:conversation_open", recipientId=bob.id)
    for command, payload in (
        ("group:member_add", {"userId": carol.id}),
        ("group:member_remove", {"userId": bob.id}),
        ("group:leave", {}),
    ):
        error = await a.refused(command, conversationId=opened["conversation"]["id"], **payload)
        assert error["fields"] == {"conversationId": ["Is not a group."]}


async def test_removing_oneself_or_nobody(connect: Connect, alice: User, bob: User) -> None:
    """Oneself one does not remove but leaves; who is no member cannot be removed."""
    a = await connect(alice)
    group = await create(a)
    error = await a.refused("group:member_remove", conversationId=group, userId=alice.id)
    assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", ["userId"])
    error = await a.refused("group:member_remove", conversationId=group, userId=bob.id)
    assert (error["code"], list(error["fields"])) == ("RESOURCE_NOT_FOUND", ["userId"])
