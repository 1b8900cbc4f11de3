"""Says which conversations a search looks through, and down to where it has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from chatserver.core.errors import not_found
from chatserver.core.times import since_1970
from chatserver.search.places import SearchPlace, SearchTalk
from chatserver.store import Database, Record

# Conversations that are looked up at a time.
_MOST = 1_000


class Talks:
    """The conversations that are still to be looked through, those with the newest messages first.

    Args:
        conversation_id: the only one that is meant; None for all.
        place: how far the pages before have come; None for the first.
        on_read: told how many conversations were looked up.
    """

    def __init__(
        self,
        db: Database,
        user_id: str,
        conversation_id: UUID | None,
        place: SearchPlace | None,
        on_read: Callable[[int], None],
    ) -> None:
        # How far the search has come; None where there is nothing left.
        self.place = place
        self._db = db
        self._user_id = user_id
        self._conversation_id = conversation_id
        self._on_read = on_read
        self._talks: list[SearchTalk] = []
        # Whether more may follow those that were looked up.
        self._has_more = True

    async def next(self) -> Sequence[SearchTalk]:
        """Return those that come next; none where there are no more.

        Raises:
            ChatError: RESOURCE_NOT_FOUND where the only one may not be seen; UNAVAILABLE
        """
        while not self._talks and self._has_more:
            await self._look_up()
        return self._talks

    def pass_by(self, conversation_id: UUID, number: int) -> None:
        """Note that a conversation was looked through down to this number, and those before it to their ends."""
        at = next(n for n, talk in enumerate(self._talks) if talk.id == conversation_id)
        talk, *later = self._talks[at:]
        self._talks = [replace(talk, last=number - 1), *later] if number > talk.first else later
        assert self.place is not None
        began = self.place.began
        if self._talks:
            ahead = self._talks[0]
            self.place = SearchPlace(began, ahead.said_at, ahead.id, ahead.last + 1)
        elif self._has_more:
            self.place = SearchPlace(began, talk.said_at, talk.id, 1)
        else:
            self.place = None

    async def _look_up(self) -> None:
        if self._conversation_id is not None:
            self._has_more = False
            row = await self._db.one("history_bounds", self._user_id, self._conversation_id)
            if row is None:
                raise not_found("conversation")
            begin = since_1970(0)
            talk = SearchTalk(
                self._conversation_id, begin, row["hidden_number"] + 1, row["last_number"]
            )
            self._begin_with([talk])
            return
        place = self.place
        where = () if place is None else (place.began, place.said_at, place.conversation_id)
        rows = await self._db.all(
            "search_conversations", self._user_id, *(where or (None,) * 3), _MOST
        )
        self._on_read(len(rows))
        self._has_more = len(rows) == _MOST
        self._begin_with([_talk(row) for row in rows])

    def _begin_with(self, talks: list[SearchTalk]) -> None:
        place = self.place
        if talks and place is not None and talks[0].id == place.conversation_id:
            # A page before this one has looked through its end.
            talks[0] = replace(talks[0], last=min(talks[0].last, place.number - 1))
        self._talks = [talk for talk in talks if talk.first <= talk.last]
        if self._talks:
            ahead = self._talks[0]
            began = ahead.said_at if place is None else place.began
            self.place = SearchPlace(began, ahead.said_at, ahead.id, ahead.last + 1)
        else:
            self.place = None


def _talk(row: Record) -> SearchTalk:
    return SearchTalk(row["id"], row["said_at"], row["hidden_number"] + 1, row["last_number"])
