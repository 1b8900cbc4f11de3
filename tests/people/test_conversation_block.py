"""Blocking one direct conversation: for both people, by either, until each has taken their own block back."""

import asyncio

import asyncpg

from tests.conftest import Connect, Resume, User
from tests.support.device import Device
from tests.support.talks import group_of, opened, said, sync

Pool = asyncpg.Pool


async def _block(device: Device, conversation_id: str, block: bool) -> tuple[bool, str | None]:
    ack = await device.do("chat:conversation_block", conversationId=conversation_id, block=block)
    assert set(ack) == {"success", "blocked", "blockedBy"}
    return ack["blocked"], ack["blockedBy"]


async def _flags(device: Device, conversation_id: str) -> tuple[bool, bool]:
    ack = await device.do("chat:conversation_get", conversationId=conversation_id)
    return ack["conversation"]["is_blocked"], ack["conversation"]["blocked_by_me"]


async def test_a_block_reaches_every_device_and_keeps_both_from_sending(
    connect: Connect, alice: User, bob: User
) -> None:
    """A block is pushed to all devices of both people; neither can send or open until it is taken back."""
    devices = [await connect(user) for user in (alice, alice, bob, bob)]
    a, b = devices[0], devices[2]
    conversation_id = await opened(a, bob)
    assert await _block(a, conversation_id, True) == (True, alice.id)
    for device in devices:
        assert await device.expect("chat:conversation_blocked") == {
            "conversationId": conversation_id,
            "seq": 2,
            "blocked": True,
            "blockedBy": alice.id,
        }
    assert (await _flags(a, conversation_id), await _flags(b, conversation_id)) == (
        (True, True),
        (True, False),
    )
    for device, other in ((a, bob), (b, alice)):
        for command, payload in (
            ("chat:message_send", {"conversationId": conversation_id, "content": "hi"}),
            ("chat:conversation_open", {"recipientId": other.id}),
        ):
            assert (await device.refused(command, **payload))["code"] == "USER_BLOCKED"
    assert await _block(a, conversation_id, False) == (False, None)
    for device in devices:
        assert await device.expect("chat:conversation_blocked") == {
            "conversationId": conversation_id,
            "seq": 3,
            "blocked": False,
            "blockedBy": None,
        }
    assert await _flags(b, conversation_id) == (False, False)
    await said(b, conversation_id, "hi")


async def test_each_takes_back_their_own_block_alone(
    connect: Connect, alice: User, bob: User
) -> None:
    """Blocked by both, a conversation is blocked until both have unblocked; blockedBy is who still blocks."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    steps = [
        (a, True, (True, alice.id), 2),
        (b, False, (True, alice.id), None),
        (b, True, (True, bob.id), 3),
        (a, True, (True, alice.id), None),
        (a, False, (True, bob.id), 4),
        (a, False, (True, bob.id), None),
        (b, False, (False, None), 5),
        (b, False, (False, None), None),
    ]
    for device, block, state, _ in steps:
        assert await _block(device, conversation_id, block) == state
    expected = [
        (
            "chat:conversation_blocked",
            {"conversationId": conversation_id, "seq": seq, "blocked": blocked, "blockedBy": by},
        )
        for _, _, (blocked, by), seq in steps
        if seq
    ]
    assert await sync(b, conversation_id, after=1) == expected
    for device in (a, b):
        await device.settled()
        assert device.seen("chat:conversation_blocked") == [data for _, data in expected]


async def test_blocks_of_people_are_another_matter(
    connect: Connect, alice: User, bob: User
) -> None:
    """The answer is about the conversation's own blocks; a person's block keeps from sending beside them."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    await b.do("user:block", userId=alice.id)
    assert await _block(a, conversation_id, True) == (True, alice.id)
    assert await _block(a, conversation_id, False) == (False, None)
    assert await _flags(a, conversation_id) == (True, False)
    error = await a.refused("chat:message_send", conversationId=conversation_id, content="hi")
    assert error["code"] == "USER_BLOCKED"


async def test_one_conversation_is_blocked_not_the_person(
    connect: Connect, alice: User, bob: User
) -> None:
    """Another conversation of the same two people, about a product, is not blocked with it."""
    a, b = await connect(alice), await connect(bob)
    plain = await opened(a, bob)
    about = await a.do("chat:conversation_open", recipientId=bob.id, productId="p-1")
    await _block(a, plain, True)
    await said(b, about["conversation"]["id"], "still interested")


async def test_what_a_conversations_block_leaves_open(
    connect: Connect, alice: User, bob: User
) -> None:
    """Other products, groups, and presence by these stay open to the other, until the person is blocked."""
    a, b = await connect(alice), await connect(bob)
    blocked = await opened(a, bob)
    await a.do("chat:conversation_block", conversationId=blocked, block=True)
    for name, payload in (
        ("chat:message_send", {"conversationId": blocked, "content": "hello"}),
        ("chat:conversation_open", {"recipientId": alice.id}),
    ):
        assert (await b.refused(name, **payload))["code"] == "USER_BLOCKED"
    assert (await b.do("presence:list"))["count"] == 0
    await b.do("chat:conversation_open", recipientId=alice.id, productId="zzz")
    await b.do("group:create", title="Climbers", participantIds=[alice.id])
    assert (await b.do("presence:list"))["count"] == 1
    await a.do("user:block", userId=bob.id)
    for name, payload in (
        ("chat:conversation_open", {"recipientId": alice.id, "productId": "yyy"}),
        ("group:create", {"title": "Climbers", "participantIds": [alice.id]}),
    ):
        assert (await b.refused(name, **payload))["code"] == "USER_BLOCKED"
    assert (await b.do("presence:list"))["count"] == 0


async def test_who_may_block_what(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User, carol: User
) -> None:
    """A group cannot be blocked; to who is no member no conversation exists."""
    group_id = await group_of(db, {alice: "owner", bob: "member"})
    a, c = await connect(alice), await connect(carol)
    conversation_id = await opened(a, bob)
    for wanted in (conversation_id, group_id, "0199a0e0-0000-7000-8000-000000000000"):
        error = await c.refused("chat:conversation_block", conversationId=wanted, block=True)
        assert error["code"] == "RESOURCE_NOT_FOUND"
    error = await a.refused("chat:conversation_block", conversationId=group_id, block=True)
    assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", ["conversationId"])
    for wrong in ({}, {"block": None}, {"block": "true"}, {"block": 1}):
        error = await a.refused("chat:conversation_block", conversationId=conversation_id, **wrong)
        assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", ["block"])
    assert await _flags(a, conversation_id) == (False, False)


async def test_a_block_is_repeatable(connect: Connect, alice: User, bob: User) -> None:
    """The same requestId answers what it answered first, and does not block again what was unblocked since."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    block = {"conversationId": conversation_id, "block": True, "requestId": "r-1"}
    acks = await asyncio.gather(*(a.do("chat:conversation_block", **block) for _ in range(10)))
    assert acks == [{"success": True, "blocked": True, "blockedBy": alice.id}] * 10
    await _block(a, conversation_id, False)
    assert await a.do("chat:conversation_block", **block) == acks[0]
    assert await _flags(b, conversation_id) == (False, False)
    error = await a.refused("chat:conversation_block", **{**block, "block": False})
    assert error["code"] == "IDEMPOTENCY_CONFLICT"
    assert [data["seq"] for _, data in await sync(b, conversation_id, after=1)] == [2, 3]


async def test_a_block_between_people_is_told_to_their_conversations(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Whoever blocks whom, every device of both learns what their conversations show, both times."""
    devices = [await connect(user) for user in (alice, alice, bob, bob)]
    a, b, c = devices[0], devices[2], await connect(carol)
    plain = await opened(a, bob)
    about = (await a.do("chat:conversation_open", recipientId=bob.id, productId="p-1"))[
        "conversation"
    ]["id"]
    elsewhere = await opened(c, bob)
    for block, by in ((True, alice.id), (False, None)):
        await a.do("user:block" if block else "user:unblock", userId=bob.id)
        for device in devices:
            for talk in (plain, about):
                told = await device.expect(
                    "chat:conversation_blocked",
                    lambda data, talk=talk: data["conversationId"] == talk,
                )
                assert (told["blocked"], told["blockedBy"]) == (block, by)
        for talk in (plain, about):
            assert await _flags(a, talk) == (block, block)
            assert await _flags(b, talk) == (block, False)
    # Doing it again is no change.
    await a.do("user:unblock", userId=bob.id)
    await b.settled()
    assert b.seen("chat:conversation_blocked") == []
    assert [name for name, _ in await sync(b, plain)] == [
        "chat:conversation_created",
        "chat:conversation_blocked",
        "chat:conversation_blocked",
    ]
    assert len(await sync(b, elsewhere)) == 1


async def test_what_is_told_is_what_is_shown(connect: Connect, alice: User, bob: User) -> None:
    """However the two kinds of blocks of both people come and go, the push says what `is_blocked` says."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)

    async def person(device: Device, other: User, block: bool) -> None:
        await device.do("user:block" if block else "user:unblock", userId=other.id)

    async def conversation(device: Device, _other: User, block: bool) -> None:
        await _block(device, talk, block)

    steps = [
        (person, a, bob, True, (True, alice.id)),
        (conversation, b, alice, True, (True, bob.id)),
        (person, b, alice, True, (True, bob.id)),
        (conversation, b, alice, False, (True, bob.id)),
        (person, a, bob, False, (True, bob.id)),
        (conversation, a, bob, True, (True, alice.id)),
        (person, b, alice, False, (True, alice.id)),
        (conversation, a, bob, False, (False, None)),
    ]
    for seq, (kind, device, other, block, shown) in enumerate(steps, start=2):
        await kind(device, other, block)
        for each, user in ((a, alice), (b, bob)):
            told = await each.expect("chat:conversation_blocked")
            assert (told["seq"], told["blocked"], told["blockedBy"]) == (seq, *shown)
            is_blocked, by_me = await _flags(each, talk)
            assert is_blocked is shown[0]
            assert by_me or shown[1] != user.id


async def test_who_was_away_learns_of_a_block(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """A block between people is in the log of their conversation: a client that comes back is told."""
    a, b = await connect(alice), await resume(bob)
    talk = await opened(a, bob)
    await b.expect("chat:conversation_created")
    await b.drop()
    await a.do("user:block", userId=bob.id)
    await b.connect()
    told, *_ = await b.expect("chat:conversation_blocked")
    assert (told["conversationId"], told["blocked"]) == (talk, True)


async def test_a_hundred_conversations_are_told_of_a_block(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """Of more than a hundred conversations of two people those are told that were last active."""
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    await db.execute(
        """
        WITH made AS (
            INSERT INTO conversations (id, type, product_id, user_low, user_high, created_by, member_count,
                                       created_at, last_seq, last_xact)
            SELECT gen_random_uuid(), 'direct', 'p-' || n, user_low, user_high, created_by, 2,
                   created_at - interval '1 hour', 1, pg_current_xact_id()
            FROM conversations, generate_series(1, 120) n WHERE id = $1::text::uuid RETURNING id)
        INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at)
        SELECT made.id, p.user_id, 1, 'member', now() FROM made, participants p
        WHERE p.conversation_id = $1::text::uuid
        """,
        talk,
    )
    await a.do("user:block", userId=bob.id)
    told = await db.fetch(
        "SELECT e.stream_id::text AS id FROM events e JOIN conversations c ON c.id = e.stream_id "
        "WHERE e.kind = 'chat:conversation_blocked' AND $1 IN (c.user_low, c.user_high)",
        alice.id,
    )
    assert len(told) == 100
    assert talk in {row["id"] for row in told}
    assert (await b.expect("chat:conversation_blocked"))["blockedBy"] == alice.id
