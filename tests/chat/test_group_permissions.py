"""What nobody may do in a group; who may do what is `test_authorisation`."""

import pytest

from tests.conftest import Connect, User
from tests.support.groups import create


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


async def test_nobody_removes_the_owner(connect: Connect, alice: User, bob: User) -> None:
    """An admin, too, is denied to remove the owner."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await a.do("group:promote", conversationId=group, userId=bob.id)
    error = await b.refused("group:member_remove", conversationId=group, userId=alice.id)
    assert error["code"] == "PERMISSION_DENIED"
