"""Finds connected users whose token was revoked or who were deleted.

The database is asked about everybody who is connected, every ten seconds: that is the promise. Beside it, a
revocation may be heard of at once: from the trigger on ``jwt_revocation`` where the table is ours, and from the
main back end by Redis. A process that could not listen for a while asks the database as soon as it can again.

The main back end publishes the ``jti`` as it stands in the token (or as a JSON string), once its row in
``jwt_revocation`` is committed: the row is what keeps the token out, and what ends its connections. Whoever says
that a token is revoked only has the table looked at: for a token that is in use here, ten times a second at most.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

import orjson

from chatserver.core.background import BackgroundTask
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.sessions.tokens import is_token_id
from chatserver.sessions.watch import Sessions
from chatserver.store import Database

_log = get_logger(__name__)

# Seconds; twice in the 30 within which a revoked token's connections are closed, also where one asking fails.
_EVERY = 10.0
_BATCH = 1_000
# How soon the table is looked at again after somebody's word (s).
_PAUSE = 0.1
# What the trigger notifies of, and where the main back end may publish (contract, section 2).
CHANNEL = "chatserver_revoked"
REDIS_CHANNEL = "chatserver:revoked"
# The longest jti, quoted and with everything escaped.
_MAX_PAYLOAD = 4_096


class Revocations(BackgroundTask):
    """Ends the sessions whose token was revoked or whose user was deleted."""

    def __init__(self, db: Database, sessions: Sessions) -> None:
        self._db = db
        self._sessions = sessions
        self._wake = asyncio.Event()
        # Tokens in use here that are said to be revoked.
        self._suspects: set[str] = set()
        self._ask_all = False

    async def are_told(self) -> bool:
        """Return whether the database notifies of revocations: the table is ours, and has our trigger.

        Raises:
            ChatError: UNAVAILABLE
        """
        row = await self._db.one("revocations_are_told")
        return row is not None and row["told"]

    def hear(self, said: object) -> None:
        """Look into the table, if the token that somebody calls revoked is in use here."""
        jti = read_token_id(said)
        if jti is not None and self._sessions.stand_on("jti", jti):
            self._suspects.add(jti)
            self._wake.set()

    def ask_soon(self) -> None:
        """Look into the table soon: a revocation may have gone unheard."""
        self._ask_all = True
        self._wake.set()

    async def ask(self) -> None:
        """Ask about everybody who is connected, and end the sessions that no longer hold.

        Raises:
            ChatError: UNAVAILABLE
        """
        await self._ask_about(self._sessions.grounds("user"), self._sessions.grounds("jti"))

    async def _ask_about(self, users: Sequence[str], jtis: Sequence[str]) -> None:
        for start in range(0, max(len(users), len(jtis)), _BATCH):
            batch = slice(start, start + _BATCH)
            for row in await self._db.all("no_longer_valid", users[batch], jtis[batch]):
                self._sessions.end(row["ground"], row["id"])

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + _period()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            self._wake.clear()
            try:
                if self._ask_all or loop.time() >= due:
                    self._ask_all = False
                    due = loop.time() + _period()
                    self._suspects.clear()
                    await self.ask()
                else:
                    suspects = list(self._suspects)
                    self._suspects.clear()
                    await self._ask_about((), suspects)
                    await asyncio.sleep(_PAUSE)
            except ChatError:
                continue  # the database said so in the log already
            except Exception:
                _log.exception("revocations could not be looked at")


def _period() -> float:
    return _EVERY * random.uniform(0.8, 1)  # noqa: S311 - no secret


def read_token_id(said: object) -> str | None:
    """Read a ``jti``, plain or as a JSON string; None where it is not one."""
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
