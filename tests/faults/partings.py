"""What befalls the way between processes, PostgreSQL and Redis, and their clocks and disks."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp

from tests.faults.client import Client
from tests.faults.clusters import (
    ClockCluster,
    FailoverCluster,
    FullCluster,
    LinkedCluster,
    PooledCluster,
)
from tests.faults.fleet import Fleet, patiently
from tests.faults.postgres import now
from tests.faults.scenarios import Form, Observed
from tests.support.link import Link

_MEGABYTE = 2**20


async def fail_over(fleet: Fleet, form: Form) -> Observed:
    """The primary's machine dies under load, and the standby is promoted.

    Where it is not synchronous, it has received nothing for `lasts` seconds by then.
    """
    cluster = fleet.cluster
    assert isinstance(cluster, FailoverCluster)
    clients = [client for client in fleet.clients if isinstance(client, Client)]
    async with fleet.load(form.rate):
        await asyncio.sleep(form.around)
        if not cluster.synchronous:
            behind = await cluster.standby.fall_behind()
            await asyncio.sleep(form.lasts)
        began = now()
        if cluster.cable is not None:
            # So nobody hears of the end.
            cluster.cable.cut()
        cluster.postgres.kill()
        if not cluster.synchronous:
            # What had not left the primary by then is nowhere any more.
            os.kill(behind, signal.SIGCONT)
        await cluster.standby.promote()
        cluster.postgres = cluster.standby
        await patiently(asyncio.gather(*(client.reloaded(1) for client in clients)))
        recovery = now() - began
        await asyncio.sleep(form.around)
    exits = [code for server in cluster.servers for code in server.exits]
    # Their database has another history: the supervisor's word, and not a crash.
    assert exits == [1] * len(cluster.servers)
    return Observed(
        recovery=recovery,
        note=f"all {len(clients)} devices were told to reload; each process ended with 1, and was started again",
    )


async def part_postgres(fleet: Fleet, form: Form) -> Observed:
    """Nothing passes between the first process and PostgreSQL."""
    assert isinstance(fleet.cluster, LinkedCluster)
    return await _part(fleet, form, fleet.cluster.to_postgres)


async def part_redis(fleet: Fleet, form: Form) -> Observed:
    """Nothing passes between the first process and Redis."""
    assert isinstance(fleet.cluster, LinkedCluster)
    return await _part(fleet, form, fleet.cluster.to_redis)


async def _part(fleet: Fleet, form: Form, link: Link) -> Observed:
    async with fleet.load(form.rate):
        await asyncio.sleep(form.around)
        link.cut()
        try:
            await asyncio.sleep(form.lasts)
            status = await _readiness(fleet.cluster.servers[0].url)
        finally:
            link.mend()
        recovery = await fleet.probe(fleet.clients[0])
        await asyncio.sleep(form.around)
    return Observed(recovery=recovery, note=f"/ready of the process said {status} meanwhile")


async def _readiness(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/ready") as response:
        return response.status


async def fill_disk(fleet: Fleet, form: Form) -> Observed:
    """PostgreSQL's disk, its WAL's included, is full for a while."""
    cluster = fleet.cluster
    assert isinstance(cluster, FullCluster)
    ballast = cluster.disk / "ballast"
    async with fleet.load(form.rate, "x" * 4000):
        await asyncio.sleep(form.around)
        await asyncio.to_thread(_fill, ballast)
        refused = fleet.history.retries["UNAVAILABLE"]
        await fleet.refused("UNAVAILABLE", refused)
        await asyncio.sleep(form.lasts)
        ballast.unlink()
        note = "PostgreSQL refused what was sent"
        if not cluster.postgres.is_running:
            note = "PostgreSQL ended, and was started again when there was room"
            await cluster.postgres.start()
        await cluster.postgres.answers()
        recovery = await fleet.probe()
        await asyncio.sleep(form.around)
    return Observed(recovery=recovery, note=note)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * _MEGABYTE) == _MEGABYTE:
                pass
        except OSError:
            pass


async def jump(fleet: Fleet, form: Form) -> Observed:
    """The first process' clock goes an hour ahead, then an hour behind, then right again."""
    cluster = fleet.cluster
    assert isinstance(cluster, ClockCluster)
    slowest = 0.0
    async with fleet.load(form.rate):
        await asyncio.sleep(form.around)
        for offset in ("+3600", "-3600", "+0"):
            cluster.clock.write_text(f"{offset}\n")
            await asyncio.sleep(form.lasts)
            slowest = max(slowest, await fleet.probe(fleet.clients[0]))
        await asyncio.sleep(form.around)
    return Observed(recovery=slowest)


async def kill_pooler(fleet: Fleet, form: Form) -> Observed:
    """PgBouncer dies, and is back at once."""
    cluster = fleet.cluster
    assert isinstance(cluster, PooledCluster)
    slowest = 0.0
    async with fleet.load(form.rate):
        for _ in range(form.times):
            await asyncio.sleep(form.lasts)
            cluster.pooler.kill()
            cluster.pooler.start()
            slowest = max(slowest, await fleet.probe())
        await asyncio.sleep(form.around)
    return Observed(recovery=slowest)
