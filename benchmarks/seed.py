"""What all seeding has in common: how messages are spread, and PostgreSQL's binary COPY."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing import get_context
from typing import TypeAlias

import asyncpg

from benchmarks.world import Talk

# A conversation is held in bursts: so many messages of one stand together in the table, as they would.
BURST = 10
# From here on it is worth while to build the indexes anew.
LARGE = 200_000
# Between two messages of the whole table: all are younger than the log is kept for.
STEP_US = 10_000
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_CHUNK = 256
# Microseconds from 1970 to 2000, where PostgreSQL's times begin.
_EPOCH_US = 946_684_800_000_000

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages to be added to a conversation of two: `count` after the last ones."""

    talk: Talk
    last_number: int
    last_seq: int
    count: int


def in_bursts(stretches: list[Stretch]) -> Iterator[tuple[Stretch, range]]:
    """The stretches cut into bursts, those of all conversations taking turns: positions from 1 on."""
    longest = max((stretch.count for stretch in stretches), default=0)
    # Each conversation lasts for the whole time: the longest one has a burst in each turn.
    turns = -(-longest // BURST)
    done = [0] * len(stretches)
    for turn in range(1, turns + 1):
        for index, stretch in enumerate(stretches):
            until = stretch.count * turn // turns
            if until > done[index]:
                yield stretch, range(done[index] + 1, until + 1)
                done[index] = until


def times(total: int) -> Iterator[int]:
    """The times of so many messages, the last one now: microseconds since 2000."""
    now = time.time_ns() // 1_000_000 * 1_000 - _EPOCH_US
    return iter(range(now - (total - 1) * STEP_US, now + 1, STEP_US))


def text_of(number: int) -> str:
    """Something to say; always as long."""
    return (
        f"Message {number:>9} of this conversation, of about the length that people write in chats."
    )


def ids_of_clients() -> Iterator[bytes]:
    """What clients call their messages: 36 characters, as UUIDs are, each once."""
    run = os.urandom(12).hex()
    return (b"%b%012x" % (run.encode(), number) for number in count())


async def copy_binary(
    connection: Connection, table: str, columns: list[str], rows: Iterator[bytes]
) -> None:
    """COPY rows that are in PostgreSQL's binary form already."""

    async def source() -> AsyncIterator[bytes]:
        yield _HEADER
        chunk = []
        for row in rows:
            chunk.append(row)
            if len(chunk) == _CHUNK:
                yield b"".join(chunk)
                chunk.clear()
        yield b"".join(chunk) + _TRAILER

    await connection.copy_to_table(table, source=source(), columns=columns, format="binary")


async def by_workers(
    load: Callable[[str, list[Stretch]], Awaitable[None]],
    dsn: str,
    stretches: list[Stretch],
    workers: int,
) -> None:
    """Run `load(dsn, share)` in processes of their own, each with a share of the conversations."""
    shares = [stretches[k::workers] for k in range(workers)]
    loop = asyncio.get_running_loop()
    # Spawned: a fork would take our event loop and its connections along.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        await asyncio.gather(
            *(loop.run_in_executor(pool, partial(_run, load, dsn, share)) for share in shares)
        )


def _run(
    load: Callable[[str, list[Stretch]], Awaitable[None]], dsn: str, share: list[Stretch]
) -> None:
    async def run() -> None:
        await load(dsn, share)

    asyncio.run(run())


class WithoutIndexes:
    """While in this context a table has no indexes: building them afterwards takes a fraction of the time."""

    def __init__(self, connection: Connection, *tables: str) -> None:
        self._connection = connection
        self._tables = tables
        self._again: list[str] = []

    async def __aenter__(self) -> None:
        for row in await self._connection.fetch(_INDEXES, list(self._tables)):
            await self._connection.execute(row["removal"])
            self._again.append(row["creation"])

    async def __aexit__(self, *_: object) -> None:
        await self._connection.execute("SET maintenance_work_mem = '1GB'")
        await self._connection.execute("SET max_parallel_maintenance_workers = 2")
        for creation in self._again:
            await self._connection.execute(creation)


_INDEXES = """
SELECT CASE WHEN k.conname IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass)
        ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', i.indrelid::regclass, k.conname) END AS removal,
    CASE WHEN k.conname IS NULL THEN pg_get_indexdef(i.indexrelid)
        ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.indrelid::regclass, k.conname,
                    pg_get_constraintdef(k.oid)) END AS creation
FROM pg_index i LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid
WHERE i.indrelid = ANY ($1::text[]::regclass[])
"""
