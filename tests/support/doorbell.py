"""The doorbell of servers in this process, and servers that share one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chatserver.delivery.bell import RedisBell
from tests.support.patience import PATIENCE
from tests.support.servers import Server, local_server


def bell(server: Server) -> RedisBell:
    """The doorbell of a server in this process."""
    assert server.app
    found = server.app.delivery.bell
    assert isinstance(found, RedisBell)
    return found


async def turns(server: Server, *, healthy: bool) -> None:
    """Wait until a doorbell is well, or is not."""
    turned = asyncio.Event()
    callbacks = bell(server).on_recovered if healthy else bell(server).on_lost
    callbacks.append(turned.set)
    try:
        if bell(server).healthy is not healthy:
            async with asyncio.timeout(PATIENCE):
                await turned.wait()
        assert bell(server).healthy is healthy
    finally:
        callbacks.remove(turned.set)


@asynccontextmanager
async def local_pair(
    dsn: str, redis_url: str, **overrides: str
) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers in this process, with a doorbell between them that works."""
    async with (
        local_server(dsn, REDIS_URL=redis_url, **overrides) as first,
        local_server(dsn, REDIS_URL=redis_url, **overrides) as second,
    ):
        for server in (first, second):
            await turns(server, healthy=True)
        yield first, second
