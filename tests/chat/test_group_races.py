"""Changes of membership against each other and against sends; and each of them repeated.

Each race is forced: another connection holds the group's lock until the server is seen to wait for it.
"""

import asyncio
from uuid import UUID

import asyncpg

from tests.conftest import Connect, User
from tests.support.groups import create, lock_held, stream

Pool = asyncpg.Pool


async def test_a_removal_beats_a_send_that_waits_for_it(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A send of the removed person that waits behind the removal is refused, and burns no seq."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    async with lock_held(db, group) as queue:
        removal = await queue.then(a.do("group:member_remove", conversationId=group, userId=bob.id))
        send = await queue.then(
            b.refused("chat:message_send", conversationId=group, content="too late")
        )
    await removal
    assert (await send)["code"] == "RESOURCE_NOT_FOUND"
    assert await stream(db, group) == [(1, "group:created"), (2, "group:member_removed")]


async def test_a_send_that_came_first_reaches_who_is_removed_next(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A message before the removal is received by the removed person, then their removal, then nothing."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    # Of a device of its own: a device's changes wait for one another before they wait for the lock.
    other = await connect(alice)
    async with lock_held(db, group) as queue:
        await queue.then(other.do("chat:message_send", conversationId=group, content="in time"))
        removed = await queue.then(a.do("group:member_remove", conversationId=group, userId=bob.id))
    await removed
    await other.do("chat:message_send", conversationId=group, content="too late")
    await b.expect("group:member_removed", take=False)
    await b.settled()
    seqs = [data["seq"] for name, data in b.pushes if name.split(":")[0] in ("chat", "group")]
    assert seqs == [1, 2, 3]


async def test_the_last_place_is_taken_once(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Two adds that both saw a free place take it once: the second is a conflict."""
    devices = [await connect(alice) for _ in range(2)]
    group = await create(devices[0], maxMembers=2)
    async with lock_held(db, group) as queue:
        adds = [
            await queue.then(
                device.ask("group:member_add", {"conversationId": group, "userId": user.id})
            )
            for device, user in zip(devices, (bob, carol), strict=True)
        ]
    acks = await asyncio.gather(*adds)
    assert [ack["success"] for ack in acks] == [True, False]
    assert acks[1]["error"]["code"] == "CONFLICT"  # type: ignore[index]
    shown = (await devices[0].do("chat:conversation_get", conversationId=group))["conversation"]
    assert (shown["member_count"], shown["last_seq"]) == (2, 2)


async def test_a_block_beats_an_add_that_waits(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A block that commits while an add waits for the group's lock is seen by it."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a)
    async with lock_held(db, group) as queue:
        add = await queue.then(a.refused("group:member_add", conversationId=group, userId=bob.id))
        await b.do("user:block", userId=alice.id)
    assert (await add)["code"] == "USER_BLOCKED"
    assert await stream(db, group) == [(1, "group:created")]


async def test_an_adder_who_is_removed_meanwhile_adds_nobody(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """An add that waits behind the removal of its own adder is refused."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await db.execute(
        "UPDATE participants SET can_add_members = true WHERE conversation_id = $1", UUID(group)
    )
    async with lock_held(db, group) as queue:
        removal = await queue.then(a.do("group:member_remove", conversationId=group, userId=bob.id))
        add = await queue.then(b.refused("group:member_add", conversationId=group, userId=carol.id))
    await removal
    assert (await add)["code"] == "RESOURCE_NOT_FOUND"


async def test_adding_one_person_at_once_from_everywhere(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Thirty concurrent adds of one person are one membership and one event."""
    devices = [await connect(alice) for _ in range(3)]
    group = await create(devices[0])
    acks = await asyncio.gather(
        *(
            devices[n % 3].do("group:member_add", conversationId=group, userId=bob.id)
            for n in range(30)
        )
    )
    assert {ack["participant"]["user_id"] for ack in acks} == {bob.id}
    assert await stream(db, group) == [(1, "group:created"), (2, "group:member_added")]


async def test_coming_and_going_keeps_the_count(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Concurrent adds, removals, leavings and sends leave seqs without gaps, and the count that is."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    group = await create(a, bob, carol)
    await asyncio.gather(
        *(
            device.ask(name, {"conversationId": group, **payload})
            for _ in range(15)
            for device, name, payload in (
                (b, "group:leave", {}),
                (a, "group:member_add", {"userIds": [bob.id, carol.id]}),
                (c, "chat:message_send", {"content": "hello"}),
                (a, "group:member_remove", {"userId": carol.id}),
                (b, "chat:message_send", {"content": "hello"}),
                (a, "group:member_add", {"userId": carol.id}),
            )
        )
    )
    events = await stream(db, group)
    assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
    row = await db.fetchrow(
        "SELECT c.last_seq, c.member_count, (SELECT count(*) FROM participants p "
        "WHERE p.conversation_id = c.id AND p.left_seq IS NULL) AS present FROM conversations c WHERE id = $1",
        UUID(group),
    )
    assert (row["last_seq"], row["member_count"]) == (len(events), row["present"])
    # Everybody heard exactly what was committed while they were members, in its order.
    for device, user in ((a, alice), (b, bob), (c, carol)):
        spans = await db.fetch(
            "SELECT joined_seq, left_seq FROM participants WHERE conversation_id = $1 AND user_id = $2",
            UUID(group),
            user.id,
        )
        entitled = [
            seq
            for seq, _ in events
            if any(r["joined_seq"] <= seq <= (r["left_seq"] or seq) for r in spans)
        ]
        last = entitled[-1]
        await device.expect(dict(events)[last], lambda d, seq=last: d.get("seq") == seq, take=False)
        await device.settled()
        heard = [
            data["seq"]
            for name, data in device.pushes
            if name.split(":")[0] in ("chat", "group") and data.get("conversationId") == group
        ]
        assert heard == entitled


async def test_a_change_repeated_with_its_request_id(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """add, remove and leave repeated with their requestId answer as at first, whatever happened since."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    add = {"conversationId": group, "userIds": [carol.id, bob.id], "requestId": "r-1"}
    remove = {"conversationId": group, "userId": carol.id, "requestId": "r-1"}
    first = await a.do("group:member_add", **add)
    assert await a.do("group:member_add", **add) == first
    for _ in range(2):
        await a.do("group:member_remove", **remove)
        assert await a.do("group:member_add", **add) == first, "Carol is not added again"
    error = await a.refused("group:member_remove", **remove | {"userId": bob.id})
    assert error["code"] == "IDEMPOTENCY_CONFLICT"
    leave = {"conversationId": group, "requestId": "r-1"}
    for _ in range(2):
        await b.do("group:leave", **leave)
    assert [kind for _, kind in await stream(db, group)] == [
        "group:created",
        "group:member_added",
        "group:member_removed",
        "group:member_left",
    ]
