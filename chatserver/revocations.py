"""Tokens that are revoked, and users who are gone, while they are connected.

The database is asked about everybody who is connected, every ten seconds: that is the promise. Beside it, a
revocation may be heard of at once: from the trigger on ``jwt_revocation`` where the table is ours, and from the
main back end by Redis. Who could not listen for a while asks as soon as they can again.

The main back end publishes the ``jti`` as it stands in the token (or as a JSON string), once its row in
``jwt_revocation`` is committed: the row is what keeps the token out.
"""

import asyncio
import random

import orjson

from chatserver.errors import ChatError
from chatserver.logs import get_logger
from chatserver.sessions import Sessions
from chatserver.store import Database
from chatserver.tokens import is_token_id

_log = get_logger(__name__)

# Seconds; twice in the 30 within which a revoked token's connections are closed, also where one asking fails.
_EVERY = 10.0
_BATCH = 1_000
# What the trigger notifies of, and where the main back end may publish (contract, section 2).
CHANNEL = "chatserver_revoked"
REDIS_CHANNEL = "chatserver:revoked"
# The longest jti, quoted and with everything escaped.
_MAX_PAYLOAD = 4_096


class Revocations:
    """Ends the sessions that stand on what is no more."""

    def __init__(self, db: Database, sessions: Sessions) -> None:
        self._db = db
        self._sessions = sessions
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._ask_for_ever())

    async def stop(self) -> None:
        """Ask no longer."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def are_told(self) -> bool:
        """Whether the database notifies of revocations: the table is ours, and has our trigger.

        Raises:
            ChatError: UNAVAILABLE
        """
        row = await self._db.one("revocations_are_told")
        return row is not None and row["told"]

    def hear(self, said: object) -> None:
        """Somebody says that a token is revoked; what is no token's id is ignored."""
        jti = read_token_id(said)
        if jti is not None:
            self._sessions.end("jti", jti)

    def ask_soon(self) -> None:
        """Something may have been said that could not be heard."""
        self._wake.set()

    async def ask(self) -> None:
        """Ask about everybody who is connected, and end what has to end.

        Raises:
            ChatError: UNAVAILABLE
        """
        users, jtis = self._sessions.grounds("user"), self._sessions.grounds("jti")
        for start in range(0, max(len(users), len(jtis)), _BATCH):
            batch = slice(start, start + _BATCH)
            for row in await self._db.all("no_longer_valid", users[batch], jtis[batch]):
                self._sessions.end(row["ground"], row["id"])

    async def _ask_for_ever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_EVERY * random.uniform(0.8, 1)):  # noqa: S311 - no secret
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self.ask()
            except ChatError:
                continue  # the database said so in the log already
            except Exception:
                _log.exception("revocations could not be looked at")


def read_token_id(said: object) -> str | None:
    """The ``jti`` that was said: as it is, or as a JSON string; None where it is none, whoever said so."""
    if isinstance(said, bytes):
        if len(said) > _MAX_PAYLOAD:
            return None
        try:
            said = said.decode()
        except UnicodeDecodeError:
            return None
    if isinstance(said, str) and said.startswith('"') and len(said) <= _MAX_PAYLOAD:
        try:
            said = orjson.loads(said)
        except ValueError:
            return None
    return said if is_token_id(said) else None
