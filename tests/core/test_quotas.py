"""How much one person may open, create, be added to and keep: over all doors, processes and restarts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg

from tests.conftest import Connect, MakeUser, User
from tests.support.device import Device
from tests.support.groups import create, crowd_of
from tests.support.http import request
from tests.support.servers import Server, local_server
from tests.support.talks import opened, said

Pool = asyncpg.Pool
HOUR, DAY = 3600, 24 * 3600


def limited(error: dict[str, Any], most: int) -> None:
    """The error is about a limit, and says when to come back."""
    assert error["code"] == "RATE_LIMIT_EXCEEDED", error
    assert error["retryable"] is True
    assert "Please wait" in error["details"]
    assert 0 < error["retryAfter"] <= most


async def _open(server: Server, device: Device, user: User, other: User) -> list[dict[str, Any]]:
    """What somebody is told who opens a conversation with another in each way."""
    body = {"user_id": other.id}
    answer = await request("POST", f"{server.url}/api/conversations/direct", user, json=body)
    assert answer.status == {"CONFLICT": 409, "RATE_LIMIT_EXCEEDED": 429}[answer.error["code"]]
    return [
        await device.refused("chat:conversation_open", recipientId=other.id),
        await device.refused("chat:conversation_open", recipientId=other.id, requestId="r-1"),
        await device.refused("chat:message_send", recipientId=other.id, content="hello"),
        answer.error,
    ]


async def test_openings_of_an_hour(
    dsn: str, connect: Connect, make_user: MakeUser, alice: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Past CONVERSATIONS_PER_HOUR nobody opens another in any way, also after a restart; found ones are free."""
    others = [await make_user("other") for _ in range(5)]
    limits = {"CONVERSATIONS_PER_HOUR": "3"}
    async with local_server(dsn, **limits) as server:
        a, b = await connect(alice, server.url), await connect(others[4], server.url)
        first = await opened(a, others[0])
        await a.do("chat:message_send", recipientId=others[1].id, content="hello")
        await a.do("chat:conversation_open", recipientId=others[0].id, productId="bicycle")
        for error in await _open(server, a, alice, others[2]):
            limited(error, HOUR)
        assert await opened(a, others[0]) == first
        await a.do("chat:message_send", recipientId=others[1].id, content="hello again")
        # Whom others open one with pays nothing.
        await opened(b, alice)
        assert b.seen("error") == []
    async with local_server(dsn, **limits) as server:
        a = await connect(alice, server.url)
        for error in await _open(server, a, alice, others[2]):
            limited(error, HOUR)
        await db.execute(
            "UPDATE conversations SET created_at = created_at - interval '1 hour' WHERE id = $1",
            UUID(first),
        )
        await opened(a, others[2])
        limited(await a.refused("chat:conversation_open", recipientId=others[3].id), HOUR)


async def test_openings_at_once(
    dsn: str, connect: Connect, make_user: MakeUser, alice: User
) -> None:
    """Of many openings at the same moment, over several servers, as many succeed as may."""
    others = [await make_user("other") for _ in range(12)]
    limits = {"CONVERSATIONS_PER_HOUR": "5", "MAX_CONVERSATIONS": "5"}
    async with local_server(dsn, **limits) as one, local_server(dsn, **limits) as two:
        devices = [await connect(alice, server.url) for server in (one, two)]
        acks = await asyncio.gather(
            *(
                devices[n % 2].ask("chat:conversation_open", {"recipientId": other.id})
                for n, other in enumerate(others)
            )
        )
        assert sum(ack["success"] for ack in acks) == 5


async def test_who_opens_pays(
    dsn: str, connect: Connect, make_user: MakeUser, alice: User, bob: User
) -> None:
    """Who has opened MAX_CONVERSATIONS opens no more; with whom others have opened as many goes on opening."""
    *others, stranger = [await make_user("other") for _ in range(6)]
    async with local_server(dsn, MAX_CONVERSATIONS="3") as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        for other in others:
            await opened(await connect(other, server.url), bob)
        for number in range(3):
            await a.do("chat:conversation_open", recipientId=bob.id, productId=f"invented {number}")
        for error in await _open(server, a, alice, others[0]):
            assert error["code"] == "CONFLICT"
        assert (await a.refused("group:create", title="Climbers"))["code"] == "CONFLICT"
        for other in (alice, others[0], others[1]):
            await b.do("chat:conversation_open", recipientId=other.id, productId="bob's own")
        for error in await _open(server, b, bob, stranger):
            assert error["code"] == "CONFLICT"


async def test_groups_of_others_shut_nobody_out(
    dsn: str, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Who is full is named to whoever adds them, or creates a group with them; they go on opening their own."""
    async with local_server(dsn, MAX_CONVERSATIONS="2") as server:
        a, b, c = [await connect(user, server.url) for user in (alice, bob, carol)]
        groups = [await create(a, bob) for _ in range(2)]
        own = await create(c)
        for name, payload, field in (
            (
                "group:create",
                {"title": "x", "participantIds": [alice.id, bob.id]},
                "participantIds",
            ),
            ("group:member_add", {"conversationId": own, "userId": bob.id}, "userId"),
            ("group:member_add", {"conversationId": own, "userIds": [bob.id]}, "userIds"),
        ):
            error = await c.refused(name, **payload)
            assert error["code"] == "CONFLICT", error
            assert f"Has too many conversations: {bob.id}" in error["fields"][field]
        assert (await a.refused("group:create", title="x"))["code"] == "CONFLICT"
        for other in (alice, carol):
            await opened(b, other)
        assert (await b.refused("group:create", title="x"))["code"] == "CONFLICT"
        # Who leaves has room again.
        for group in groups:
            await b.do("group:leave", conversationId=group)
        assert (await c.refused("group:member_add", conversationId=own, userId=bob.id))[
            "code"
        ] == "CONFLICT"
        await c.do("group:create", title="Bob is still full of his own")
        await a.do("group:delete", conversationId=groups[0])
        await a.do("group:create", title="there is room again")


async def test_groups_of_a_day(
    dsn: str, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Past GROUPS_PER_DAY nobody creates another, deleted ones included; being in others' groups costs nothing."""
    async with local_server(dsn, GROUPS_PER_DAY="2") as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        first = await create(a, bob)
        await a.do("group:delete", conversationId=first)
        await create(a, bob)
        limited(await a.refused("group:create", title="x"), DAY)
        body = {"title": "x", "participant_ids": [bob.id]}
        answer = await request("POST", f"{server.url}/api/conversations/group", alice, json=body)
        assert answer.status == 429
        assert answer.headers["Retry-After"] == str(answer.error["retryAfter"])
        for _ in range(2):
            await create(b, alice)
        await db.execute(
            "UPDATE conversations SET created_at = created_at - interval '1 day' WHERE id = $1",
            UUID(first),
        )
        await create(a)
        limited(await a.refused("group:create", title="x"), DAY)


async def test_no_quotas(dsn: str, connect: Connect, make_user: MakeUser, alice: User) -> None:
    """0 is no limit."""
    names = ("CONVERSATIONS_PER_HOUR", "MAX_CONVERSATIONS", "GROUPS_PER_DAY", "JOINS_PER_HOUR")
    other = await make_user("other")
    async with local_server(dsn, **dict.fromkeys(names, "0")) as server:
        a = await connect(alice, server.url)
        for number in range(101):
            await a.do("chat:conversation_open", recipientId=other.id, productId=f"{number}")
        for _ in range(51):
            group = await create(a)
        for _ in range(12):
            await a.do("group:member_add", conversationId=group, userId=other.id)
            await a.do("group:member_remove", conversationId=group, userId=other.id)


async def _memberships(db: "Pool[asyncpg.Record]", group: str, user: User) -> int:
    count: int = await db.fetchval(
        "SELECT count(*) FROM participants WHERE conversation_id = $1 AND user_id = $2",
        UUID(group),
        user.id,
    )
    return count


async def test_adding_and_removing_somebody_again_and_again(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Of 100 times, ten reach the person within an hour; whoever adds is told whom; others can be added."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a)
    refusals = []
    for number in range(100):
        payload = {"conversationId": group, "userId": bob.id}
        if number % 2:
            payload = {"conversationId": group, "userIds": [bob.id]}
        ack = await a.ask("group:member_add", payload)
        if ack["success"]:
            await a.do("group:member_remove", conversationId=group, userId=bob.id)
        else:
            refusals.append(ack["error"])
    for number, error in enumerate(refusals):
        limited(error, HOUR)
        assert error["fields"] == {
            ("userIds" if number % 2 else "userId"): [f"Was added too often: {bob.id}"]
        }
    await b.settled()
    heard = [name for name, _ in b.pushes if name.startswith("group:")]
    assert heard == ["group:member_added", "group:member_removed"] * 10
    assert await _memberships(db, group, bob) == 10
    # An hour later: of what is over, the last is kept.
    await db.execute(
        "UPDATE participants SET joined_at = joined_at - interval '1 hour', "
        "joins_since = joins_since - interval '1 hour' WHERE conversation_id = $1",
        UUID(group),
    )
    for _ in range(2):
        await a.do("group:member_add", conversationId=group, userId=bob.id)
        await a.do("group:member_remove", conversationId=group, userId=bob.id)
    assert await _memberships(db, group, bob) == 2
    await a.do("group:member_add", conversationId=group, userId=carol.id)


async def test_leaving_and_being_added_again(
    dsn: str, connect: Connect, alice: User, bob: User
) -> None:
    """It is the same who leaves by themselves; members of the beginning have been added once."""
    async with local_server(dsn, JOINS_PER_HOUR="2") as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        group = await create(a, bob)
        await b.do("group:leave", conversationId=group)
        await a.do("group:member_add", conversationId=group, userId=bob.id)
        await b.do("group:leave", conversationId=group)
        limited(await a.refused("group:member_add", conversationId=group, userId=bob.id), HOUR)
        assert (await create(a, bob)) != group


async def _kept(db: "Pool[asyncpg.Record]", user: User) -> int:
    count: int = await db.fetchval("SELECT count(*) FROM requests WHERE user_id = $1", user.id)
    return count


async def test_answers_that_are_kept(
    dsn: str, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Of one person's requests the latest are kept, and repeat their answers; those before are forgotten."""
    async with local_server(dsn, MAX_KEPT_ANSWERS="20") as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        conversation_id = await opened(a, bob)
        await said(a, conversation_id, "hello")
        await b.do(
            "chat:message_read", conversationId=conversation_id, upToSeq=9, requestId="other's"
        )

        async def read(number: int) -> int:
            receipt = {"conversationId": conversation_id, "upToSeq": 2, "requestId": f"r-{number}"}
            return int((await a.do("chat:message_read", **receipt))["updatedCount"])

        async def block(number: int) -> None:
            name = ("user:block", "user:unblock")[number % 2]
            await a.do(name, userId=bob.id, requestId=f"r-{number}")

        ways: tuple[Callable[[int], Awaitable[object]], ...] = (read, block)
        for way in ways:
            for number in range(80):
                await way(number)
            assert 20 <= await _kept(db, alice) < 20 + 50
        assert await _kept(db, bob) == 1
        events = await db.fetchval("SELECT count(*) FROM events WHERE actor_id = $1", alice.id)
        await block(79)
        assert events == await db.fetchval(
            "SELECT count(*) FROM events WHERE actor_id = $1", alice.id
        )


async def test_a_token_leaves_no_answer(
    connect: Connect, alice: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A newer token 200 times, or presence, with requestIds, leaves no row."""
    a = await connect(alice)
    for number in range(200):
        await a.do("session:refresh", token=alice.token, requestId=f"r-{number}")
    for number in range(10):
        await a.do("presence:offline", requestId=f"r-{number}")
        await a.do("presence:online", requestId=f"r-{number}")
    assert await _kept(db, alice) == 0


async def test_signs_on_messages(
    dsn: str, connect: Connect, make_user: MakeUser, alice: User, bob: User, carol: User
) -> None:
    """A message has MAX_REACTIONS, a conversation MAX_PINS, a person MAX_BLOCKS: one more is CONFLICT."""
    limits = {"MAX_REACTIONS": "2", "MAX_PINS": "2", "MAX_BLOCKS": "2"}
    async with local_server(dsn, **limits) as server:
        a, b, c = [await connect(user, server.url) for user in (alice, bob, carol)]
        group = await create(a, bob, carol)
        sent = [(await said(a, group, f"{n}"))["id"] for n in range(3)]
        for device in (a, b):
            await device.do("chat:reaction_add", messageId=sent[0], reaction="👍")
        error = await c.refused("chat:reaction_add", messageId=sent[0], reaction="👍")
        assert error["code"] == "CONFLICT"
        await b.do("chat:reaction_add", messageId=sent[0], reaction="🎉")
        await a.do("chat:reaction_remove", messageId=sent[0])
        await c.do("chat:reaction_add", messageId=sent[0], reaction="👍")
        for message in sent[:2]:
            await a.do("chat:message_pin", messageId=message)
        await a.do("chat:message_pin", messageId=sent[0])
        assert (await a.refused("chat:message_pin", messageId=sent[2]))["code"] == "CONFLICT"
        await a.do("chat:message_unpin", messageId=sent[0])
        await a.do("chat:message_pin", messageId=sent[2])
        people = [await make_user("blocked") for _ in range(3)]
        for person in people[:2]:
            await a.do("user:block", userId=person.id)
        await a.do("user:block", userId=people[0].id)
        assert (await a.refused("user:block", userId=people[2].id))["code"] == "CONFLICT"
        await a.do("user:unblock", userId=people[0].id)
        await a.do("user:block", userId=people[2].id)


async def test_a_full_message_of_strangers(
    dsn: str, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Who may not see a message is not told that it has as many reactions, or pins, as may be."""
    async with local_server(dsn, MAX_REACTIONS="1", MAX_PINS="1") as server:
        a, c = await connect(alice, server.url), await connect(carol, server.url)
        conversation_id = await opened(a, bob)
        message = (await said(a, conversation_id, "hello"))["id"]
        await a.do("chat:reaction_add", messageId=message, reaction="👍")
        await a.do("chat:message_pin", messageId=message)
        for name, more in (("chat:reaction_add", {"reaction": "👍"}), ("chat:message_pin", {})):
            error = await c.refused(name, messageId=message, **more)
            assert error["code"] == "RESOURCE_NOT_FOUND"


async def test_gaps_in_what_was_read(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Who reads every other message has no more than a thousand gaps: what is before the latest 500 is read."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "hello")

    async def set_read(count: int) -> None:
        # Every third seq after the message's, as if there were messages.
        await db.execute(
            "UPDATE participants SET read_seqs = (SELECT range_agg(int8range(3 * n, 3 * n + 1)) "
            "FROM generate_series(2, $3::int + 1) n) WHERE conversation_id = $1 AND user_id = $2",
            UUID(conversation_id),
            bob.id,
            count,
        )

    async def ranges() -> list[tuple[int, int]]:
        rows = await db.fetch(
            "SELECT lower(r) AS low, upper(r) AS high FROM participants p, unnest(p.read_seqs) r "
            "WHERE conversation_id = $1 AND user_id = $2 ORDER BY 1",
            UUID(conversation_id),
            bob.id,
        )
        return [tuple(row) for row in rows]

    await set_read(999)
    await b.do("chat:message_read", messageId=sent["id"])
    assert len(await ranges()) == 1_000
    await set_read(1_000)
    await b.do("chat:message_read", messageId=sent["id"])
    found = await ranges()
    assert len(found) == 500
    assert found[0] == (1, 3 * 502 + 1)
    assert found[-1] == (3 * 1_001, 3 * 1_001 + 1)


async def test_a_crowd_is_added_within_bounds(
    dsn: str, connect: Connect, alice: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A group of a thousand is created as one, also where everybody's conversations are counted."""
    async with local_server(dsn) as server:
        a = await connect(alice, server.url)
        people = await crowd_of(db, 1_000)
        ack = await a.do("group:create", title="x", participantIds=people, maxMembers=1_001)
        assert ack["conversation"]["member_count"] == 1_001
