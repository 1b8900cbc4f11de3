"""Reads the log later and elsewhere, for parts that act on events: docs/CONSUMERS.md says what is promised.

How far a consumer has read the log is kept in the database, and so are the streams in which it has something to
do, with how far each is done. Every process takes some of these under a lease; no transaction is open meanwhile.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from chatserver.core.background import BackgroundTask
from chatserver.core.crypto import DecryptionError
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.store import Database, Record

_log = get_logger(__name__)

# Of a busy log, so many transactions at a time.
_TRANSACTIONS = 20_000
# Streams under way in this process, and events of one that are handed over at once.
_STREAMS = 8
_EVENTS = 50
_LONGEST_WAIT = 300.0


def back_off(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: 1, 2, 4 … 300."""
    return min(2.0 ** min(failures, 16), _LONGEST_WAIT)


class Consumer(Protocol):
    """What is done with events: in the order of each stream, and at least once."""

    @property
    def name(self) -> str:
        """The consumer's name, for as long as its place in the log is kept."""

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of events that it is given."""

    async def take(self, stream_id: UUID, events: Sequence[Record]) -> None:
        """Act on some events of a stream; what raises is given again, after a while."""


class LogConsumer(BackgroundTask):
    """Gives a consumer its events.

    Args:
        pause: seconds between two looks at the log, over all processes.
        lease: seconds for which a stream is one process'; `take` must not need longer.
    """

    def __init__(
        self, db: Database, consumer: Consumer, *, pause: float = 1.0, lease: float = 15.0
    ) -> None:
        self._db = db
        self._consumer = consumer
        self._pause = pause
        self._lease = timedelta(seconds=lease)
        # How many events were taken, and how often a stream failed.
        self.tally: Counter[str] = Counter()

    @property
    def name(self) -> str:
        """The consumer's name."""
        return self._consumer.name

    async def begin(self) -> None:
        """See to it that the consumer has a place in the log: it is given what comes after.

        Raises:
            ChatError: UNAVAILABLE
        """
        await self._read()

    async def turn(self) -> bool:
        """Look at the log, and work on some streams that are due. Returns whether there may be more to do.

        Raises:
            ChatError: UNAVAILABLE
        """
        has_more = await self._read()
        streams = await self._db.all("claim_streams", self.name, _STREAMS, self._lease)
        await asyncio.gather(*map(self._work, streams))
        return has_more or len(streams) == _STREAMS

    async def _read(self) -> bool:
        kinds, pause = list(self._consumer.kinds), timedelta(seconds=self._pause * 0.8)
        row = await self._db.one("read_log", self.name, kinds, pause, _TRANSACTIONS)
        return bool(row and row["has_more"])

    async def _work(self, stream: Record) -> None:
        """Give the consumer a stream's events, as many as are handed over at once."""
        done, wait = stream["done_seq"], None
        try:
            events = await self._db.all(
                "consumed_events",
                stream["stream_id"],
                done,
                stream["last_seq"],
                list(self._consumer.kinds),
                _EVENTS,
            )
            if events:
                await self._consumer.take(stream["stream_id"], events)
            self.tally["taken"] += len(events)
            # Whatever else is in between is none of its kinds.
            done = events[-1]["seq"] if len(events) == _EVENTS else stream["last_seq"]
        except ChatError:
            wait = back_off(stream["failures"])
        except DecryptionError:
            self.tally["failed"] += 1
            wait = back_off(stream["failures"])
            _log.error(
                "a message's key is not configured: add it to CHAT_ENCRYPTION_KEY_PREVIOUS",
                consumer=self.name,
                stream=str(stream["stream_id"]),
            )
        except Exception:
            self.tally["failed"] += 1
            wait = back_off(stream["failures"])
            _log.exception("a stream of the log could not be worked on", consumer=self.name)
        # Where the database does not answer, the lease ends by itself.
        with suppress(ChatError):
            await self._db.one(
                "finish_stream",
                self.name,
                stream["stream_id"],
                stream["claim"],
                done,
                None if wait is None else timedelta(seconds=wait),
            )

    async def _run(self) -> None:
        while True:
            has_more = False
            try:
                has_more = await self.turn()
            except ChatError:
                pass  # the database said so in the log already
            except Exception:
                _log.exception("a consumer of the log failed", consumer=self.name)
            if not has_more:
                await asyncio.sleep(self._pause * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
