"""The scenarios, each with its long form for `make faults` and its short one for `make test`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults import scenarios
from tests.faults.fleet import Fleet
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
    """

    name: str
    done: str
    play: Play
    measure: str
    long: Form
    short: Form
    receipts: float = 3.0
    recovers: float | None = None


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
)
