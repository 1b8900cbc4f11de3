"""Snapshot + events = snapshot (docs/ARCHITECTURE.md): random operations, disconnects and faults on two servers.

``make test`` plays the same few examples every time. ``PROPERTY_EXAMPLES=2000 pytest tests/property`` plays that
many others, and shrinks what fails; its ``steps`` are what was done, those of one list at once.
"""

import itertools
import os
from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chatserver.files import completion
from chatserver.log import recovery
from tests.conftest import User, token_for
from tests.property.cluster import FATES, Cluster, cluster
from tests.property.judge import judge
from tests.property.world import HOW, NAMES, Op, World

_EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "0"))
_PEOPLE = 4
# Whose the devices are: two people have two each.
_OWNERS = (0, 1, 2, 3, 0, 1)

_numbers = itertools.count(1)

_ops = st.tuples(st.sampled_from(NAMES), st.integers(0, 5), st.integers(0, 15), st.integers(0, 9))
# What stands in one list is done at once. Many, because lists drawn freely are short.
_steps = st.lists(st.lists(_ops, min_size=1, max_size=3), min_size=20, max_size=45)
_fates = st.one_of(st.just(["hear"]), st.lists(st.sampled_from(FATES), min_size=1, max_size=7))
_returns = st.lists(st.sampled_from(HOW), min_size=len(_OWNERS), max_size=len(_OWNERS))


@pytest.fixture(scope="module")
async def servers(dsn: str) -> AsyncIterator[Cluster]:
    """Two servers that all examples share, each with people of its own."""
    async with cluster(dsn) as running:
        yield running


async def _people(db: "asyncpg.Pool[asyncpg.Record]") -> list[User]:
    number = next(_numbers)
    people = [f"p{number}-{name}" for name in "abcd"[:_PEOPLE]]
    await db.executemany(
        "INSERT INTO chat_users (user_id, username, email, display_name) VALUES ($1, $1, $1, $1)",
        [(person,) for person in people],
    )
    return [User(person, token_for(person)) for person in people]


@pytest.mark.timeout(0 if _EXAMPLES else 400)
@settings(
    max_examples=_EXAMPLES or 30,
    derandomize=not _EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking takes minutes: a long run has them, and prints less.
    phases=(Phase.generate, Phase.shrink) if _EXAMPLES else (Phase.generate,),
)
@given(steps=_steps, returns=_returns, fates=_fates, most=st.sampled_from([3, 8, 1_000]))
async def test_applying_what_comes_to_an_old_snapshot_gives_the_new_one(
    servers: Cluster,
    db: "asyncpg.Pool[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
    steps: list[list[Op]],
    returns: list[str],
    fates: list[str],
    most: int,
) -> None:
    """Whatever happens, each device ends with what a fresh fetch gives, and was told nothing but its own."""
    monkeypatch.setattr(recovery, "MOST_IN_ONE", most)
    # A file is sent while it is looked at, as one that takes long.
    monkeypatch.setattr(completion, "_PATIENCE", 0.0)
    world = World(servers, await _people(db), _OWNERS)
    try:
        await world.begin(fates)
        for step in steps:
            await world.play_at_once(step)
        # Those who stayed have heard it live.
        await world.settle()
        for device in world.devices:
            if device.connected:
                await judge(db, servers.url(1), device, world.marks, receipts=fates == ["hear"])
        # Those who were away come back now, and then everybody does.
        for device, how in zip(world.devices, returns, strict=True):
            await device.come_back(servers.url(0), 0, how, None)
        await world.settle()
        for device in world.devices:
            exact = fates == ["hear"] or device.said != "offset"
            await judge(db, servers.url(1), device, world.marks, receipts=exact)
        _judge_twins(world)
    finally:
        await world.end()


def _judge_twins(world: World) -> None:
    """Two devices of one person know the same, but for what one of them cannot know."""
    for one, other in itertools.combinations(world.devices, 2):
        if one.user is other.user:
            mine, theirs = one.model.state(), other.model.state()
            for state in (*mine.values(), *theirs.values()):
                del state["unread_count"], state["blocked"]
                for message in (*state["messages"], state["last_message"] or {}):
                    message.pop("status", None)
            assert mine == theirs
