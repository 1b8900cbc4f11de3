"""What every store of limits promises, in one process and over several; one suite for both stores."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest
from redis.asyncio import Redis

from chatserver.limits import redis as limits_redis
from chatserver.limits.store import LocalLimits, Meter
from tests.support import inside
from tests.support.limit_processes import COMMANDS, MESSAGES, Start, learned, processes, use
from tests.support.patience import PATIENCE
from tests.support.presence_process import until
from tests.support.redis_server import OwnRedis


@pytest.fixture
async def start(lone_redis_url: str, redis: Redis) -> AsyncIterator[Start]:
    """Starts processes that share a Redis."""
    async with processes(PATIENCE) as start:
        yield partial(start, lone_redis_url)


@pytest.fixture
async def start_on(own_redis: OwnRedis) -> AsyncIterator[Start]:
    """Starts processes that share it."""
    async with processes() as start:
        yield partial(start, own_redis.url)


@pytest.fixture(params=["local", "redis"])
async def one(request: pytest.FixtureRequest, start: Start) -> Meter:
    """A meter of one process, with either store."""
    return start().messages if request.param == "redis" else LocalLimits().meter(MESSAGES)


# -- one process, either store --------------------------------------------------------------------


async def test_as_many_as_allowed(one: Meter) -> None:
    """At once or one after the other, there are as many as allowed, and each person has their own."""
    assert use(one, "ann", 30) == 30
    await asyncio.sleep(0)
    assert use(one, "ann", 30) == 10
    assert use(one, "bob", 50) == 40


async def test_the_wait_is_told(one: Meter) -> None:
    """Who is refused is told to wait, for no longer than the rule's window, and looking costs nothing."""
    use(one, "ann", 40)
    assert 59 < one.wait("ann") <= 60
    assert 59 < one.take("ann") <= 60
    assert [one.wait("bob") for _ in range(100)] == [0] * 100
    assert one.take("ann", 80) == 0


# -- several processes ----------------------------------------------------------------------------


async def test_what_was_used_elsewhere_is_learned(start: Start) -> None:
    """The first use in another process tells it what was used everywhere else, long texts and others alike."""
    one, two, three = start(), start(), start()
    assert use(one.messages, "ann", 3) == 3
    await one.told()
    assert use(two.messages, "ann", 4) == 4
    await learned(two.messages, "ann", 3)
    await two.told()
    three.messages.expect("ann")
    await learned(three.messages, "ann", 7)
    assert use(three.messages, "ann", 50) == 33


async def test_together_one_limit(start: Start) -> None:
    """Who takes turns between two processes may do as much as on one, and at most one more at each."""
    one, two = start(), start()
    allowed = 0
    for turn in range(60):
        process = (one, two)[turn % 2]
        allowed += use(process.messages, "ann", 1)
        # The pace of somebody who waits for an answer each time: what is to be told at once has been told.
        await process.told()
    assert 40 <= allowed <= 41


async def test_heavy_users_are_known_everywhere(start: Start) -> None:
    """A process knows of those who have used a quarter of a limit before it meets them; of others it need not."""
    one, two = start(), start()
    use(one.commands, "light", 9)
    use(one.commands, "heavy", 10)
    await learned(two.commands, "heavy", 10)
    assert use(two.commands, "heavy", 50) == 30
    await learned(one.commands, "heavy", 30)
    assert one.commands.take("heavy") > 0
    assert two.commands.window("light").elsewhere == 0


async def test_uses_elsewhere_end_too(start: Start) -> None:
    """What was used elsewhere is over when it would be there, also where that process is no more."""
    rule = replace(MESSAGES, seconds=3)
    one, two = start(rule), start(rule)
    use(one.messages, "ann", 40)
    await learned(two.messages, "ann", 40)
    await one.close()
    wait = two.messages.take("ann")
    assert 0 < wait <= 3
    await asyncio.sleep(wait)
    assert two.messages.take("ann") == 0


async def test_nothing_stays(start: Start, redis: Redis) -> None:
    """Every key in Redis ends by itself, and a process that is no more leaves nothing in those that go on."""
    rule = replace(MESSAGES, seconds=3)
    one, two = start(rule), start(rule)
    use(one.messages, "ann", 20)
    use(one.commands, "ann", 20)
    await learned(two.messages, "ann", 20)
    await learned(two.commands, "ann", 20)
    keys = await redis.keys("*")
    assert len(keys) == 3
    assert all([0 < await redis.pttl(key) <= 60_000 for key in keys])
    await one.close()
    await asyncio.sleep(two.messages.window("ann").wait(two.store._clock(), 1))
    two.messages.take("ann")

    async def alone() -> bool:
        return bool(await redis.hlen("chatserver:{limits}:message:ann") == 1)

    await until(alone)


async def test_whatever_they_are_called(start: Start) -> None:
    """Names are taken as they are, whatever characters they have."""
    one, two = start(), start()
    for who in ("a:b", "a;b c", "ü {x}", "2001:db8::/64"):
        use(one.messages, who, 20)
        await learned(two.messages, who, 20)


async def test_many_at_once(start: Start) -> None:
    """More people than fit into one script are shared in several."""
    one, two = start(), start()
    people = [f"person-{number}" for number in range(500)]
    for who in people:
        use(one.messages, who, 2)
    await one.told()
    for who in people:
        two.messages.expect(who)
    for who in people:
        await learned(two.messages, who, 2)


# -- faults ---------------------------------------------------------------------------------------


async def test_a_stalled_redis_stalls_nothing(start_on: Start, own_redis: OwnRedis) -> None:
    """While Redis stands still each process decides alone; when it goes on they know what was used meanwhile."""
    one, two = start_on(), start_on()
    use(one.messages, "ann", 1)
    await one.told()
    use(two.messages, "ann", 1)
    await learned(two.messages, "ann", 1)
    own_redis.send(signal.SIGSTOP)
    assert use(one.messages, "ann", 50) >= 38
    assert use(two.messages, "bob", 15) == 15
    await inside.until(lambda: not (one.store._line.healthy or two.store._line.healthy))
    assert one.messages.take("ann") > 0
    own_redis.send(signal.SIGCONT)
    # Nobody needs to send anything for it.
    await learned(two.messages, "ann", one.messages.window("ann").here)
    assert two.messages.take("ann") > 0
    await learned(one.messages, "bob", 15)


async def test_a_late_call_undoes_nothing(start: Start) -> None:
    """A call that a stalled Redis comes to after newer ones does not take back what these have told."""
    one, two = start(), start()
    use(one.messages, "ann", 20)
    await one.told()
    keys = (limits_redis._HEAVY, f"{limits_redis._PREFIX}message:ann")
    late = (one.store._process, 0, 60_000, "0 1", 0)
    assert await one.store._line.call(limits_redis._SHARE, keys, late) == [""]
    two.messages.expect("ann")
    await learned(two.messages, "ann", 20)


async def test_a_redis_that_is_absent(own_redis: OwnRedis, start_on: Start) -> None:
    """Processes that start without Redis decide alone, and share once it is there."""
    own_redis.kill()
    one, two = start_on(), start_on()
    assert use(one.messages, "ann", 50) == 40
    assert use(two.messages, "ann", 20) == 20
    own_redis.start()
    await learned(two.messages, "ann", 40)
    assert two.messages.take("ann") > 0


async def test_a_redis_that_comes_back_empty(own_redis: OwnRedis, start_on: Start) -> None:
    """What a Redis lost by a restart the processes still know, and tell it again."""
    one = start_on()
    use(one.messages, "ann", 40)
    use(one.commands, "ann", 40)
    await asyncio.sleep(0)
    own_redis.kill()
    await inside.until(lambda: not one.store._line.healthy)
    own_redis.start()
    two = start_on()
    await learned(two.commands, "ann", COMMANDS.most)
    await learned(two.messages, "ann", MESSAGES.most)
    assert two.messages.take("ann") > 0
