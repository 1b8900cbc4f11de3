"""Makes a change in the one way that all take: once, judged, kept for a repetition, committed, then handed on."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from chatserver.core.caller import Caller
from chatserver.delivery import Delivery, conversation_room, user_room
from chatserver.log.log import Log
from chatserver.log.verdicts import Subject, check
from chatserver.store import Queryable, Record, Requests

# Asks the database for a change; the row that it answers has its verdict.
ChangeStatement = Callable[[Queryable], Awaitable[Record | None]]


class Appended(NamedTuple):
    """The events that a change appended to one stream, from one seq to another; none where the seqs are None."""

    room: str
    first_seq: int | None
    last_seq: int | None


class Made(NamedTuple):
    """A change that is committed.

    Attributes:
        answer: what a repetition is answered with, too: ids, counts and words of ours, never text.
        row: the database's; None for a repetition, which changed nothing.
    """

    answer: Mapping[str, Any]
    row: Record | None


def to_conversation(
    conversation_id: UUID, seq: int | None, last_seq: int | None = None
) -> Appended:
    """Name what was appended to a conversation: one event, or those up to another."""
    return Appended(conversation_room(conversation_id), seq, last_seq or seq)


def to_person(user_id: str, seq: int | None) -> Appended:
    """Name the event that was appended to a person's own stream."""
    return Appended(user_room(user_id), seq, seq)


def to_its_conversation(row: Record) -> Iterable[Appended]:
    """Name the event that a change appended to a conversation: its row has the conversation's id and the seq."""
    return (to_conversation(row["conversation_id"], row["seq"]),)


def _nothing(_: Record) -> Mapping[str, Any]:
    return {}


class Changes:
    """Makes changes of the log: each is committed, and then handed on."""

    def __init__(self, requests: Requests, log: Log, delivery: Delivery) -> None:
        self._requests = requests
        self._log = log
        self._delivery = delivery

    async def make(
        self,
        caller: Caller,
        ask: ChangeStatement,
        *,
        of: Subject,
        field: str = "userId",
        answer: Callable[[Record], Mapping[str, Any]] = _nothing,
        appended: Callable[[Record], Iterable[Appended]] = to_its_conversation,
    ) -> Made:
        """Make one change of the caller's, unless the same request has made it before.

        Args:
            of: what is changed; the verdict's meaning depends on it (`REFUSALS`).
            field: the field in which the caller named people.
            answer: makes of the row what is kept for a repetition of the request.
            appended: makes of the row where its events are.

        Raises:
            ChatError: what the verdict means; IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return Made(work.kept, None)
            row = await ask(work.queries)
            assert row is not None  # every change answers one row
            check(of, row, field)
            kept = answer(row)
            await work.keep(kept)
        await self.hand_on(appended(row), caller.session.connection_id)
        return Made(kept, row)

    async def hand_on(self, appended: Iterable[Appended], origin: str | None = None) -> None:
        """Hand on what is committed.

        Args:
            origin: the connection that caused it.

        Raises:
            ChatError: UNAVAILABLE; then the log reader hands it on.
        """
        for room, first_seq, last_seq in appended:
            if first_seq is not None and last_seq is not None:
                with self._delivery.coming(room):
                    for event in await self._log.between(room, first_seq - 1, last_seq):
                        self._delivery.publish(event._replace(origin=origin))
