"""The scenarios, each with its long form for `make faults` and its short one for `make test`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults import partings, scenarios
from tests.faults.client import Client
from tests.faults.clusters import (
    Made,
    asynchronous_cluster,
    clock_cluster,
    full_cluster,
    linked_cluster,
    local_cluster,
    pooled_cluster,
    synchronous_cluster,
    vanishing_cluster,
)
from tests.faults.fleet import Fleet
from tests.faults.other_doors import Marketplace, Messaging
from tests.faults.returning import Returning
from tests.faults.scenarios import Form, Observed

Play = Callable[[Fleet, Form], Awaitable[Observed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row of the table.

    Args:
        name: what happens.
        done: how, with the form's fields in braces.
        measure: what `Observed.recovery` is the time of.
        receipts: the seconds within which an acked message reaches who is connected, whatever happens.
        recovers: the seconds that the recovery may take.
        short: None where it is played in its long form alone.
        cluster: makes what it is played on.
        doors: where the two of each pair are.
        excused: promises that cannot be kept there; the report shows what became of them.
    """

    name: str
    done: str
    play: Play
    measure: str
    long: Form
    short: Form | None
    receipts: float = 3.0
    recovers: float | None = None
    cluster: Made = local_cluster
    doors: tuple[type[Returning], type[Returning]] = (Client, Client)
    excused: frozenset[str] = frozenset()


_FRESH = "a fresh send, until its ack"
_BACK = "all who were cut, until they are back"

SCENARIOS = (
    Scenario(
        name="A process is killed",
        done="`kill -9` of one process after the other, {times} times, at {rate:.0f} messages/s",
        play=scenarios.kill,
        measure=_BACK,
        long=Form(rate=300, times=5, lasts=3),
        short=Form(rate=60, pairs=3, lasts=0.3),
        # Who is cut comes back to everything, at its own pace; see the recovery.
        receipts=5.0,
    ),
    Scenario(
        name="Everything is killed",
        done="`kill -9` of both processes and Redis, a crash of PostgreSQL, with everybody online",
        play=scenarios.crash,
        measure=_BACK,
        long=Form(rate=200, lasts=4),
        short=Form(rate=60, pairs=3, lasts=0.3),
    ),
    Scenario(
        name="A crash with people online",
        done="`kill -9` of one process, and one of its people does not come back until they are seen offline",
        play=scenarios.vanish,
        measure=_BACK,
        long=Form(rate=20, lasts=150),
        short=Form(rate=30, pairs=2, around=0.3),
    ),
    Scenario(
        name="A process is killed, with people at the other doors",
        done="`kill -9` of one process after the other, {times} times, with one of each pair at the messaging "
        "system's WebSocket and one at the marketplace system's STOMP",
        play=scenarios.kill,
        measure=_BACK,
        long=Form(rate=100, times=4, lasts=3),
        short=Form(rate=40, pairs=2, times=2, lasts=0.3),
        receipts=5.0,
        doors=(Messaging, Marketplace),
    ),
    Scenario(
        name="A rolling restart",
        done="SIGTERM to one process after the other",
        play=scenarios.roll,
        measure=_BACK,
        long=Form(rate=200, lasts=3),
        short=Form(rate=60, pairs=3, lasts=0.3),
    ),
    Scenario(
        name="Redis dies",
        done="`kill -9` of Redis, for {lasts:.0f} s",
        play=scenarios.kill_redis,
        measure=_FRESH,
        long=Form(rate=200, lasts=30),
        short=Form(rate=60, pairs=3, lasts=1, around=0.3),
    ),
    Scenario(
        name="Redis stalls",
        done="SIGSTOP of Redis, for {lasts:.0f} s",
        play=scenarios.stall_redis,
        measure=_FRESH,
        long=Form(rate=200, lasts=12),
        short=Form(rate=60, pairs=3, lasts=1, around=0.3),
    ),
    Scenario(
        name="PostgreSQL stops",
        done="PostgreSQL shut down, for {lasts:.0f} s",
        play=scenarios.stop_postgres,
        measure=_FRESH,
        long=Form(rate=200, lasts=10),
        short=Form(rate=60, pairs=3, lasts=0.5, around=0.3),
        recovers=1.0,
    ),
    Scenario(
        name="PostgreSQL stalls",
        done="SIGSTOP of all of PostgreSQL's processes, for {lasts:.0f} s",
        play=scenarios.stall_postgres,
        measure=_FRESH,
        long=Form(rate=200, lasts=8),
        short=Form(rate=60, pairs=3, lasts=0.5, around=0.3),
        recovers=1.0,
    ),
    Scenario(
        name="Backends are terminated",
        done="`pg_terminate_backend` of all the servers' sessions, {times} times, under load",
        play=scenarios.terminate,
        measure=_FRESH,
        long=Form(rate=300, times=20, lasts=0.5),
        short=Form(rate=100, pairs=3, times=3, lasts=0.2),
        recovers=1.0,
    ),
    Scenario(
        name="A client does not read",
        done="one device stops reading, and is sent {times} messages of 40 KB",
        play=scenarios.read_nothing,
        measure="who did not read, until it has everything",
        long=Form(rate=100, times=600),
        short=Form(rate=30, pairs=2, times=20),
    ),
    Scenario(
        name="Malformed frames",
        done="{times} frames that no client sends, over connections of their own",
        play=scenarios.malformed,
        measure=_FRESH,
        long=Form(rate=100, times=10_000),
        short=Form(rate=30, pairs=2, times=200),
    ),
    Scenario(
        name="A process is cut off from PostgreSQL",
        done="nothing passes between one process and PostgreSQL, for {lasts:.0f} s; the other goes on",
        play=partings.part_postgres,
        measure="a fresh send to that process, until its ack",
        long=Form(rate=200, lasts=12),
        short=Form(rate=40, pairs=2, lasts=1, around=0.3),
        # Who is at that process is told what the bell alone can tell, and the rest afterwards.
        receipts=20.0,
        cluster=linked_cluster,
    ),
    Scenario(
        name="A process is cut off from Redis",
        done="nothing passes between one process and Redis, for {lasts:.0f} s; the other goes on",
        play=partings.part_redis,
        measure="a fresh send to that process, until its ack",
        long=Form(rate=200, lasts=12),
        short=Form(rate=40, pairs=2, lasts=1, around=0.3),
        cluster=linked_cluster,
    ),
    Scenario(
        name="A clock jumps",
        done="one process' clock goes an hour ahead, an hour behind, and back, {lasts:.0f} s each",
        play=partings.jump,
        measure="a fresh send to that process, until its ack",
        long=Form(rate=200, lasts=5),
        short=None,
        cluster=clock_cluster,
    ),
    Scenario(
        name="PgBouncer dies",
        done="`kill -9` of the PgBouncer (transaction mode) before PostgreSQL, {times} times",
        play=partings.kill_pooler,
        measure=_FRESH,
        long=Form(rate=200, times=5, lasts=3),
        short=Form(rate=40, pairs=2, times=2, lasts=0.5, around=0.3),
        cluster=pooled_cluster,
    ),
    Scenario(
        name="The disk is full",
        done="no room on PostgreSQL's disk, its WAL's included, for {lasts:.0f} s; messages of 4 KB",
        play=partings.fill_disk,
        measure="a fresh send once there is room and PostgreSQL answers, until its ack",
        long=Form(rate=100, lasts=8),
        short=None,
        cluster=full_cluster,
    ),
    Scenario(
        name="PostgreSQL fails over",
        done="`kill -9` of the primary under load; its synchronous standby is promoted",
        play=partings.fail_over,
        measure="from the kill, until everybody is back and has reloaded",
        long=Form(rate=200, around=3),
        short=Form(rate=40, pairs=2, around=0.3),
        cluster=synchronous_cluster,
        recovers=15.0,
        # Who is cut has everything when it has reloaded; see the recovery.
        receipts=15.0,
    ),
    Scenario(
        name="The primary's machine vanishes",
        done="the same, and nothing comes from the primary any more: no answer, no end of a connection",
        play=partings.fail_over,
        measure="from the cut, until everybody is back and has reloaded",
        long=Form(rate=200, around=3),
        short=None,
        cluster=vanishing_cluster,
        recovers=15.0,
        receipts=15.0,
    ),
    Scenario(
        name="PostgreSQL fails over, and loses",
        done="the same with an asynchronous standby that has received nothing for {lasts:.0f} s",
        play=partings.fail_over,
        measure="from the kill, until everybody is back and has reloaded",
        long=Form(rate=200, lasts=3, around=3),
        short=None,
        cluster=asynchronous_cluster,
        recovers=15.0,
        receipts=15.0,
        # What it had not received is gone, though it was acked and told; its places are given to others.
        excused=frozenset({"lost", "phantom", "two orders", "disorder", "repeated", "stale"}),
    ),
)
