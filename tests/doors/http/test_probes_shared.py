"""Probes share their look into the database."""

import asyncio
from typing import cast

from aiohttp import web

from chatserver.doors.http.probes import Probes
from chatserver.metrics.exposition import Metrics

_REQUEST = cast(web.Request, None)


async def test_one_look_for_all_who_ask_meanwhile() -> None:
    """However many ask at once, the database is asked by one; who asks later has a look of their own."""
    looks = 0
    answered = asyncio.Event()

    async def check() -> bool:
        nonlocal looks
        looks += 1
        await answered.wait()
        return looks == 1

    probes = Probes(check, cast(Metrics, None), token=None, open_to_all=False)
    asking = [asyncio.create_task(probes.ready(_REQUEST)) for _ in range(50)]
    # Whoever hangs up takes nobody's answer along.
    await asyncio.sleep(0)
    asking.pop().cancel()
    await asyncio.sleep(0)
    answered.set()
    statuses = {response.status for response in await asyncio.gather(*asking)}
    assert (looks, statuses) == (1, {200})
    assert (await probes.ready(_REQUEST)).status == 503
    assert looks == 2
