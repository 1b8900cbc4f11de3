"""Presence over processes as they are deployed: each change is announced once, whoever dies."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import Connect, MakeUser, User
from tests.support.device import Device
from tests.support.servers import Server, process_pair

# Milliseconds: a busy machine must have moved a crowd before it ends.
GRACE, LEASE = 6000, 2000


@pytest.fixture
async def two(dsn: str, redis_url: str) -> AsyncIterator[tuple[Server, Server]]:
    """Two processes with a short grace."""
    variables = {"PRESENCE_GRACE": str(GRACE), "PRESENCE_LEASE": str(LEASE)}
    async with process_pair(dsn, redis_url, **variables) as both:
        yield both


@pytest.fixture
async def watched(
    two: tuple[Server, Server], connect: Connect, make_user: MakeUser
) -> tuple[Device, list[User]]:
    """A device on the second process, and four contacts of its user who are offline."""
    watcher = await connect(await make_user("watcher"), two[1].url)
    contacts = [await make_user(f"contact{n}") for n in range(4)]
    for contact in contacts:
        await watcher.do("chat:conversation_open", recipientId=contact.id)
    return watcher, contacts


async def _online(device: Device) -> set[str]:
    return {user["userId"] for user in (await device.do("presence:list"))["users"]}


def _changes(device: Device) -> list[tuple[str, str]]:
    return [(p["userId"], p["status"]) for p in device.seen("user:status_changed")]


async def _expect(device: Device, user: User, status: str) -> None:
    def is_it(push: Any) -> bool:
        return (push["userId"], push["status"]) == (user.id, status)

    await device.expect("user:status_changed", is_it, take=False)


async def test_a_change_is_announced_once(
    two: tuple[Server, Server],
    watched: tuple[Device, list[User]],
    connect: Connect,
    carol: User,
) -> None:
    """Devices on both processes are one presence: one online, and one offline when the last grace is over."""
    first, second = two
    watcher, (ann, bob, *_) = watched
    stranger = await connect(carol, first.url)
    near, far = await connect(ann, second.url), await connect(ann, first.url)
    await _expect(watcher, ann, "online")
    await near.close()
    await far.close()
    again = await connect(ann, first.url)
    await connect(bob, first.url)
    await _expect(watcher, bob, "online")
    assert await _online(watcher) == {ann.id, bob.id}
    await again.close()
    await _expect(watcher, ann, "offline")
    # Anything announced twice by now would have come before this.
    back = await connect(ann, second.url)
    await back.do("presence:offline")
    await watcher.expect("user:status_changed", lambda _: len(_changes(watcher)) == 5, take=False)
    assert _changes(watcher) == [
        (ann.id, "online"),
        (bob.id, "online"),
        (ann.id, "offline"),
        (ann.id, "online"),
        (ann.id, "offline"),
    ]
    await stranger.settled()
    assert _changes(stranger) == []


async def test_a_killed_process_is_a_dropped_link(
    two: tuple[Server, Server], watched: tuple[Device, list[User]], connect: Connect
) -> None:
    """After a kill -9 everybody has the grace; who comes back elsewhere is silent, the rest go offline once."""
    first, second = two
    watcher, contacts = watched
    for contact in contacts:
        await connect(contact, first.url)
        await _expect(watcher, contact, "online")
    assert first.process
    first.process.kill()
    await first.process.wait()
    assert await _online(watcher) == {contact.id for contact in contacts}
    saved, *rest = contacts
    await connect(saved, second.url)
    for contact in rest:
        await _expect(watcher, contact, "offline")
    assert await _online(watcher) == {saved.id}
    await watcher.settled()
    changes = _changes(watcher)
    assert changes[:4] == [(contact.id, "online") for contact in contacts]
    assert sorted(changes[4:]) == sorted((contact.id, "offline") for contact in rest)


async def test_a_drained_process_leaves_the_grace(
    two: tuple[Server, Server], watched: tuple[Device, list[User]], connect: Connect
) -> None:
    """A process that is told to stop hands its users over: back in time is silent, the others go offline once."""
    first, second = two
    watcher, (ann, bob, *_) = watched
    for user in (ann, bob):
        await connect(user, first.url)
        await _expect(watcher, user, "online")
    assert first.process
    first.process.terminate()
    await first.process.wait()
    assert await _online(watcher) == {ann.id, bob.id}
    await connect(ann, second.url)
    await _expect(watcher, bob, "offline")
    await watcher.settled()
    assert _changes(watcher) == [(ann.id, "online"), (bob.id, "online"), (bob.id, "offline")]


async def test_a_crowd_that_moves_is_silent(
    two: tuple[Server, Server], connect: Connect, make_user: MakeUser
) -> None:
    """Thirty devices that move to the other process at once are announced neither offline nor online again."""
    first, second = two
    users = [await make_user("mover") for _ in range(30)]
    watcher = await connect(await make_user("watcher"), second.url)
    for user in users:
        await watcher.do("chat:conversation_open", recipientId=user.id)
    devices = await asyncio.gather(*(connect(user, first.url) for user in users))
    for user in users:
        await _expect(watcher, user, "online")
    await asyncio.gather(*(device.close() for device in devices))
    await asyncio.gather(*(connect(user, second.url) for user in users))
    assert await _online(watcher) == {user.id for user in users}
    last = await make_user("last")
    await watcher.do("chat:conversation_open", recipientId=last.id)
    await (await connect(last, first.url)).close()
    await _expect(watcher, last, "offline")
    assert len(_changes(watcher)) == 32
