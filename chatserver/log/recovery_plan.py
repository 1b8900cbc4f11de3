"""Plans what a connection is sent of its user's streams, and what is left out as too much."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from uuid import UUID

from chatserver.core.slices import in_slices
from chatserver.delivery import user_room
from chatserver.log.offset import Offset
from chatserver.store import Record


@dataclass(frozen=True, slots=True)
class Missed:
    """A stretch of a room's stream: the events after one seq, up to another."""

    room: str
    after: int
    up_to: int

    @property
    def count(self) -> int:
        """How many events the stretch has."""
        return self.up_to - self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a connection is to be sent, and where each of its streams stands, in one snapshot."""

    offset: Offset
    recovered: bool
    limited: bool
    # The rooms that the client has to reload, in no order.
    left_out: Sequence[str] = ()
    missed: Sequence[Missed] = ()
    # (room, last seq) of the streams that the user takes part in now.
    positions: Sequence[tuple[str, int]] = ()
    # Those of them that are direct conversations.
    direct: Set[str] = frozenset()
    since: Offset | None = None
    # Read states are sent of all conversations, where nothing says since when they may have changed.
    all_read_states: bool = False

    @property
    def rows(self) -> int:
        """How many events are to be read, and streams are looked at."""
        return len(self.positions) + sum([missed.count for missed in self.missed])

    @property
    def resync(self) -> tuple[str, ...]:
        """The names of the rooms that are left out, as the client knows them."""
        return tuple(map(stream_key, self.left_out))


@dataclass(slots=True)
class Streams:
    """Collects one person's streams from rows of ``streams_of``."""

    user_id: str
    # A stream counts as seen up to where its client says, or up to what its devices have received.
    exact: bool
    budget: "Budget"
    present: list[tuple[str, int]] = field(default_factory=list)
    direct: set[str] = field(default_factory=set)

    async def take(self, rows: Iterable[Record]) -> None:
        """Take all rows, and choose what is replayed."""
        room = user_room(self.user_id)
        personal = False
        async for part in in_slices(rows):
            for row in part:
                if row["left_seq"] is None:
                    self.present.append((row["room"], row["last_seq"]))
                    if row["is_direct"]:
                        self.direct.add(row["room"])
                    personal = personal or row["room"] == room
                self.budget.add(row["room"], _missed(row, exact=self.exact))
        if not personal:
            self.present.append((room, 0))
        await self.budget.spend()


@dataclass(slots=True)
class Budget:
    """Decides how much is replayed. Short streams go first, so that most conversations come whole."""

    one: int
    all: int
    missed: list[Missed] = field(default_factory=list)
    # In the order in which they were found; a room is in it once.
    left_out: dict[str, None] = field(default_factory=dict)
    _by_room: dict[str, list[Missed]] = field(default_factory=dict)

    def add(self, room: str, stretch: Missed | None) -> None:
        """Return the stretch of a room that is to be replayed; None where the log lacks it."""
        if stretch is None:
            self.left_out[room] = None
        elif stretch.count > 0:
            self._by_room.setdefault(room, []).append(stretch)

    async def spend(self) -> None:
        """Choose the stretches that are replayed."""
        by_count: dict[int, list[str]] = {}
        async for part in in_slices(self._by_room.items()):
            for room, stretches in part:
                count = sum([stretch.count for stretch in stretches])
                if count > self.one:
                    self.left_out[room] = None
                elif room not in self.left_out:
                    by_count.setdefault(count, []).append(room)
        for count in sorted(by_count):  # at most `one` of them
            async for some in in_slices(by_count[count]):
                for room in some:
                    if count > self.all:
                        self.left_out[room] = None
                    else:
                        self.all -= count
                        # A room has a stretch per membership, and they come in no order.
                        self.missed += sorted(self._by_room[room], key=lambda part: part.after)


def _missed(row: Record, *, exact: bool) -> Missed | None:
    """Return the stretch that one membership missed; None where the log no longer has all of it.

    Of a membership that has ended only its end is: what was said in it, and how that stands now, is no longer
    the person's to read, whatever they say that they have seen of it.
    """
    room, pruned, left = row["room"], row["pruned_seq"], row["left_seq"]
    up_to = row["last_seq"] if left is None else min(row["last_seq"], left)
    seen = pruned if row["seen_seq"] is None else row["seen_seq"]
    if left is None and exact and seen > up_to:
        # The client knows of events that this history does not have.
        return None
    after = max(seen, (row["joined_seq"] if left is None else left) - 1)
    if after < up_to and (row["too_old"] or (after < pruned and (exact or left is not None))):
        return None
    return Missed(room, after, max(up_to, after))


def stream_key(room: str) -> str:
    """Return the name of a stream as its user knows it: the conversation's id, or ``me``."""
    kind, _, key = room.partition(":")
    return key if kind == "conversation" else "me"


def conversation_of(room: str) -> UUID | None:
    """Return the conversation whose room it is; None for a person's room."""
    kind, _, key = room.partition(":")
    return UUID(key) if kind == "conversation" else None
