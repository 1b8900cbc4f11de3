"""What befalls the cluster, while people write to each other."""

import asyncio
import signal
from dataclasses import dataclass

from tests.faults.client import Client
from tests.faults.fleet import Fleet
from tests.faults.hostile_frames import send_malformed
from tests.faults.postgres import now


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How much of a scenario is played.

    Args:
        rate: messages per second, over all people.
        pairs: of people.
        times: how often the fault comes, or how much of it.
        lasts: for how many seconds.
        around: seconds of load before what comes once, and after it.
    """

    rate: float = 100
    pairs: int = 12
    times: int = 1
    lasts: float = 0.0
    around: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is worth telling beside the verdict.

    Args:
        recovery: seconds until it worked again, by the scenario's own measure.
        note: anything else.
    """

    recovery: float
    note: str = ""


# -- processes ----------------------------------------------------------------------------------------


async def kill(fleet: Fleet, form: Form) -> Observed:
    slowest = 0.0
    async with fleet.load(form.rate):
        for n in range(form.times):
            await asyncio.sleep(form.lasts)
            server = fleet.cluster.servers[n % 2]
            slowest = max(slowest, await fleet.hurt(server, server.end(signal.SIGKILL)))
            await server.start()
            await fleet.spread()
        await asyncio.sleep(form.lasts)
    return Observed(recovery=slowest)


async def roll(fleet: Fleet, form: Form) -> Observed:
    slowest = 0.0
    async with fleet.load(form.rate):
        for server in fleet.cluster.servers:
            await asyncio.sleep(form.lasts)
            slowest = max(slowest, await fleet.hurt(server, server.end(signal.SIGTERM)))
            await server.start()
            await fleet.spread()
        await asyncio.sleep(form.lasts)
    return Observed(recovery=slowest)


async def crash(fleet: Fleet, form: Form) -> Observed:
    """Both processes and PostgreSQL at once, with everybody online."""
    cluster = fleet.cluster
    async with fleet.load(form.rate):
        await asyncio.sleep(form.lasts)
        await asyncio.gather(*(server.end(signal.SIGKILL) for server in cluster.servers))
        await cluster.postgres.stop(signal.SIGQUIT)
        cluster.redis.kill()
        await cluster.postgres.start()
        await cluster.heal()
        recovery = await fleet.back()
        await asyncio.sleep(form.lasts)
    together = [
        await first.sees(second.user_id)
        for first, second, _ in fleet.pairs
        if isinstance(first, Client)
    ]
    return Observed(
        recovery=recovery, note=f"{sum(together)} of {len(together)} pairs see each other online"
    )


async def vanish(fleet: Fleet, form: Form) -> Observed:
    """A process dies with people online of whom one does not come back; then they do, to what they missed."""
    server = fleet.cluster.servers[1]
    friend, gone, _ = fleet.pairs[0]
    assert isinstance(friend, Client)
    assert gone.at == server.url
    async with fleet.load(form.rate):
        await asyncio.sleep(form.around)
        gone.stay_away()
        others = [client for client in fleet.clients if client is not gone]
        recovery = await fleet.hurt(server, server.end(signal.SIGKILL), others)
        await server.start()
        began = now()
        # Nobody is left who could say that they went: their process's word on it has to run out.
        forgotten = form.lasts == 0 or await friend.sees(
            gone.user_id, online=False, within=form.lasts
        )
        took = now() - began
        gone.start()
        await gone.connected(gone.connections)
    note = f"who stayed away was seen offline after {took:.0f} s"
    return Observed(
        recovery=recovery, note=note if forgotten else "who stayed away was seen online"
    )


# -- Redis --------------------------------------------------------------------------------------------


async def kill_redis(fleet: Fleet, form: Form) -> Observed:
    redis = fleet.cluster.redis
    async with fleet.load(form.rate):
        await asyncio.sleep(form.around)
        redis.kill()
        await asyncio.sleep(form.lasts)
        redis.start()
        recovery = await fleet.probe()
        await asyncio.sleep(form.around)
    return Observed(recovery=recovery)


async def stall_redis(fleet: Fleet, form: Form) -> Observed:
    redis = fleet.cluster.redis
    async with fleet.load(form.rate):
        await asyncio.sleep(form.around)
        redis.stall()
        try:
            await asyncio.sleep(form.lasts)
        finally:
            redis.resume()
        recovery = await fleet.probe()
        await asyncio.sleep(form.around)
    return Observed(recovery=recovery)


# -- PostgreSQL ---------------------------------------------------------------------------------------


async def stop_postgres(fleet: Fleet, form: Form) -> Observed:
    postgres = fleet.cluster.postgres
    async with fleet.load(form.rate):
        await asyncio.sleep(form.around)
        await postgres.stop()
        try:
            await asyncio.sleep(form.lasts)
        finally:
            await postgres.start()
        recovery = await fleet.probe()
        await asyncio.sleep(form.around)
    return Observed(recovery=recovery)


async def stall_postgres(fleet: Fleet, form: Form) -> Observed:
    async with fleet.load(form.rate):
        await asyncio.sleep(form.around)
        async with fleet.cluster.postgres.stalled():
            await asyncio.sleep(form.lasts)
        recovery = await fleet.probe()
        await asyncio.sleep(form.around)
    return Observed(recovery=recovery)


async def terminate(fleet: Fleet, form: Form) -> Observed:
    ended = busy = 0
    slowest = 0.0
    async with fleet.load(form.rate):
        for _ in range(form.times):
            await asyncio.sleep(form.lasts)
            everything, working = await fleet.cluster.postgres.terminate_backends()
            ended, busy = ended + everything, busy + working
            slowest = max(slowest, await fleet.probe())
    return Observed(recovery=slowest, note=f"{ended} sessions ended, {busy} of them at work")


# -- clients ------------------------------------------------------------------------------------------

# Four bytes each, as many as a message may have.
_LONG_TEXT = "\N{MUSICAL SYMBOL G CLEF}" * 10_000


async def read_nothing(fleet: Fleet, form: Form) -> Observed:
    """One device stops reading while its conversation gets 40 KB messages; then it reads again.

    Where the server bounds what it holds for one connection, it cuts this one, and the client comes back
    and recovers; where it does not, its memory grows by what is sent. Either way nobody misses anything.
    """
    servers = fleet.cluster.servers
    before = max(server.memory() for server in servers)
    sleeper = fleet.clients[2]
    assert isinstance(sleeper, Client)
    fleet.pairs = [pair for pair in fleet.pairs if sleeper.user_id == pair[0].user_id] + [
        pair for pair in fleet.pairs if sleeper.user_id != pair[0].user_id
    ]
    connections = sleeper.connections
    sleeper.pause()
    async with fleet.load(form.rate):
        client, _, conversation = fleet.pairs[0]
        for n in range(form.times):
            # Below what one conversation may miss before it is to be reloaded (1,000).
            await fleet.post(client, conversation, f"{n} {_LONG_TEXT}"[:10_000])
        after = max(server.memory() for server in servers)
    sleeper.resume()
    recovery = await fleet.has_everything(sleeper)
    cut = "was cut and came back" if sleeper.connections > connections else "was kept"
    note = f"the client {cut}; a process grew by {after - before} MB"
    return Observed(recovery=recovery, note=note)


async def malformed(fleet: Fleet, form: Form) -> Observed:
    client = fleet.clients[0]
    async with fleet.load(form.rate):
        answers = await send_malformed(client.urls, client.token, form.times)
        recovery = await fleet.probe()
    return Observed(recovery=recovery, note=str(answers))
