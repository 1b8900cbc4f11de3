"""The results as a document."""

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from tests.faults.play import Result

_HEAD = """# Reliability

What two `chatserver serve` processes on one PostgreSQL and one Redis do when something breaks, as `make faults`
saw it. The run writes this page; nobody else does.

In each scenario people on both processes write to each other. Each has a connection that resumes as the stock
client's does, comes back by itself to either process, and sends again what was not acked, under the same
`clientMessageId`. Everybody's partner is on the other process, and half of them have a second device there. In the
end every device's record of acks, receipts and answers is judged, step by step, against the database: by a model
of what one correct server could have shown (`tests/faults/model.py`).

"""

# What a promise is called at the top of its column, and what it says.
_PROMISES = {
    "lost": "acked, and not in the database under the id and `seq` that the ack said",
    "doubled": "rows too many for one `clientMessageId`, or two different acks for one",
    "gaps": "conversations whose `seq` is not 1, 2, 3 … to the last",
    "phantom": "messages that a device was told of and that the database does not have",
    "two orders": "two events told at one place of a conversation, or a message put before one that was acked "
    "when it began to be sent",
    "disorder": "pushes that came, for the first time, after a later one of their conversation",
    "repeated": "events pushed twice over one connection",
    "stale": "answers that showed a conversation older than the device had seen it",
    "missed": "events that a device of a member never received",
    "trespass": "events that reached somebody from outside their membership",
    "refused": "sends or connections refused with an error that does not say to try again",
    "crashed": "failures that the server did not foresee, in its log",
}

_TIMES = """
Times as observed, in seconds:

- **answer**: the longest that an attempt to send waited for its ack, its error, or the end of its connection
  (promised: 5);
- **receipt**: the longest from an ack to the arrival at a device that was connected all the while, on the other
  process too (promised: 3, also without Redis);
- **silence**: the longest time under load in which nobody got an ack;
- **recovery**: until it worked again; what is measured stands beside it.

"""


def report(results: Sequence[Result], postgres: str, redis: str) -> str:
    """The whole document."""
    counts = _table(
        " | ".join(("scenario", "sent", "acked", *_PROMISES)),
        (
            (r.scenario.name, r.sent, r.acked, *(r.verdict.get(name, 0) for name in _PROMISES))
            for r in results
        ),
    )
    times = _table(
        "scenario | answer | receipt | silence | recovery | of",
        (
            (
                r.scenario.name,
                _seconds(r.slowest_answer),
                _seconds(r.slowest_receipt),
                _seconds(r.longest_silence),
                _seconds(r.observed.recovery),
                r.scenario.measure,
            )
            for r in results
        ),
    )
    done = _table(
        "scenario | what was done | messages/s | told to try again | seen",
        (
            (
                r.scenario.name,
                r.scenario.done.format(rate=r.form.rate, times=r.form.times, lasts=r.form.lasts),
                f"{r.form.rate:.0f}",
                ", ".join(f"{count} times {kind}" for kind, count in sorted(r.retries.items())),
                r.observed.note,
            )
            for r in results
        ),
    )
    late = [line for r in results for line in r.late()]
    lateness = "".join(f"\n- Over the promise on this machine: {line}" for line in late)
    return (
        _HEAD
        + f"This run: {_versions(postgres, redis)}.\n"
        + "\nAll of these are to be 0, but for what is said below of a scenario:\n\n"
        + ";\n".join(f"- **{name}**: {meaning}" for name, meaning in _PROMISES.items())
        + ".\n\n"
        + counts
        + "".join(
            f"\n- {r.scenario.name}: what was acked or told and was nowhere else is gone, so "
            f"{', '.join(name for name in _PROMISES if name in r.scenario.excused)} are as they are.\n"
            for r in results
            if r.scenario.excused
        )
        + _TIMES
        + times
        + (lateness + "\n" if lateness else "")
        + "\nWhat was done, and what else was seen:\n\n"
        + done
    )


def _seconds(value: float) -> str:
    return f"{value:.1f}"


def _table(head: str, rows: Iterable[tuple[object, ...]]) -> str:
    columns = head.split(" | ")
    lines = [f"| {head} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def _versions(postgres: str, redis: str) -> str:
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("python-socketio", "aiohttp", "asyncpg", "uvloop")
    )
    return (
        f"chatserver {version('chatserver')}, Python {platform.python_version()}, {packages}, "
        f"PostgreSQL {postgres} (durable), Redis {redis}, "
        f"{os.cpu_count()} processors for everything, the clients included"
    )
