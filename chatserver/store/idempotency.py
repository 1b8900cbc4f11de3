"""``requestId``: the same caller, command and id again has no second effect and gets the same answer."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from chatserver.core.caller import Caller
from chatserver.core.crypto import Vault
from chatserver.core.errors import ChatError, ErrorCode, unavailable
from chatserver.store import Database, Record

# After so many new answers of one person the oldest are forgotten.
_FORGET_EVERY = 50
_MOST_REMEMBERED = 10_000


class Queryable(Protocol):
    """Runs queries by name: the database, or one transaction in it."""

    async def all(self, name: str, *args: object) -> list[Record]:
        """Return all rows."""

    async def one(self, name: str, *args: object) -> Record | None:
        """Return the first row."""


class Mutation:
    """One mutation.

    ``kept`` is the answer of the request that did it before; where it is None, do it, and `keep` the answer.
    """

    def __init__(self, queries: Queryable, caller: Caller, kept: Mapping[str, Any] | None) -> None:
        self.queries = queries
        self.kept = kept
        self._caller = caller

    async def keep(self, answer: Mapping[str, Any]) -> None:
        """Keep the mutation's answer for repetitions of its request, in the mutation's own transaction.

        Args:
            answer: ids and counts, never text. It is not kept where the request has no id.
        """
        if request := self._caller.request:
            await self.queries.one(
                "keep_answer",
                self._caller.user_id,
                request.command,
                request.request_id,
                dict(answer),
            )


class Requests:
    """Makes mutations repeatable.

    Args:
        kept_answers: of one person; with a few more, the oldest are forgotten. 0 is any number.
    """

    def __init__(self, db: Database, vault: Vault, kept_answers: int = 0) -> None:
        self._db = db
        self._vault = vault
        self._kept_answers = kept_answers
        # How many answers were kept here for each person, since the oldest were forgotten.
        self._fresh: dict[str, int] = {}

    @asynccontextmanager
    async def once(self, caller: Caller) -> AsyncIterator[Mutation]:
        """Make the caller's mutation. Without a request id it is one statement and needs no transaction.

        Raises:
            ChatError: IDEMPOTENCY_CONFLICT for the same id with another payload; UNAVAILABLE
        """
        request = caller.request
        if request is None:
            yield Mutation(self._db, caller, None)
            return
        key = (caller.user_id, request.command, request.request_id)
        identity = (*(part.encode() for part in key), request.body)
        fingerprint = self._vault.fingerprint(*identity)
        async with self._db.transaction() as unit:
            claimed = await unit.one("claim_request", *key, fingerprint) is not None
            if claimed:
                yield Mutation(unit, caller, None)
            else:
                kept = await unit.one("kept_answer", *key)
                if kept is None:
                    # The claim met a row that is gone by now: it went with the message that it edited, or was
                    # the oldest.
                    raise unavailable()
                if not self._vault.same_fingerprint(kept["fingerprint"], *identity):
                    raise ChatError(
                        code=ErrorCode.IDEMPOTENCY_CONFLICT,
                        fields={"requestId": ["Was used for another payload."]},
                    )
                yield Mutation(unit, caller, kept["answer"])
        if claimed and self._kept_answers:
            await self._forget_oldest(caller.user_id)

    async def _forget_oldest(self, user_id: str) -> None:
        """Delete the oldest kept answers of a user, now and then."""
        fresh = self._fresh.pop(user_id, 0) + 1
        if fresh < _FORGET_EVERY:
            if len(self._fresh) >= _MOST_REMEMBERED:
                self._fresh.clear()
            self._fresh[user_id] = fresh
            return
        with suppress(ChatError):  # the next ones forget these, too
            await self._db.one("forget_answers", user_id, self._kept_answers)
