"""Reactions: one per person and message; the same again takes it away, another takes its place."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.talks import group_of, history, opened, said, sync

Pool = asyncpg.Pool

FAMILY = "👨‍👩‍👧‍👦"  # seven code points


async def test_a_reaction_reaches_every_device_of_both(
    connect: Connect, alice: User, bob: User
) -> None:
    """A reaction is acked, pushed to all devices of both people in the next seq, and part of the message."""
    devices = [await connect(user) for user in (alice, alice, bob, bob)]
    a, b = devices[0], devices[2]
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "hello")
    ack = await b.do("chat:reaction_add", messageId=sent["id"], reaction=FAMILY)
    assert ack == {"success": True, "reaction": FAMILY, "removed": False}
    reaction = {"user_id": bob.id, "username": bob.id, "reaction": FAMILY}
    for device in devices:
        assert await device.expect("chat:reaction_added") == {
            "conversationId": conversation_id,
            "seq": 3,
            "messageId": sent["id"],
            "reaction": reaction,
        }
    assert await history(a, conversation_id) == [
        {**sent, "reactions": [reaction], "updated_seq": 3}
    ]
    assert await b.do("chat:reaction_remove", messageId=sent["id"]) == {"success": True}
    for device in devices:
        assert await device.expect("chat:reaction_removed") == {
            "conversationId": conversation_id,
            "seq": 4,
            "messageId": sent["id"],
            "userId": bob.id,
        }
    assert await history(a, conversation_id) == [{**sent, "updated_seq": 4}]


async def test_the_same_again_takes_it_away_and_another_replaces_it(
    connect: Connect, alice: User, bob: User
) -> None:
    """A person has one reaction per message, two people have two, in the order in which they were set."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "hello")
    seen = []
    for device, reaction, removed in (
        (b, "👍", False),
        (a, "👍", False),
        (b, "😂", False),
        (b, "😂", True),
        (b, "👍", False),
    ):
        ack = await device.do("chat:reaction_add", messageId=sent["id"], reaction=reaction)
        assert (ack["reaction"], ack["removed"]) == (reaction, removed)
        (message,) = await history(a, conversation_id)
        seen.append([(r["user_id"], r["reaction"]) for r in message["reactions"]])
    mine, theirs = (alice.id, "👍"), (bob.id, "👍")
    assert seen == [
        [theirs],
        [theirs, mine],
        [mine, (bob.id, "😂")],
        [mine],
        [mine, theirs],
    ]
    events = await sync(a, conversation_id, after=2)
    assert [
        (name, data["seq"], data["reaction"]["reaction"] if "reaction" in data else data["userId"])
        for name, data in events
    ] == [
        ("chat:reaction_added", 3, "👍"),
        ("chat:reaction_added", 4, "👍"),
        ("chat:reaction_added", 5, "😂"),
        ("chat:reaction_removed", 6, bob.id),
        ("chat:reaction_added", 7, "👍"),
    ]


async def test_removing_what_is_not_there_is_done_already(
    connect: Connect, alice: User, bob: User
) -> None:
    """Removing a reaction that is not there, or another than the one named, succeeds without an event."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "hello")
    await b.do("chat:reaction_add", messageId=sent["id"], reaction="👍")
    for device, named in ((a, {}), (a, {"reaction": "👍"}), (b, {"reaction": "😂"})):
        ack = await device.do("chat:reaction_remove", messageId=sent["id"], **named)
        assert ack == {"success": True}
    assert len(await sync(a, conversation_id, after=3)) == 0
    await b.do("chat:reaction_remove", messageId=sent["id"], reaction="👍")
    assert (await a.expect("chat:reaction_removed"))["seq"] == 4


@pytest.mark.parametrize("reaction", ["", "  ", "x" * 65, "a\0", "\ud83d", 5, None, ["👍"]])
async def test_reactions_that_are_wrong(
    reaction: object, connect: Connect, alice: User, bob: User
) -> None:
    """A reaction is 1 to 64 characters, not blank, without NUL or lone surrogates."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "hello")
    error = await a.refused("chat:reaction_add", messageId=sent["id"], reaction=reaction)
    assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", ["reaction"])
    longest = await a.do("chat:reaction_add", messageId=sent["id"], reaction="x" * 64)
    assert longest["removed"] is False


async def test_members_alone_react(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User, carol: User
) -> None:
    """To who is no member, or was one, the message does not exist; members of a group react all."""
    group_id = await group_of(db, {alice: "owner", bob: "member"})
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    sent = await said(a, group_id, "hello")
    for command, more in (
        ("chat:reaction_add", {"reaction": "👍"}),
        ("chat:reaction_remove", {}),
    ):
        errors = [
            await c.refused(command, messageId=wanted, **more)
            for wanted in (sent["id"], str(uuid4()))
        ]
        assert errors[0]["code"] == "RESOURCE_NOT_FOUND"
        assert errors[0] == errors[1]
    await b.do("chat:reaction_add", messageId=sent["id"], reaction="👍")
    assert (await a.expect("chat:reaction_added"))["reaction"]["user_id"] == bob.id
    await db.execute(
        "UPDATE participants SET left_seq = 3 WHERE conversation_id = $1 AND user_id = $2",
        UUID(group_id),
        bob.id,
    )
    error = await b.refused("chat:reaction_remove", messageId=sent["id"])
    assert error["code"] == "RESOURCE_NOT_FOUND"


async def test_blocks_and_reactions(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """With a block neither of two people reacts or takes it back in their own conversation; in a group both do."""
    group_id = await group_of(db, {alice: "owner", bob: "member"})
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    direct = await said(a, conversation_id, "hello")
    shared = await said(a, group_id, "hello all")
    await b.do("chat:reaction_add", messageId=direct["id"], reaction="👍")
    await a.do("user:block", userId=bob.id)
    for device in (a, b):
        for command, more in (
            ("chat:reaction_add", {"reaction": "👍"}),
            ("chat:reaction_add", {"reaction": "😂"}),
            ("chat:reaction_remove", {}),
        ):
            error = await device.refused(command, messageId=direct["id"], **more)
            assert error["code"] == "USER_BLOCKED"
        await device.do("chat:reaction_add", messageId=shared["id"], reaction="👍")
    (message,) = await history(a, conversation_id)
    assert [r["reaction"] for r in message["reactions"]] == ["👍"]


async def test_retries_do_not_toggle(connect: Connect, alice: User, bob: User) -> None:
    """The same requestId, many times at once, is one reaction and one event; so is its removal."""
    a1, a2, b = [await connect(user) for user in (alice, alice, bob)]
    conversation_id = await opened(a1, bob)
    sent = await said(a1, conversation_id, "hello")
    for expected, request_id in ((False, "r-1"), (True, "r-2"), (False, "r-3")):
        asked = {"messageId": sent["id"], "reaction": "👍", "requestId": request_id}
        acks = await asyncio.gather(
            *(device.do("chat:reaction_add", **asked) for device in (a1, a2) for _ in range(10))
        )
        assert [ack["removed"] for ack in acks] == [expected] * 20
    # Long after, the first answer is the first answer still.
    first = await a1.do("chat:reaction_add", messageId=sent["id"], reaction="👍", requestId="r-1")
    assert first["removed"] is False
    error = await a1.refused(
        "chat:reaction_add", messageId=sent["id"], reaction="😂", requestId="r-1"
    )
    assert error["code"] == "IDEMPOTENCY_CONFLICT"
    for request_id in ("r-1", "r-1", "r-2"):
        await a1.do("chat:reaction_remove", messageId=sent["id"], requestId=request_id)
    assert [(name, data["seq"]) for name, data in await sync(b, conversation_id, after=2)] == [
        ("chat:reaction_added", 3),
        ("chat:reaction_removed", 4),
        ("chat:reaction_added", 5),
        ("chat:reaction_removed", 6),
    ]


@pytest.mark.parametrize(
    ("forms", "shown"),
    [
        (("❤\ufe0f", "❤", "❤\ufe0e"), "❤\ufe0f"),
        (("👍", "👍\ufe0f"), "👍"),
        (("🏳\u200d🌈", "🏳\ufe0f\u200d🌈"), "🏳\ufe0f\u200d🌈"),
        (("1\u20e3", "1\ufe0f\u20e3"), "1\ufe0f\u20e3"),
    ],
)
async def test_a_reaction_is_the_same_in_any_form(
    forms: tuple[str, ...], shown: str, connect: Connect, alice: User, bob: User
) -> None:
    """With or without variation selectors it is one reaction: counted, toggled and removed by any form."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    sent = await said(a, conversation_id, "hello")

    async def standing() -> list[str]:
        (message,) = await history(a, conversation_id)
        return [r["reaction"] for r in message["reactions"]]

    for set_as in forms:
        for taken_as in forms:
            for device in (a, b):
                ack = await device.do(
                    "chat:reaction_add",
                    messageId=sent["id"],
                    reaction=set_as if device is a else taken_as,
                )
                assert ack == {"success": True, "reaction": shown, "removed": False}
                pushed = await b.expect("chat:reaction_added")
                assert pushed["reaction"]["reaction"] == shown
            assert await standing() == [shown, shown]
            ack = await a.do("chat:reaction_add", messageId=sent["id"], reaction=taken_as)
            assert (ack["reaction"], ack["removed"]) == (shown, True)
            await b.do("chat:reaction_remove", messageId=sent["id"], reaction=set_as)
            assert await standing() == []
