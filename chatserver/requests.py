"""``requestId``: the same caller, command and id again has no second effect, and the same answer."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from chatserver.crypto import Vault
from chatserver.errors import ChatError, ErrorCode, unavailable
from chatserver.session import Caller
from chatserver.store import Database, Record


class Asks(Protocol):
    """What can be asked by a query's name: the database, or one transaction in it."""

    async def all(self, name: str, *args: object) -> list[Record]:
        """All rows."""

    async def one(self, name: str, *args: object) -> Record | None:
        """The first row."""


class Work:
    """One mutation. ``kept`` is the answer of the request that did it before, or None: then do it, and `keep`."""

    def __init__(self, asks: Asks, caller: Caller, kept: Mapping[str, Any] | None) -> None:
        self.asks = asks
        self.kept = kept
        self._caller = caller

    async def keep(self, answer: Mapping[str, Any]) -> None:
        """Keep an answer (ids and counts, never text) in the same transaction as what it answers."""
        if request := self._caller.request:
            await self.asks.one(
                "keep_answer",
                self._caller.user_id,
                request.command,
                request.request_id,
                dict(answer),
            )


class Requests:
    """Makes mutations repeatable."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    @asynccontextmanager
    async def once(self, caller: Caller) -> AsyncIterator[Work]:
        """The caller's mutation. Without a request id it is one statement and needs no transaction.

        Raises:
            ChatError: IDEMPOTENCY_CONFLICT for the same id with another payload; UNAVAILABLE
        """
        request = caller.request
        if request is None:
            yield Work(self._db, caller, None)
            return
        key = (caller.user_id, request.command, request.request_id)
        identity = (*(part.encode() for part in key), request.body)
        fingerprint = self._vault.fingerprint(*identity)
        async with self._db.transaction() as unit:
            if await unit.one("claim_request", *key, fingerprint):
                yield Work(unit, caller, None)
                return
            kept = await unit.one("kept_answer", *key)
            if kept is None:
                # The claim met a row that is gone by now: it went with the message that it edited.
                raise unavailable()
            if not self._vault.same_fingerprint(kept["fingerprint"], *identity):
                raise ChatError(
                    code=ErrorCode.IDEMPOTENCY_CONFLICT,
                    fields={"requestId": ["Was used for another payload."]},
                )
            yield Work(unit, caller, kept["answer"])
