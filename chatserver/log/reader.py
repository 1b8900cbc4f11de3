"""Reads the log: hands on what became visible since its last look, whichever process committed it.

The bell is fast and may lose anything; this is slow and loses nothing. It also says how far everything
has been handed on: the offset that durable pushes carry.
"""

import asyncio
import random
from collections.abc import Callable, Sequence

import asyncpg

from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.core.slices import in_slices
from chatserver.core.vitals import has_ended
from chatserver.delivery import Delivery
from chatserver.log.offset import Offset, shortened
from chatserver.store import Database, Record

_log = get_logger(__name__)

# The tables that are asked for are gone: a restore begins by dropping everything.
_GONE = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidSchemaNameError,
)

CALM = 1.0
ALARMED = 0.2
# Clients are told of newer offsets no more often than this, and those alone who were pushed nothing since so long
# after the last time: what the others are pushed brings them one.
_TOLD_EVERY = 1.0
_QUIET_AFTER = 0.7


class LogReader:
    """Reads the log once a second; every 200 ms while the bell cannot be trusted.

    Args:
        on_new_history: called when the database is no longer the one that was started on (a failover, a
            restore), or is being replaced: what this process remembers of seqs may never have happened.
    """

    def __init__(
        self,
        db: Database,
        delivery: Delivery,
        epoch: str,
        on_new_history: Callable[[], None],
    ) -> None:
        self._db = db
        self._delivery = delivery
        self._epoch = epoch
        self._alarms: set[str] = set()
        self._on_new_history = on_new_history
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._snapshot = ""
        self._read_at = 0.0
        self._began_at = 0.0
        self._told_at = 0.0
        self._quiet: asyncio.TimerHandle | None = None
        self._ended = False

    async def start(self) -> None:
        """Begin to read what becomes visible from now on: before the first connection there is nobody to tell.

        Raises:
            ChatError: UNAVAILABLE
        """
        row = await self._db.one("snapshot")
        assert row is not None  # it always answers
        self._adopt(row["snapshot"])
        self._task = asyncio.create_task(self._read_for_ever())

    async def stop(self) -> None:
        """Stop reading."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._quiet:
            self._quiet.cancel()

    def alarm(self, why: str) -> None:
        """Read more often from now on, not all being heard: the bell is away, or channels are young."""
        self._alarms.add(why)
        self._wake.set()

    def calm(self, why: str) -> None:
        """Read soon what was not heard; then less often, unless there is another alarm."""
        self._alarms.discard(why)
        self._wake.set()

    @property
    def lag(self) -> float:
        """Seconds since all that was visible had been handed on: about a second while all is well."""
        return self._now() - self._read_at

    def stands_still(self, patience: float) -> bool:
        """Return whether nothing has been read for `patience` seconds."""
        return has_ended(self._task) or (self._task is not None and self.lag > patience)

    async def _read_for_ever(self) -> None:
        while True:
            pause = (ALARMED if self._alarms else CALM) * random.uniform(1, 1.1)  # noqa: S311 - no secret
            too_early = self._told_at + _TOLD_EVERY - self._now()
            if self._delivery.owed and too_early > 0:
                pause = min(pause, too_early)
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass
            # People come all the time: that gives no more cause to read than an alarm does.
            await asyncio.sleep(self._began_at + ALARMED - self._now())
            self._wake.clear()
            self._began_at = self._now()
            try:
                await self.read()
            except ChatError:
                continue  # the database said so in the log already
            except _GONE:
                self._end()
            except Exception:
                _log.exception("the log could not be read")

    async def read(self) -> None:
        """Hand on what became visible since the last read, and only then let pushes say so.

        Raises:
            ChatError: UNAVAILABLE
        """
        self._delivery.owed.look_begins()
        rows = await self._db.all("became_visible", self._snapshot)
        snapshot = rows[0]["snapshot"]
        went_back = Offset(self._epoch, self._snapshot).is_after(snapshot)
        if went_back:
            # The database's files were set back. Nothing in them says so, so the next process has to tell clients.
            await self._db.one("open_generation")
        if went_back or rows[0]["epoch"] != self._epoch:
            self._end()
            return
        await self._delivery.caught_up(await self._behind(rows))
        self._adopt(snapshot)
        if self._now() - self._told_at >= _TOLD_EVERY:
            self._told_at = self._now()
            loop = asyncio.get_running_loop()
            self._quiet = loop.call_later(_QUIET_AFTER, self._delivery.owed.quiet_begins)
            if self._delivery.owed:
                await self._delivery.tell_offset()

    async def _behind(self, rows: Sequence[Record]) -> list[str]:
        """Say to where streams reach. Returns the rooms in which something of that is still to be handed on."""
        joined: dict[str, list[tuple[int, list[str]]]] = rows[0]["joined"] or {}
        behind = []
        for row in rows:
            async for some in in_slices(zip(row["rooms"] or (), row["seqs"] or (), strict=True)):
                behind += self._delivery.behind(some, joined)
        return behind

    def _end(self) -> None:
        """Stop the process: what it remembers of seqs may never have happened."""
        if not self._ended:
            self._ended = True
            _log.error("the database has another history now; the server stops", epoch=self._epoch)
            self._on_new_history()

    def _adopt(self, snapshot: str) -> None:
        self._snapshot = snapshot
        self._read_at = self._now()
        self._delivery.offset = str(Offset(self._epoch, shortened(snapshot)))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
