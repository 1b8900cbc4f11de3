"""Listens on a channel of PostgreSQL, on a connection of its own, since a pool's connections come and go."""

import asyncio
import random
from collections.abc import Callable

import asyncpg

from chatserver.config import ConfigError, DatabaseSettings
from chatserver.core.background import BackgroundTask
from chatserver.core.logging import get_logger
from chatserver.store.connect import Connector
from chatserver.store.outage import cause_of

_log = get_logger(__name__)

# Seconds of silence after which the other end is asked whether it is still there, and what it may take to say so.
_SILENCE = 10.0
_ANSWER = 5.0
_SHORTEST_BACKOFF = 0.1
_LONGEST_BACKOFF = 5.0
_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    ConfigError,
)


class NotifyListener(BackgroundTask):
    """Listens until it is stopped; makes a lost connection anew.

    Args:
        hear: called with each payload.
        on_listening: called whenever it begins to listen; earlier notifications were not heard.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        dsn: str,
        channel: str,
        hear: Callable[[str], None],
        on_listening: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._dsn = dsn
        self._channel = channel
        self._hear = hear
        self._on_listening = on_listening
        self._backoff = _SHORTEST_BACKOFF
        self._warned = False

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except _FAILURES as error:  # a TimeoutError is an OSError
                if not self._warned:
                    self._warned = True
                    _log.warning(
                        "nothing is heard from the database; trying again", error=cause_of(error)
                    )
            await asyncio.sleep(self._backoff * random.uniform(0.5, 1))  # noqa: S311 - no secret
            self._backoff = min(self._backoff * 2, _LONGEST_BACKOFF)

    async def _listen(self) -> None:
        """Listen until the connection is lost.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: why it was.
        """
        connection = await Connector(self._settings, self._dsn).connect(name="chatserver listener")
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(self._channel, self._heard)
            if self._warned:
                _log.info("the database is heard again")
            self._backoff, self._warned = _SHORTEST_BACKOFF, False
            self._on_listening()
            while not lost.is_set():
                try:
                    async with asyncio.timeout(_SILENCE):
                        await lost.wait()
                except TimeoutError:
                    await connection.fetchval("SELECT 1", timeout=_ANSWER)
            raise ConnectionError("the connection was closed")
        finally:
            connection.terminate()

    def _heard(self, _connection: object, _process: int, _channel: str, said: object) -> None:
        try:
            self._hear(str(said))
        except Exception:
            _log.exception("a notification could not be handled")
