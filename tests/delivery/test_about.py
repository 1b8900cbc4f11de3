"""Pushes carry what a door with other words needs: as they happen, by Redis, or from the log."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import Connect, User
from tests.support.doorbell import local_pair
from tests.support.inside import until
from tests.support.port import DevicePort
from tests.support.servers import Server
from tests.support.talks import opened, said
from tests.support.telling_doors import TellingDevice, TellingDoor


@pytest.fixture
async def two(dsn: str, redis_url: str) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers in this process, with a doorbell between them."""
    async with local_pair(dsn, redis_url) as both:
        yield both


def _told(server: Server) -> TellingDevice:
    assert server.app is not None
    return TellingDevice(TellingDoor(server.app.reception))


def _actor(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.id,
        "display_name": user.id.partition("-")[0].capitalize(),
        "email": f"{user.id}@example.com",
        "avatar_url": None,
    }


async def _act(a: DevicePort, b: DevicePort, bob: User) -> None:
    """Everything that is shown of a direct conversation about a product."""
    ack = await a.do("chat:conversation_open", recipientId=bob.id, productId="camera")
    talk: str = ack["conversation"]["id"]
    kept, own, erased = [(await said(a, talk, text))["id"] for text in ("kept", "own", "erased")]
    await a.do("chat:message_edit", messageId=kept, content="other")
    await b.do("chat:reaction_add", messageId=kept, reaction="👍")
    await b.do("chat:message_delete", messageId=own, deleteForEveryone=False)
    await a.do("chat:message_delete", messageId=erased)


async def test_the_same_however_it_comes(
    two: tuple[Server, Server], alice: User, bob: User, connect: Connect
) -> None:
    """What a push is about is the same as it happens, at another process, and as it is read from the log."""
    first, second = two
    users = sorted((alice.id, bob.id))
    live, rung, back = _told(first), _told(second), _told(second)
    await live.connect({"token": bob.token})
    await rung.connect({"token": bob.token})
    a, b = await connect(alice, first.url), await connect(bob, first.url)
    await _act(a, b, bob)
    for device in (live, rung):
        for everyone in (True, False):
            await device.expect(
                "chat:message_deleted", lambda m, is_=everyone: m["deleteForEveryone"] is is_
            )
    await back.connect({"token": bob.token, "positions": {"epoch": live.ready["epoch"], "me": 0}})
    of_alice, of_bob = (["direct", users, "camera", _actor(user), []] for user in (alice, bob))
    for device in (live, rung, back):
        assert {*map(repr, device.about("chat:message_received"))} == {repr(of_alice)}
        assert device.about("chat:message_edited") == [of_alice]
        assert device.about("chat:reaction_added") == [of_bob]
        deleted = device.about("chat:message_deleted")
        assert [about[:3] for about in deleted] == [of_alice[:3]] * 2
        written = ("chat:message_received", "chat:message_edited", "chat:message_deleted")
        assert None not in [at for name, _, _, at in device.noted if name in written]
    for device in (back, live, rung):
        await device.close()


async def test_what_is_in_no_log(
    two: tuple[Server, Server], alice: User, bob: User, connect: Connect
) -> None:
    """Typing, receipts and presence say what they are about, too, at every process."""
    first, second = two
    users = sorted((alice.id, bob.id))
    live, rung = _told(first), _told(second)
    await live.connect({"token": bob.token})
    await rung.connect({"token": bob.token})
    a, b = await connect(alice, first.url), await connect(bob, first.url)
    talk = await opened(a, bob)
    message = await said(a, talk, "text")
    await a.do("chat:typing", conversationId=talk, isTyping=True)
    await b.do("chat:message_read", messageId=message["id"])
    await a.do("presence:offline")
    for device in (live, rung):
        await device.expect("user:status_changed", lambda m: m["status"] == "offline")
        await device.expect("chat:message_status_updated", lambda m: m["status"] == "read")
        await device.expect("chat:user_typing")
        assert device.about("chat:user_typing")[0] == ["direct", users, None, _actor(alice), []]
        for about in device.about("chat:message_status_updated"):
            assert about[:3] == ["direct", users, None]
        assert device.about("user:status_changed")[-1] == [None, [], None, _actor(alice), []]
    for device in (live, rung):
        await device.close()


async def test_who_caused_it(server: Server, alice: User, bob: User, connect: Connect) -> None:
    """Of each push that a command causes it is known which connection caused it."""
    told = _told(server)
    await told.connect({"token": bob.token})
    a, b = await connect(alice), await connect(bob)
    talk = await opened(a, bob)
    message = await said(a, talk, "text")
    await a.do("chat:message_edit", messageId=message["id"], content="other")
    await b.do("chat:message_read", messageId=message["id"])
    await told.expect("chat:message_status_updated", lambda m: m["status"] == "read")
    origins = {name: origin for name, _, origin, _ in told.noted}
    ids = {user.id: device.ready["connectionId"] for user, device in ((alice, a), (bob, b))}
    for name in ("chat:conversation_created", "chat:message_received", "chat:message_edited"):
        assert origins[name] == ids[alice.id], name
    read = [o for name, _, o, _ in told.noted if name == "chat:message_status_updated" and o]
    assert read == [ids[bob.id]]
    await told.close()


async def test_of_groups(server: Server, alice: User, bob: User, connect: Connect) -> None:
    """A group's pushes say that they are a group's, and name no two people."""
    told = _told(server)
    await told.connect({"token": bob.token})
    a = await connect(alice)
    ack = await a.do("group:create", title="Team", participantIds=[bob.id])
    await said(a, ack["conversation"]["id"], f"Hello @{bob.id}")
    await told.expect("chat:mentioned")
    await until(lambda: bool(told.about("chat:message_received")))
    for name in ("group:created", "chat:message_received", "chat:mentioned"):
        assert told.about(name)[0][:3] == ["group", [], None], name
    await told.close()
