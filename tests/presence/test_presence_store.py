"""What every store of presence promises, in one process and over several; one suite for both stores."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from redis.asyncio import Redis

from chatserver.presence.redis import RedisPresence
from chatserver.presence.store import LocalPresence
from tests.support.patience import PATIENCE
from tests.support.presence_process import GRACE, LONG, Process, Start, processes, until


@pytest.fixture
async def start(lone_redis_url: str, redis: Redis) -> AsyncIterator[Start]:
    """Starts processes that share a Redis."""
    async with processes(PATIENCE) as start:
        yield partial(start, lone_redis_url)


@pytest.fixture(params=["local", "redis"])
async def one(request: pytest.FixtureRequest, start: Start) -> AsyncIterator[Process]:
    """One process, with either store."""
    if request.param == "redis":
        yield start()
        return
    process = Process(LocalPresence(GRACE))
    yield process
    await process.store.close()


# -- one process, either store --------------------------------------------------------------------


async def test_the_first_to_add_announces(one: Process) -> None:
    """Who was offline is announced once, and is online then."""
    assert not await one.is_online("ann")
    assert [await one.add("ann"), await one.add("ann")] == [True, False]
    assert await one.is_online("ann")


async def test_the_grace_is_kept_and_ends_once(one: Process) -> None:
    """Who dropped is online for the grace, and then offline, which is announced once."""
    one.grace(LONG)
    await one.add("carol")
    await one.store.drop("carol")
    assert await one.is_online("carol")
    assert one.changes == []
    one.grace(GRACE)
    await one.add("ann")
    await one.store.drop("ann")
    await one.expect("ann", "offline")
    assert not await one.is_online("ann")
    assert await one.is_online("carol")
    # What comes after it would have come for her too, had there been more.
    await one.add("bob")
    await one.store.drop("bob")
    await one.expect("bob", "offline")
    assert one.changes == [("ann", "offline"), ("bob", "offline")]


async def test_who_comes_back_in_time_was_never_away(one: Process) -> None:
    """Coming back within the grace announces nothing, then or later."""
    one.grace(LONG)
    await one.add("ann")
    await one.add("bob")
    await one.store.drop("ann")
    assert await one.add("ann") is False
    one.grace(GRACE)
    await one.store.drop("bob")
    await one.expect("bob", "offline")
    assert one.changes == [("bob", "offline")]
    assert await one.is_online("ann")


async def test_leaving_has_no_grace(one: Process) -> None:
    """Who leaves is offline at once, also within the grace; it is announced once, by who called."""
    await one.add("ann")
    assert [await one.store.leave("ann"), await one.store.leave("ann")] == [True, False]
    assert await one.store.settle("ann", "offline") is None
    one.grace(LONG)
    await one.add("bob")
    await one.store.drop("bob")
    assert await one.store.leave("bob") is True
    assert await one.store.settle("bob", "offline") is None
    assert not await one.is_online("bob")
    one.grace(GRACE)
    await one.add("carol")
    await one.store.drop("carol")
    await one.expect("carol", "offline")
    assert one.changes == [("carol", "offline")]


async def test_strangers_cannot_go(one: Process) -> None:
    """Dropping or leaving of somebody who is not online says nothing."""
    await one.add("bob")
    await one.store.drop("ann")
    assert await one.store.leave("ann") is False
    await one.store.drop("bob")
    await one.expect("bob", "offline")
    assert one.changes == [("bob", "offline")]


# -- several processes ----------------------------------------------------------------------------


async def test_processes_are_one_presence(start: Start) -> None:
    """A user on two processes is announced once, and has gone when both have let go."""
    a, b = start(), start()
    assert [await a.add("ann"), await b.add("ann")] == [True, False]
    assert await a.store.leave("ann") is False
    assert await a.is_online("ann")
    assert await b.store.leave("ann") is True
    assert not await a.is_online("ann")


async def test_the_end_of_the_grace_is_announced_by_one(start: Start) -> None:
    """Dropped on two processes, announced by one of three; back on a third within the grace, by none."""
    processes = [a, b, c] = [start(), start(), start()]
    users = [f"user-{n}" for n in range(20)]
    for user_id in [*users, "back"]:
        for process in (a, b):
            process.grace(LONG if user_id == "back" else GRACE)
            await process.add(user_id)
        await a.store.drop(user_id)
        await b.store.drop(user_id)
    assert await c.add("back") is False
    for process in (a, b):
        process.grace(GRACE)

    async def gone() -> bool:
        return await a.store.online(users) == set()

    await until(gone)
    await b.add("last")
    await b.store.drop("last")

    async def last_said() -> bool:
        return any(("last", "offline") in process.changes for process in processes)

    await until(last_said)
    said = sorted(change for process in processes for change in process.changes)
    assert said == sorted((user_id, "offline") for user_id in [*users, "last"])


async def test_a_crash_is_survived(start: Start) -> None:
    """A crashed process' users stay online for lease and grace; who came elsewhere stays, the rest go once."""
    crashing, alive = start(lease=4), start(lease=4)
    for user_id in ("ann", "bob", "carol"):
        await crashing.add(user_id)
    await alive.add("dave")
    await crashing.crash()
    assert await alive.store.online(["ann", "bob", "carol"]) == {"ann", "bob", "carol"}
    assert await alive.add("bob") is False
    await alive.expect("ann", "offline")
    await alive.expect("carol", "offline")
    # bob and dave have outlived a lease and the grace: their process renews.
    assert await alive.store.online(["ann", "bob", "carol", "dave"]) == {"bob", "dave"}
    assert sorted(alive.changes) == [("ann", "offline"), ("carol", "offline")]


async def test_who_was_given_up_too_early_is_announced_again(start: Start) -> None:
    """A process that was cut off for longer than lease and grace announces its users anew."""
    cut_off, alive = start(), start()
    await cut_off.add("ann")
    await cut_off.crash()
    await alive.expect("ann", "offline")
    cut_off.resume()
    await cut_off.expect("ann", "online")
    assert await alive.is_online("ann")


async def test_closing_leaves_the_grace(start: Start) -> None:
    """A process that stops hands its users' grace to the others."""
    other, stopping, alive = start(), start(), start()
    stopping.grace(LONG)
    await stopping.add("ann")
    await stopping.add("bob")
    await other.add("carol")
    await stopping.store.close()
    await other.store.close()
    assert await alive.is_online("ann")
    assert await alive.add("bob") is False
    await alive.expect("carol", "offline")
    assert alive.changes == [("carol", "offline")]
    assert await alive.is_online("ann")


async def test_announcements_never_overtake(start: Start) -> None:
    """While one process is announcing, the other's change is left to it, in the end with what is true."""
    a, b = start(), start()
    assert await a.store.add("ann") is True
    assert await b.store.add("ann") is False
    assert await a.store.leave("ann") is False
    assert await b.store.leave("ann") is False
    assert await a.store.settle("ann", "online") == "offline"
    assert await b.store.add("ann") is False
    assert await a.store.settle("ann", "offline") == "online"
    assert await a.store.settle("ann", "online") is None
    assert await b.store.leave("ann") is True


async def test_an_announcer_that_dies_is_replaced(start: Start) -> None:
    """What a process was to announce when it crashed is announced by another."""
    crashing, alive = start(claim=0.3), start(claim=0.3)
    assert await crashing.store.add("ann") is True
    await crashing.crash()
    await alive.expect("ann", "online")
    await alive.expect("ann", "offline")


async def test_an_emptied_redis_is_filled_again(start: Start, redis: Redis) -> None:
    """After a FLUSHALL everybody is online again without a word, and the grace goes on."""
    a, b = start(), start()
    for user_id in ("ann", "bob"):
        await a.add(user_id)

    async def known() -> bool:
        return all(isinstance(p.store, RedisPresence) and p.store._epoch for p in (a, b))

    await until(known)
    await a.store.drop("bob")
    await redis.flushdb()

    async def back() -> bool:
        return await b.is_online("ann")

    await until(back)
    await a.add("carol")
    await a.store.drop("carol")

    async def all_said() -> bool:
        return {("bob", "offline"), ("carol", "offline")} <= {*a.changes, *b.changes}

    await until(all_said)
    assert sorted([*a.changes, *b.changes]) == [("bob", "offline"), ("carol", "offline")]


async def test_everything_ends_by_itself(start: Start, redis: Redis) -> None:
    """Every key has a time to live."""
    process = start()
    await process.add("ann")
    await process.store.drop("ann")
    await process.store.add("bob")
    keys = await redis.keys()
    assert len(keys) == 4
    assert all([await redis.pttl(key) > 0 for key in keys])
