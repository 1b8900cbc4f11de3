"""Who is online, and who is typing."""

import pytest

from chatserver.chat import typing as typing_state
from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.servers import local_server
from tests.support.talks import opened


async def _online(device: Device) -> list[str]:
    ack = await device.do("presence:list")
    assert ack["count"] == len(ack["users"])
    return [user["userId"] for user in ack["users"]]


async def test_only_contacts_see_each_other(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """A contact is told when somebody comes online, and lists them; a stranger is not, and does not."""
    a, c = await connect(alice), await connect(carol)
    await a.do("chat:conversation_open", recipientId=bob.id)
    b = await connect(bob)
    change = await a.expect("user:status_changed")
    assert change.pop("timestamp").endswith("Z")
    assert change == {"userId": bob.id, "status": "online"}
    assert (await _online(a), await _online(b), await _online(c)) == ([bob.id], [alice.id], [])
    await c.settled()
    assert c.seen("user:status_changed") == []


async def test_several_devices_are_one_presence(connect: Connect, alice: User, bob: User) -> None:
    """The second device of a person announces nothing, and presence:offline counts when the last says it."""
    a = await connect(alice)
    await a.do("chat:conversation_open", recipientId=bob.id)
    b1 = await connect(bob)
    await a.expect("user:status_changed")
    b2 = await connect(bob)
    await b1.do("presence:offline")
    assert await _online(a) == [bob.id]
    await b2.do("presence:offline")
    change = await a.expect("user:status_changed")
    assert (change["userId"], change["status"]) == (bob.id, "offline")
    assert await _online(a) == []
    ack = await b2.do("presence:online")
    assert ack["users"] == [{"userId": alice.id, "username": alice.id, "displayName": "Alice"}]
    change = await a.expect("user:status_changed")
    assert change["status"] == "online"
    assert a.seen("user:status_changed") == []


async def test_a_block_hides_presence(connect: Connect, alice: User, bob: User) -> None:
    """People with a block between them are no contacts, whoever blocked."""
    a, b = await connect(alice), await connect(bob)
    await a.do("chat:conversation_open", recipientId=bob.id)
    await b.do("user:block", userId=alice.id)
    assert (await _online(a), await _online(b)) == ([], [])


@pytest.mark.parametrize("kind", ["person", "conversation"])
async def test_a_block_is_told_as_a_departure(
    connect: Connect, alice: User, bob: User, carol: User, kind: str
) -> None:
    """At a block each of the two sees the other go offline, at its end come online; strangers are told nothing."""
    a = await connect(alice)
    opened = await a.do("chat:conversation_open", recipientId=bob.id)
    b = await connect(bob)
    # Told some time after session:ready.
    await a.expect("user:status_changed")
    conversation = {"conversationId": opened["conversation"]["id"]}
    steps = {
        "person": (("user:block", {"userId": alice.id}), ("user:unblock", {"userId": alice.id})),
        "conversation": tuple(
            ("chat:conversation_block", {**conversation, "block": block}) for block in (True, False)
        ),
    }
    for (command, payload), status in zip(steps[kind], ("offline", "online"), strict=True):
        await b.do(command, **payload)
        for device, other in ((a, bob), (b, alice)):
            change = await device.expect(
                "user:status_changed", lambda c, s=status: c["status"] == s
            )
            assert change["userId"] == other.id
        # What stood so already is told to nobody.
        await b.do(command, **payload)
    await b.do("user:block", userId=carol.id)
    for device in (a, b):
        await device.settled()
        assert device.seen("user:status_changed") == []


async def test_a_dropped_link_is_no_departure(connect: Connect, alice: User, bob: User) -> None:
    """A person whose link drops stays online while the grace lasts, and nobody is told of a departure."""
    a, b = await connect(alice), await connect(bob)
    await b.do("chat:conversation_open", recipientId=alice.id)
    await b.close()
    assert await _online(a) == [bob.id]
    await connect(bob)
    assert await _online(a) == [bob.id]
    assert [push for push in a.seen("user:status_changed") if push["status"] == "offline"] == []


async def test_a_departure_is_told_once(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """A person who does not come back within the grace is gone after it, and told of once."""
    async with local_server(dsn, PRESENCE_GRACE="50") as server:
        a = await connect(alice, server.url)
        b = await connect(bob, server.url)
        await b.do("chat:conversation_open", recipientId=alice.id)
        await b.close()
        change = await a.expect("user:status_changed", lambda push: push["status"] == "offline")
        assert change["userId"] == bob.id
        assert await _online(a) == []
        assert [push for push in a.seen("user:status_changed") if push["status"] == "offline"] == []
        await a.close()


async def test_typing_reaches_the_other_person_alone(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Typing reaches every device of the other person, none of one's own, and no stranger."""
    a1, a2, b1, b2, c = [await connect(user) for user in (alice, alice, bob, bob, carol)]
    conversation_id = await opened(a1, bob)
    for is_typing in (True, False):
        await a1.do("chat:typing", conversationId=conversation_id, isTyping=is_typing)
        for device in (b1, b2):
            push = await device.expect("chat:user_typing")
            assert push.pop("timestamp").endswith("Z")
            assert push == {
                "conversationId": conversation_id,
                "userId": alice.id,
                "username": alice.id,
                "isTyping": is_typing,
            }
    for device in (a1, a2, c):
        await device.settled()
        assert device.seen("chat:user_typing") == []


async def test_a_lone_true_expires(
    dsn: str, connect: Connect, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typing that is not repeated ends by itself, once; the documented time for it is 3 s."""
    assert typing_state.EXPIRES_AFTER == 3.0
    monkeypatch.setattr(typing_state.TypingState.__init__, "__defaults__", (0.2,))
    async with local_server(dsn) as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        conversation_id = await opened(a, bob)
        for _ in range(2):
            await a.do("chat:typing", conversationId=conversation_id, isTyping=True)
        pushes = [await b.expect("chat:user_typing") for _ in range(2)]
        assert [push["isTyping"] for push in pushes] == [True, False]
        await a.do("chat:typing", conversationId=conversation_id, isTyping=True)
        await b.expect("chat:user_typing")
        # A person who is gone is not typing.
        await a.close()
        assert (await b.expect("chat:user_typing"))["isTyping"] is False
        await b.close()


async def test_typing_towards_a_block_goes_nowhere(
    connect: Connect, alice: User, bob: User
) -> None:
    """Typing is acked and dropped from the moment of a block between the two people to that of its end."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)

    async def heard() -> int:
        """How many typings have arrived, after one more; those that ended by themselves do not count."""
        await a.do("chat:typing", conversationId=conversation_id, isTyping=True)
        await b.settled()
        return len([push for push in b.seen("chat:user_typing") if push["isTyping"]])

    assert await heard() == 1
    await b.do("user:block", userId=alice.id)
    assert await heard() == 1
    await b.do("user:unblock", userId=alice.id)
    assert await heard() == 2
    await b.do("chat:conversation_block", conversationId=conversation_id, block=True)
    assert await heard() == 2
    await b.do("chat:conversation_block", conversationId=conversation_id, block=False)
    assert await heard() == 3
