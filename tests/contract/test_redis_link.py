"""The way to Redis, when it is told to end."""

import asyncio

import pytest

from chatserver.doors.redis_link import RedisLink

PATIENCE = 10.0


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

    monkeypatch.setattr(RedisLink, "_listen", fails)
    monkeypatch.setattr(RedisLink, "_keep_awake", ends_slowly)
    monkeypatch.setattr(RedisLink, "_publish", ends_slowly)
    link = RedisLink(redis_url, "test:link", lambda _: True, b"{}")
    async with asyncio.timeout(PATIENCE):
        starting = asyncio.create_task(link.start())
        await ending.wait()
        stopping = asyncio.create_task(link.stop())
        await asyncio.sleep(0)  # until it has asked
        end.set()
        await asyncio.gather(starting, stopping)
