"""Somebody who writes in our Redis: presence and limits go on, grow by nothing, and forget nobody's due."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from chatserver.limits import redis as limits_redis
from chatserver.presence import scripts as presence_scripts
from tests.support import limit_processes, presence_process
from tests.support.limit_processes import learned, use

DUE, SAYING, STATE = presence_scripts.SHARED
ANN = f"{presence_scripts.PREFIX}user:ann"
HEAVY = limits_redis._HEAVY
WINDOW = f"{limits_redis._PREFIX}message:ann"
NEVER = b"\xff" + b"x" * 1_000

Write = Callable[[Redis], Awaitable[Any]]


@pytest.fixture
async def present(lone_redis_url: str, redis: Redis) -> AsyncIterator[presence_process.Start]:
    """Starts processes that share presence."""
    async with presence_process.processes() as start:
        yield partial(start, lone_redis_url)


@pytest.fixture
async def limited(lone_redis_url: str, redis: Redis) -> AsyncIterator[limit_processes.Start]:
    """Starts processes that share limits."""
    async with limit_processes.processes() as start:
        yield partial(start, lone_redis_url)


def _text(key: str) -> Write:
    async def write(redis: Redis) -> None:
        await redis.set(key, b"x" * 100)

    return write


def _members(key: str, score: float) -> Write:
    async def write(redis: Redis) -> None:
        with suppress(ResponseError):
            members: dict[bytes | str, float] = {
                NEVER: score, b"\xfe\xfd": score, "a\nb": score, "\0": score, "z" * 70: score,
            }  # fmt: skip
            await redis.zadd(key, members | {f"bogus{n}": score for n in range(300)})

    return write


def _fields(key: str, **values: str | bytes) -> Write:
    async def write(redis: Redis) -> None:
        with suppress(ResponseError):
            await redis.hset(key, mapping=values)  # type: ignore[arg-type]  # bytes are taken

    return write


PRESENCE: dict[str, Write] = {
    **{f"text {key}": _text(key) for key in (DUE, SAYING, STATE, ANN)},
    **{
        f"members {key} {score}": _members(key, score)
        for key in (DUE, SAYING, ANN)
        for score in (0, 1e15, float("inf"))
    },
    "garbage": _fields(STATE, swept="x", hold="y"),
    "never": _fields(STATE, swept="-inf", hold="1e300"),
    "huge": _fields(STATE, epoch="e" * 100_000, swept="nan", hold="inf"),
}


@pytest.mark.parametrize("write", PRESENCE.values(), ids=PRESENCE.keys())
async def test_presence_survives(
    present: presence_process.Start, redis: Redis, write: Write
) -> None:
    """Whatever stands in the keys, people come and go, are told of once, and nothing is logged as a crash."""
    one, two = present(), present()
    with structlog.testing.capture_logs() as logs:
        await one.add("ann")
        await write(redis)
        # A sweep has met it, on either process.
        for process in (one, two):
            await process.store._beat()  # type: ignore[attr-defined]
        await two.add("bob")
        assert await one.is_online("bob")
        await one.store.drop("ann")
        await one.store.leave("nobody in particular")
        await two.store.leave("bob")
        await presence_process.until(lambda: _is_gone(two, "ann"))
        assert not await one.is_online("bob")
        assert await one.add("ann")
        assert await two.is_online("ann")
    assert not [line for line in logs if line["log_level"] in ("error", "critical")], logs
    assert all(len(user) <= 64 for process in (one, two) for user, _ in process.changes)


async def _is_gone(process: presence_process.Process, user_id: str) -> bool:
    return not await process.is_online(user_id)


async def _crowd(redis: Redis) -> None:
    await redis.hset(WINDOW, mapping={f"p{n}": f"1 {_now()} 0 1" for n in range(5_000)})


def _now() -> int:
    return int(time.time() * 1000)


def _said(value: str | bytes) -> Write:
    async def write(redis: Redis) -> None:
        text = value.replace("NOW", str(_now())) if isinstance(value, str) else value
        with suppress(ResponseError):
            await redis.hset(WINDOW, "somebody", text)

    return write


LIMITS: dict[str, Write] = {
    **{f"text {key}": _text(key) for key in (HEAVY, WINDOW)},
    "crowd": _crowd,
    **{
        value[:20]: _said(value)
        for value in (
            "", "garbage", "1", "1 x", "1 NOW", "1 NOW x y", "1 NOW 1", "1 NOW -5 -1000000", "1 NOW 0 -7",
            "1 NOW 1e9 1e9", "1 99999999999999999 0 5", "1 NOW " + "9" * 5_000, "1 NOW 0 0;0 1",
        )
    },
    "bytes": _said(b"\xff\xfe"),
    "heavy": _members(HEAVY, 1e15),
    "heavy now": lambda redis: _members(HEAVY, _now())(redis),
}  # fmt: skip


@pytest.mark.parametrize("write", LIMITS.values(), ids=LIMITS.keys())
async def test_limits_survive(limited: limit_processes.Start, redis: Redis, write: Write) -> None:
    """Whatever stands in the keys, uses are shared, nobody is allowed more, and nothing is logged as a crash."""
    one, two = limited(), limited()
    with structlog.testing.capture_logs() as logs:
        assert use(one.messages, "ann", 10) == 10
        await one.told()
        await write(redis)
        assert use(two.messages, "ann", 1) == 1
        await two.told()
        assert use(one.messages, "ann", 1) == 1
        await one.told()
        # Once more, after what was wrong is gone.
        assert use(two.messages, "ann", 1) == 1
        await learned(two.messages, "ann", 11)
        assert use(two.messages, "ann", 100) == 40 - 11 - 2
    assert not [line for line in logs if line["log_level"] in ("error", "critical")], logs


async def test_a_claim_of_uses_is_bounded(limited: limit_processes.Start, redis: Redis) -> None:
    """Whoever says that somebody has used everything locks them out for a window at most, and nobody for ever."""
    one = limited()
    assert use(one.messages, "ann", 1) == 1
    await one.told()
    await _said(f"1 NOW 0 {'9' * 40}")(redis)
    assert use(one.messages, "ann", 1) == 1
    await learned(one.messages, "ann", 2 * one.messages.rule.most)
    assert 0 < one.messages.take("ann") <= 60
    await redis.flushdb()
    # Who only looks is told so, too.
    one.messages.expect("ann")
    await learned(one.messages, "ann", 0)
    assert one.messages.take("ann") == 0


async def test_hearsay_is_bounded(limited: limit_processes.Start, redis: Redis) -> None:
    """A list of heavy users whom nobody has seen takes no window from those who were seen, and no memory."""
    one = limited()
    assert use(one.messages, "ann", 20) == 20
    await one.told()
    for start in range(0, 20_000, 1_000):
        crowd = {f"{limits_redis._PREFIX}message:u{start + n}": _now() for n in range(1_000)}
        await redis.zadd(HEAVY, crowd)
        await one.store._look()
    assert len(list(one.messages.windows())) <= 5_001
    assert use(one.messages, "ann", 40) == 20
