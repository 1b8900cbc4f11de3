"""The way to Redis, when it is told to end."""

import asyncio

import pytest

from chatserver.delivery.bell.connection import BellConnection
from chatserver.delivery.bell.link import RedisLink
from tests.support.patience import PATIENCE


async def test_a_stop_as_the_connection_fails(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that is told to end while it takes down a connection that failed ends, and does not begin again."""
    running, ending, end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def fails(*_: object) -> None:
        await running.wait()
        raise ConnectionError

    async def ends_slowly(*_: object) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await end.wait()

    monkeypatch.setattr(RedisLink, "run", fails)
    monkeypatch.setattr(BellConnection, "_subscribe", ends_slowly)
    connection = BellConnection(redis_url, lambda _: None, lambda said, _: said)
    async with asyncio.timeout(PATIENCE):
        starting = asyncio.create_task(connection.start())
        await ending.wait()
        stopping = asyncio.create_task(connection.stop())
        await asyncio.sleep(0)  # until it has asked
        end.set()
        await asyncio.gather(starting, stopping)
