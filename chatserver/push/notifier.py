"""Reads new messages from the log, and notes whom they may have to be told to."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from chatserver.resources import Abouts, MessageReader
from chatserver.store import Database, Record

# People in one statement.
_PEOPLE = 500


class _Mentions(NamedTuple):
    """The seqs of messages that mention everybody, and people beside the seqs that mention them."""

    all_seqs: list[int]
    people: list[str]
    seqs: list[int]


_NOBODY = _Mentions([], [], [])


class Notifier:
    """A `Consumer` of the log: a burst of messages is one notice for each person and target.

    Whether anybody is told is judged when the notice is due, as things stand then. Here only those are passed over
    of whom a large group has thousands: people who want mentions, and are not mentioned.

    Args:
        providers: where notices are sent: those that are configured.
        delay: seconds between a message and its notice.
    """

    name = "push"
    kinds = ("chat:message_received",)

    def __init__(
        self,
        db: Database,
        reader: MessageReader,
        abouts: Abouts,
        providers: Collection[str],
        delay: float,
    ) -> None:
        self._db = db
        self._reader = reader
        self._abouts = abouts
        self._providers = list(providers)
        self._delay = timedelta(seconds=delay)

    async def take(self, stream_id: UUID, events: Sequence[Record]) -> None:
        """See `Consumer`."""
        about = await self._abouts.of(stream_id)
        senders = {event["actor_id"] for event in events}
        # What one person alone has said they need not be told.
        told_by = senders if len(senders) == 1 else set()
        if about.conversation_type == "direct":
            await self._note(stream_id, events, set(about.users) - told_by, _NOBODY)
            return
        mentions = await self._mentions(stream_id, events)
        people = set(mentions.people)
        after = ""
        while True:
            rows = await self._db.all(
                "push_audience", stream_id, bool(mentions.all_seqs), after, _PEOPLE
            )
            people |= {row["user_id"] for row in rows}
            await self._note(stream_id, events, people - told_by, mentions)
            if len(rows) < _PEOPLE:
                return
            after, people = rows[-1]["user_id"], set()

    async def _note(
        self, stream_id: UUID, events: Sequence[Record], people: set[str], mentions: _Mentions
    ) -> None:
        if people:
            await self._db.one(
                "note_messages",
                stream_id,
                sorted(people),
                events[0]["seq"] - 1,
                events[-1]["seq"],
                events[0]["created_at"],
                self._delay,
                self._providers,
                *mentions,
            )

    async def _mentions(self, stream_id: UUID, events: Sequence[Record]) -> _Mentions:
        rows = await self._db.all("messages_of", stream_id, [e["message_id"] for e in events])
        all_seqs: list[int] = []
        mentioned: list[str] = []
        mentioned_seqs: list[int] = []
        for message in await self._reader.resources(rows):
            for mention in message.mentions:
                if mention.user_id is None:
                    all_seqs.append(message.seq)
                else:
                    mentioned.append(mention.user_id)
                    mentioned_seqs.append(message.seq)
        return _Mentions(all_seqs, mentioned, mentioned_seqs)
