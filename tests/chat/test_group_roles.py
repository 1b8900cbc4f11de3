"""Roles in a group: rising and falling, permissions, and who owns it."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.groups import create, set_role
from tests.support.talks import sync

Pool = asyncpg.Pool


async def _standing(db: "Pool[asyncpg.Record]", group: str, user: User) -> tuple[str, bool]:
    row = await db.fetchrow(
        "SELECT role, can_add_members FROM participants "
        "WHERE conversation_id = $1 AND user_id = $2 AND left_seq IS NULL",
        UUID(group),
        user.id,
    )
    return row["role"], row["can_add_members"]


async def _roles(device: Device, group: str) -> dict[str, str]:
    ack = await device.do("group:members", conversationId=group)
    return {person["user_id"]: person["role"] for person in ack["participants"]}


def _push(group: str, seq: int, user: User, by: User, **more: object) -> dict[str, Any]:
    named = {"user_id": user.id, "username": user.id}
    return {"conversationId": group, "seq": seq, "user": named, "by": by.id, **more}


async def test_rising_and_falling(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Each change of a role is acked with it, one event for everybody, and what the roster shows after it."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    group = await create(a, bob, carol)
    steps: list[tuple[str, dict[str, str], str, bool]] = [
        ("promote", {"role": "moderator"}, "moderator", False),
        ("promote", {}, "admin", True),
        ("demote", {"role": "moderator"}, "moderator", True),
        ("promote", {"role": "admin"}, "admin", True),
        ("demote", {}, "member", False),
        ("promote", {}, "admin", True),
        ("demote", {"role": "member"}, "member", False),
    ]
    for seq, (verb, wanted, role, can_add) in enumerate(steps, start=2):
        ack = await a.do(f"group:{verb}", conversationId=group, userId=bob.id, **wanted)
        assert ack == {"success": True, "role": role}
        for device in (a, b, c):
            push = await device.expect(f"group:member_{verb}d")
            assert push == _push(group, seq, bob, alice, role=role)
        assert (await _roles(b, group))[bob.id] == role
        assert await _standing(db, group, bob) == (role, can_add)
    assert len(await sync(c, group)) == 1 + len(steps)


@pytest.mark.parametrize(
    ("before", "verb", "wanted", "code"),
    [
        ("admin", "promote", "admin", None),
        ("moderator", "promote", "moderator", None),
        ("member", "demote", "member", None),
        ("moderator", "demote", "moderator", None),
        ("admin", "promote", "moderator", "CONFLICT"),
        ("member", "demote", "moderator", "CONFLICT"),
    ],
)
async def test_no_change_and_the_wrong_way(
    before: str,
    verb: str,
    wanted: str,
    code: str | None,
    connect: Connect,
    alice: User,
    bob: User,
    db: "Pool[asyncpg.Record]",
) -> None:
    """Who has the role keeps it without an event; a promotion never lowers, and a demotion never raises."""
    a = await connect(alice)
    group = await create(a, bob)
    await set_role(db, group, bob, before)
    ack = await a.ask(f"group:{verb}", {"conversationId": group, "userId": bob.id, "role": wanted})
    assert ack["success"] is (code is None)
    if code is None:
        assert ack["role"] == wanted
    else:
        assert ack["error"]["code"] == code
    assert (await _standing(db, group, bob))[0] == before
    assert len(await sync(a, group)) == 1


async def test_the_permission_to_add(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A permitted member adds members until it is taken back; each change is one event, no change none."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    add = {"conversationId": group, "userId": carol.id}
    assert (await b.refused("group:member_add", **add))["code"] == "PERMISSION_DENIED"
    permit = {"conversationId": group, "userId": bob.id}
    for _ in range(2):
        ack = await a.do("group:permit", **permit, canAddMembers=True)
        assert set(ack) == {"success", "participant"}
        assert (ack["participant"]["user_id"], ack["participant"]["role"]) == (bob.id, "member")
    push = await b.expect("group:member_updated")
    assert push == _push(group, 2, bob, alice, role="member", canAddMembers=True)
    await b.do("group:member_add", **add)
    for _ in range(2):
        await a.do("group:permit", **permit, canAddMembers=False)
    push = await b.expect("group:member_updated")
    assert push == _push(group, 4, bob, alice, role="member", canAddMembers=False)
    assert (await b.refused("group:member_add", **add))["code"] == "PERMISSION_DENIED"
    kinds = [name for name, _ in await sync(a, group)]
    assert kinds == [
        "group:created",
        "group:member_updated",
        "group:member_added",
        "group:member_updated",
    ]


async def test_an_admin_may_add_in_any_case(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """An admin may add by their role: permitting it is no change, the opposite a conflict, among admins denied."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob, carol)
    for user in (bob, carol):
        await a.do("group:promote", conversationId=group, userId=user.id)
    permit = {"conversationId": group, "userId": carol.id}
    await a.do("group:permit", **permit, canAddMembers=True)
    error = await a.refused("group:permit", **permit, canAddMembers=False)
    assert error["code"] == "CONFLICT"
    error = await b.refused("group:permit", **permit, canAddMembers=True)
    assert error["code"] == "PERMISSION_DENIED"
    assert len(await sync(a, group)) == 3


async def test_a_transfer(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """The new owner owns the group at once, the old one is an admin and may leave; one event says so to all."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    group = await create(a, bob, carol)
    transfer = {"conversationId": group, "userId": bob.id}
    assert await a.do("group:transfer", **transfer) == {"success": True}
    for device in (a, b, c):
        push = await device.expect("group:owner_changed")
        assert push == _push(group, 2, bob, alice, role="owner")
    roles = {alice.id: "admin", bob.id: "owner", carol.id: "member"}
    assert await _roles(a, group) == roles
    assert await _standing(db, group, alice) == ("admin", True)
    assert await _standing(db, group, bob) == ("owner", True)
    shown = (await a.do("chat:conversation_get", conversationId=group))["conversation"]
    assert (shown["my_role"], shown["created_by"]) == ("admin", alice.id)
    assert (await a.refused("group:transfer", **transfer))["code"] == "PERMISSION_DENIED"
    assert (await b.refused("group:leave", conversationId=group))["code"] == "CONFLICT"
    await a.do("group:leave", conversationId=group)
    await b.do("group:demote", conversationId=group, userId=carol.id)


@pytest.mark.parametrize("command", ["promote", "demote", "permit", "transfer"])
async def test_whom_a_role_cannot_be_given(
    command: str, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Oneself is a VALIDATION_ERROR; who is no member, was one, or is nobody is not found: each names userId."""
    a, c = await connect(alice), await connect(carol)
    group = await create(a, carol)
    await c.do("group:leave", conversationId=group)
    more = {"canAddMembers": True} if command == "permit" else {}
    for user_id, code in (
        (alice.id, "VALIDATION_ERROR"),
        (bob.id, "RESOURCE_NOT_FOUND"),
        (carol.id, "RESOURCE_NOT_FOUND"),
        ("nobody", "RESOURCE_NOT_FOUND"),
    ):
        error = await a.refused(f"group:{command}", conversationId=group, userId=user_id, **more)
        assert (error["code"], list(error["fields"])) == (code, ["userId"])
    assert len(await sync(a, group)) == 2


async def test_a_forgotten_member_owns_nothing(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A person who is gone from the users' table can be demoted, but not be made the owner."""
    a = await connect(alice)
    group = await create(a, bob)
    await set_role(db, group, bob, "admin")
    await db.execute("DELETE FROM chat_users WHERE user_id = $1", bob.id)
    error = await a.refused("group:transfer", conversationId=group, userId=bob.id)
    assert (error["code"], list(error["fields"])) == ("RESOURCE_NOT_FOUND", ["userId"])
    await a.do("group:demote", conversationId=group, userId=bob.id)


async def test_a_change_of_role_repeated_with_its_request_id(
    connect: Connect, alice: User, bob: User
) -> None:
    """promote, permit and transfer repeated with their requestId answer as at first, whatever happened since."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    about = {"conversationId": group, "userId": bob.id, "requestId": "r-1"}
    for _ in range(2):
        ack = await a.do("group:promote", **about, role="moderator")
        assert ack["role"] == "moderator"
        await a.do("group:demote", **about | {"requestId": "r-2"})
    for _ in range(2):
        await a.do("group:permit", **about, canAddMembers=True)
        await a.do("group:permit", **about | {"requestId": "r-2"}, canAddMembers=False)
    for _ in range(2):
        await a.do("group:transfer", **about)
    error = await a.refused("group:promote", **about)
    assert error["code"] == "IDEMPOTENCY_CONFLICT"
    assert [name for name, _ in await sync(b, group)] == [
        "group:created",
        "group:member_promoted",
        "group:member_demoted",
        "group:member_updated",
        "group:member_updated",
        "group:owner_changed",
    ]
