"""A connection of its own that hears what is notified on a channel: a pool's connections come and go."""

import asyncio
import random
from collections.abc import Callable

import asyncpg

from chatserver.config import ConfigError, DatabaseSettings
from chatserver.logs import get_logger

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


class Listener:
    """Listens for as long as it runs; a connection that is lost is made again.

    Args:
        hear: called with each payload.
        on_listening: called whenever it begins to listen: what was said before was not heard.
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
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the database may come later."""
        self._task = asyncio.create_task(self._listen_for_ever())

    async def stop(self) -> None:
        """Listen no longer."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen()
            except _FAILURES as error:  # a TimeoutError is an OSError
                if not self._warned:
                    self._warned = True
                    _log.warning("nothing is heard of the database", error=type(error).__name__)
            await asyncio.sleep(self._backoff * random.uniform(0.5, 1))  # noqa: S311 - no secret
            self._backoff = min(self._backoff * 2, _LONGEST_BACKOFF)

    async def _listen(self) -> None:
        """Listen until the connection is lost.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: why it was.
        """
        connection = await asyncpg.connect(
            self._dsn,
            ssl=self._settings.ssl_context(),
            timeout=self._settings.connection_timeout,
            server_settings={"application_name": "chatserver listener"},
        )
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(self._channel, self._heard)
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
