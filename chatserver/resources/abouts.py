"""What never changes about a conversation, kept in memory: what pushes of it are about."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from uuid import UUID

from chatserver.core.about import NOTHING, About
from chatserver.store import Batcher, Database, Record

# Some 400 bytes each.
_MOST_KEPT = 50_000
# How many bytes of ids may wait for the database.
_BOUND = 4 * 1024 * 1024
_WEIGHT = 100


class Abouts:
    """Knows what conversations are about: their type, the two people of a direct one, and its product.

    None of this changes in a conversation's life, so that what is known once is known for good.

    Raises (coroutines):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: OrderedDict[UUID, About] = OrderedDict()
        # After a start many are asked for at once.
        self._lookups: Batcher[UUID, About] = Batcher(
            self._look_up, key=None, weigh=lambda _id: _WEIGHT, bound=_BOUND
        )

    def known(self, conversation_id: UUID) -> About | None:
        """Return what a conversation is about, where that is in memory; else None."""
        found = self._kept.get(conversation_id)
        if found is not None:
            self._kept.move_to_end(conversation_id)
        return found

    async def of(self, conversation_id: UUID) -> About:
        """Return what a conversation is about; `NOTHING`, where there is no such conversation."""
        return self.known(conversation_id) or await self._lookups.ask(conversation_id)

    async def of_all(self, conversation_ids: Iterable[UUID]) -> dict[UUID, About]:
        """Return what conversations are about, by their ids."""
        asked = set(conversation_ids)
        found = {id_: about for id_ in asked if (about := self.known(id_)) is not None}
        if missing := [*(asked - found.keys())]:
            found.update(zip(missing, await self._look_up(missing), strict=True))
        return found

    async def _look_up(self, conversation_ids: Sequence[UUID]) -> list[About]:
        rows = await self._db.all("conversations_about", [*conversation_ids])
        found = {row["id"]: _about(row) for row in rows}
        self._kept.update(found)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return [found.get(id_, NOTHING) for id_ in conversation_ids]


def _about(row: Record) -> About:
    if row["type"] == "group":
        return About("group")
    return About("direct", (row["user_low"], row["user_high"]), row["product_id"] or None)
