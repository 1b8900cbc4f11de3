"""The log reader: what became visible since the last look, whoever committed it.

The bell is fast and may lose anything; this is slow and loses nothing. It also says how far everything
has been handed on: the offset that durable pushes carry.
"""

import asyncio
import random
from collections.abc import Callable

from chatserver.delivery import Delivery
from chatserver.errors import ChatError
from chatserver.logs import get_logger
from chatserver.offset import Offset
from chatserver.store import Database

_log = get_logger(__name__)

CALM = 1.0
ALARMED = 0.2


class LogReader:
    """Reads the log once a second; every 200 ms while the bell cannot be trusted.

    Args:
        on_new_history: called when the database is no longer the one that was started on (a failover, a
            restore): what this process remembers of seqs may never have happened.
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
        self._pause = CALM
        self._on_new_history = on_new_history
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._snapshot = ""
        self._read_at = 0.0

    async def start(self) -> None:
        """Begin from now: before the first connection there is nobody to hand anything on to.

        Raises:
            ChatError: UNAVAILABLE
        """
        row = await self._db.one("snapshot")
        assert row is not None  # it always answers
        self._adopt(row["snapshot"])
        self._task = asyncio.create_task(self._read_for_ever())

    async def stop(self) -> None:
        """Read no longer."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def alarm(self) -> None:
        """The bell is away: look more often, from now on."""
        self._pause = ALARMED
        self._wake.set()

    def calm(self) -> None:
        """The bell is back: look at once for what it lost, then seldom."""
        self._pause = CALM
        self._wake.set()

    @property
    def lag(self) -> float:
        """Seconds since all that was visible had been handed on: about a second while all is well."""
        return asyncio.get_running_loop().time() - self._read_at

    async def _read_for_ever(self) -> None:
        while True:
            pause = self._pause * random.uniform(0.8, 1)  # noqa: S311 - no secret
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self.read()
            except ChatError:
                continue  # the database said so in the log already
            except Exception:
                _log.exception("the log could not be read")

    async def read(self) -> None:
        """Hand on what became visible since the last read, and only then let pushes say so.

        Raises:
            ChatError: UNAVAILABLE
        """
        rows = await self._db.all("became_visible", self._snapshot)
        if rows[0]["epoch"] != self._epoch:
            _log.error("the database has another history now; the server stops")
            self._on_new_history()
            return
        behind = [
            row["room"]
            for row in rows
            if row["room"]
            and not self._delivery.reaches(row["room"], row["seq"], row["joined"] or [])
        ]
        await self._delivery.caught_up(behind)
        self._adopt(rows[0]["snapshot"])

    def _adopt(self, snapshot: str) -> None:
        self._snapshot = snapshot
        self._read_at = asyncio.get_running_loop().time()
        self._delivery.offset = str(Offset(self._epoch, snapshot))
