"""Changes of roles, names and ends of groups against each other; forced, as in test_group_races."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from tests.conftest import Connect, MakeUser, User
from tests.support.groups import create, crowd_of, lock_held, stream
from tests.support.talks import until_waiting

Pool = asyncpg.Pool


async def test_who_is_demoted_meanwhile_changes_nothing(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """What an admin asks behind their own demotion is refused: the lock comes first, and then the look."""
    a, *devices = [await connect(user) for user in (alice, bob, bob, bob)]
    group = await create(a, bob)
    about = {"conversationId": group, "userId": bob.id}
    await a.do("group:promote", **about)
    async with lock_held(db, group) as queue:
        demotion = await queue.then(a.do("group:demote", **about))
        late = [
            await queue.then(device.refused(command, conversationId=group, **payload))
            for device, command, payload in zip(
                devices,
                ("group:update", "group:announce", "group:member_add"),
                ({"title": "Mine"}, {"content": "Hear, hear"}, {"userId": alice.id}),
                strict=True,
            )
        ]
    await demotion
    assert {error["code"] for error in await asyncio.gather(*late)} == {"PERMISSION_DENIED"}
    assert len(await stream(db, group)) == 3


async def test_a_group_changes_hands_once(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Of two transfers by one owner the second is refused, so there is never but one owner."""
    one, two = await connect(alice), await connect(alice)
    group = await create(one, bob, carol)
    async with lock_held(db, group) as queue:
        first = await queue.then(one.do("group:transfer", conversationId=group, userId=bob.id))
        second = await queue.then(
            two.refused("group:transfer", conversationId=group, userId=carol.id)
        )
    await first
    assert (await second)["code"] == "PERMISSION_DENIED"
    owners = await db.fetch(
        "SELECT user_id FROM participants WHERE conversation_id = $1 AND role = 'owner'",
        UUID(group),
    )
    assert [row["user_id"] for row in owners] == [bob.id]


async def test_who_leaves_is_not_made_the_owner(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A transfer that waits behind the leaving of the person named finds no member."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    async with lock_held(db, group) as queue:
        leaving = await queue.then(b.do("group:leave", conversationId=group))
        transfer = await queue.then(
            a.refused("group:transfer", conversationId=group, userId=bob.id)
        )
    await leaving
    assert (await transfer)["code"] == "RESOURCE_NOT_FOUND"


async def test_nothing_follows_the_end(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """What waits behind a deletion finds no group: sends, adds, and another deletion."""
    a, a2, b = [await connect(user) for user in (alice, alice, bob)]
    group = await create(a, bob)
    async with lock_held(db, group) as queue:
        end = await queue.then(a.do("group:delete", conversationId=group))
        late = [
            await queue.then(b.refused("chat:message_send", conversationId=group, content="hm")),
            await queue.then(a2.refused("group:member_add", conversationId=group, userId=carol.id)),
        ]
    await end
    late.append(asyncio.ensure_future(a.refused("group:delete", conversationId=group)))
    assert {error["code"] for error in await asyncio.gather(*late)} == {"RESOURCE_NOT_FOUND"}
    assert [kind for _, kind in await stream(db, group)] == ["group:created", "group:deleted"]


async def test_a_lower_maximum_and_an_add(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """An add behind a lowered maximum finds the group full, and a lowering behind an add finds too many."""
    one, two = await connect(alice), await connect(alice)
    for first_adds in (False, True):
        group = await create(one, maxMembers=3)
        await one.do("group:member_add", conversationId=group, userId=(await _another(db)))
        add = ("group:member_add", {"conversationId": group, "userId": bob.id})
        lower = ("group:update", {"conversationId": group, "maxMembers": 2})
        order = (add, lower) if first_adds else (lower, add)
        async with lock_held(db, group) as queue:
            acks = [
                await queue.then(device.ask(*asked))
                for device, asked in zip((one, two), order, strict=True)
            ]
        first, second = await asyncio.gather(*acks)
        assert first["success"] is True
        assert second["error"]["code"] == "CONFLICT"  # type: ignore[index]


async def _another(db: "Pool[asyncpg.Record]") -> str:
    (user_id,) = await crowd_of(db, 1)
    return user_id


async def test_the_places_are_taken_once_each(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Of sixty adds at once by two people, as many come in as there are places, and not one more."""
    devices = [await connect(user) for user in (alice, alice, bob)]
    group = await create(devices[0], bob, maxMembers=20)
    await devices[0].do("group:promote", conversationId=group, userId=bob.id)
    acks = await asyncio.gather(
        *(
            devices[n % 3].ask("group:member_add", {"conversationId": group, "userId": user_id})
            for n, user_id in enumerate(await crowd_of(db, 60))
        )
    )
    refused = [ack["error"]["code"] for ack in acks if not ack["success"]]
    assert (len(acks) - len(refused), set(refused)) == (18, {"CONFLICT"})
    page = await devices[2].do("group:members", conversationId=group)
    assert (page["total"], len(page["participants"])) == (20, 20)


@pytest.mark.parametrize("command", ["group:transfer", "group:delete"])
async def test_rows_of_members_are_locked_in_one_order(
    command: str, connect: Connect, make_user: MakeUser, db: "Pool[asyncpg.Record]"
) -> None:
    """A change of several members locks their rows in the order in which receipts do, so no two wait in a ring."""
    lower, upper = await make_user("a-member"), await make_user("b-owner")
    device = await connect(upper)
    # The owner's row was written first, and comes second.
    group = await create(device, lower)
    payload = {"userId": lower.id} if command == "group:transfer" else {}
    row = "SELECT FROM participants WHERE conversation_id = $1 AND user_id = $2 FOR UPDATE"
    async with db.acquire() as connection, connection.transaction():
        await connection.execute(row, UUID(group), lower.id)
        change = asyncio.ensure_future(device.do(command, conversationId=group, **payload))
        await until_waiting(connection, 1)
        await connection.execute("SET LOCAL lock_timeout = '2s'")
        await connection.execute(row, UUID(group), upper.id)
    await change
