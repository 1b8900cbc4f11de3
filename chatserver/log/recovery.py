"""Finds what a connecting client has missed, and sends it (the contract, section 2)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from chatserver.core.slices import in_slices
from chatserver.delivery import Event, Frame
from chatserver.log.log import Log, LogRow, in_pages
from chatserver.log.offset import Offset, Pids, shortened
from chatserver.log.recovery_plan import Budget, Missed, Plan, Streams, conversation_of
from chatserver.log.resume_point import ResumePoint, understand
from chatserver.schemas.receipts import ReadState, ReadStateOf
from chatserver.schemas.wire import payload
from chatserver.store import Batcher, Database, Record

# Beyond these a client reloads a conversation rather than having it replayed.
MOST_IN_ONE = 1_000
MOST_IN_ALL = 10_000
# For a client that does not say where it stands, nothing is owed; this many are sent all the same.
MOST_UNASKED = 1_000
_PAGE = 200
# How many bytes of those who connect may wait to be looked up, and how many of them share a query.
_MOST_ASKED = 64 * 1024 * 1024
_LOOKED_UP_TOGETHER = 16
# Those with more streams than this are looked up alone, so that others who connect do not wait for it.
_MANY_STREAMS = 500
_FIRST_ID = UUID(int=0)


class _Stand(NamedTuple):
    """Where a person's client stands, as it says: at a snapshot, at exact positions, or neither."""

    user_id: str
    snapshot: str | None
    positions: Mapping[str, int] | None

    @property
    def weight(self) -> int:
        """About how many bytes it takes to keep this."""
        return 200 + len(self.snapshot or "") + 150 * len(self.positions or ())


class _Found(NamedTuple):
    """A snapshot, and somebody's streams as it shows them."""

    snapshot: str
    streams: Sequence[Record]


class Recovery:
    """Finds out what a client missed.

    Args:
        within: seconds that one look into the database may take.

    Raises (coroutines):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(
        self,
        db: Database,
        log: Log,
        pids: Pids,
        epoch: str,
        at_once: int = 2,
        within: float | None = None,
    ) -> None:
        # When thousands come back at once, they wait here rather than for the pool, whose patience is short, and
        # leave a part of it to those who are there. Held for a look into the database, never while a client reads.
        self._turns = asyncio.Semaphore(at_once)
        # Those who connect together share queries; those with many streams are looked up again, alone.
        self.lookups: Batcher[_Stand, _Found | None] = Batcher(
            self._look_up,
            key=None,
            weigh=lambda stand: stand.weight,
            bound=_MOST_ASKED,
            in_all=1,
            most=_LOOKED_UP_TOGETHER,
        )
        self.large_lookups: Batcher[_Stand, _Found] = Batcher(
            self._look_up_one,
            key=None,
            weigh=lambda stand: stand.weight,
            bound=_MOST_ASKED,
            in_all=1,
            most=1,
        )
        self._db = db
        self._log = log
        self._pids = pids
        self._within = within
        self.epoch = epoch

    async def understand(self, user_id: str, auth: Mapping[str, Any]) -> ResumePoint:
        """Read where a client stands: what its CONNECT says of ``pid``, ``offset``, ``since`` and the like."""
        return await understand(auth, user_id, self._pids, self.epoch)

    def pid(self, user_id: str, ask: ResumePoint, plan: Plan) -> str | None:
        """Return the id that the client is told: its own where it recovered; None where it wants no recovery."""
        if not ask.wants_offsets:
            return None
        return ask.pid if plan.recovered and ask.pid else self._pids.new(user_id)

    async def plan(self, user_id: str, ask: ResumePoint, *, replay: bool = True) -> Plan:
        """Plan what to send. Membership is looked up afresh, whatever the client believes.

        Args:
            replay: False: nothing is; the client is told of what is to come.
        """
        exact = ask.positions is not None and not ask.forgets
        since = None if exact or ask.forgets else ask.since
        stand = _Stand(user_id, since.snapshot if since else None, ask.positions if exact else None)
        found = None
        if len(stand.positions or ()) <= _MANY_STREAMS:
            found = await self.lookups.ask(stand)
        if found is None:
            found = await self.large_lookups.ask(stand)
        asked = exact or since is not None
        budget = Budget(MOST_IN_ONE, MOST_IN_ALL if asked else MOST_UNASKED)
        streams = Streams(user_id, since is None, budget)
        await streams.take(found.streams)
        offset = Offset(self.epoch, shortened(found.snapshot))
        if not replay:
            return Plan(
                offset=offset,
                recovered=False,
                limited=False,
                positions=streams.present,
                direct=streams.direct,
            )
        if ask.forgets or (since is not None and since.is_after(found.snapshot)):
            return Plan(
                offset=offset,
                recovered=False,
                limited=True,
                left_out=[room for room, seq in streams.present if seq],
                positions=streams.present,
                direct=streams.direct,
            )
        return Plan(
            offset=offset,
            recovered=asked and not budget.left_out,
            limited=bool(budget.left_out),
            left_out=[*budget.left_out],
            missed=budget.missed,
            positions=streams.present,
            direct=streams.direct,
            since=since,
            all_read_states=exact,
        )

    async def _look_up(self, asked: Sequence[_Stand]) -> list[_Found | None]:
        """Return each one's streams; None for those who have many."""
        rows = await self._streams(asked, _MANY_STREAMS + 1)
        found: list[list[Record]] = [[] for _ in asked]
        async for part in in_slices(rows):
            for row in part:
                if row["room"] is not None:
                    found[row["position"] - 1].append(row)
        snapshot: str = rows[0]["snapshot"]  # one statement, one snapshot
        return [
            None if len(streams) > _MANY_STREAMS else _Found(snapshot, streams) for streams in found
        ]

    async def _look_up_one(self, asked: Sequence[_Stand]) -> list[_Found]:
        rows = await self._streams(asked, None)
        return [_Found(rows[0]["snapshot"], rows if rows[0]["room"] is not None else ())]

    async def _streams(self, asked: Sequence[_Stand], most: int | None) -> list[Record]:
        return await self._db.all(
            "streams_of",
            [stand.user_id for stand in asked],
            [stand.snapshot for stand in asked],
            [None if stand.positions is None else dict(stand.positions) for stand in asked],
            most,
            within=self._within,
        )

    async def replay(
        self, user_id: str, plan: Plan, *, with_about: bool
    ) -> AsyncGenerator[Sequence[Event], None]:
        """Return the events missed, in seq order in each room, without what the user has hidden or deleted since.

        A few come oldest first, over all rooms; many come room by room. So no more of them are in memory than a
        page has, which is bounded in bytes, too.

        Args:
            with_about: whether they are asked what they are about (`core.about`).
        """
        if not plan.missed:
            return
        are_few = sum([missed.count for missed in plan.missed]) <= MOST_UNASKED
        chunks = [*_chunks(plan.missed)]
        for some in [chunks] if are_few else [[chunk] for chunk in chunks]:
            # The rows and their first page in one turn: were each of thousands to wait for a second one, all would
            # keep their rows meanwhile, and the garbage collector would look at these for a quarter of a second.
            async with self._turns:
                rows = await self._rows(user_id, some)
                pages = [*in_pages(_in_time(rows) if are_few else rows)]
                first = [await self._page(user_id, page, with_about) for page in pages[:1]]
            for events in first:
                yield events
            for page in pages[1:]:
                async with self._turns:
                    events = await self._page(user_id, page, with_about)
                yield events

    async def _rows(self, user_id: str, chunks: Iterable[Sequence[Missed]]) -> list[LogRow]:
        rows: list[LogRow] = []
        for chunk in chunks:
            stretches = [(missed.room, missed.after, missed.up_to) for missed in chunk]
            rows += await self._log.visible_among(user_id, stretches, within=self._within)
        return rows

    async def _page(self, user_id: str, rows: Sequence[LogRow], with_about: bool) -> list[Event]:
        return await self._log.shown_to(user_id, rows, with_about=with_about)

    async def offset(self) -> str:
        """Return where the log stands now: what a client reads after this may be continued from it."""
        row = await self._db.one("snapshot")
        assert row is not None  # it always answers
        return str(Offset(self.epoch, shortened(row["snapshot"])))

    async def read_states(
        self, user_id: str, plan: Plan, replayed: Iterable[str]
    ) -> AsyncIterator[Sequence[Frame]]:
        """Yield ``chat:read_state`` of the conversations whose read state the client may not know."""
        told: set[UUID] = set()
        if plan.all_read_states or plan.since is not None:
            since = None if plan.since is None else plan.since.snapshot
            ids = await self._changed(user_id, since, _FIRST_ID)
            while ids:
                yield await self._read_states(user_id, ids)
                told.update(ids)
                ids = await self._changed(user_id, since, ids[-1]) if len(ids) == _PAGE else []
        if not plan.all_read_states:
            rest = [
                found for found in map(conversation_of, replayed) if found and found not in told
            ]
            for start in range(0, len(rest), _PAGE):
                yield await self._read_states(user_id, rest[start : start + _PAGE])

    async def _changed(self, user_id: str, since: str | None, after: UUID) -> list[UUID]:
        async with self._turns:
            rows = await self._db.all(
                "changed_read_states", user_id, since, after, _PAGE, within=self._within
            )
        return [row["id"] for row in rows]

    async def _read_states(self, user_id: str, ids: Sequence[UUID]) -> list[Frame]:
        if not ids:
            return []
        async with self._turns:
            rows = await self._db.all("read_states", user_id, ids, within=self._within)
        states: dict[UUID, list[Record]] = {}
        for row in rows:
            states.setdefault(row["id"], []).append(row)
        return [Frame("chat:read_state", payload(_read_state(found))) for found in states.values()]


def _chunks(stretches: Sequence[Missed]) -> Iterator[list[Missed]]:
    """Split stretches into what is read together: at most a page's events, a long stretch in pieces."""
    chunk: list[Missed] = []
    room = _PAGE
    for missed in stretches:
        after = missed.after
        while after < missed.up_to:
            up_to = min(after + room, missed.up_to)
            chunk.append(Missed(missed.room, after, up_to))
            room -= up_to - after
            after = up_to
            if not room:
                yield chunk
                chunk, room = [], _PAGE
    if chunk:
        yield chunk


def _in_time(rows: Sequence[LogRow]) -> list[LogRow]:
    """Sort rows, oldest first, but never out of a room's order: the clock may have been set back."""
    latest: dict[str, datetime] = {}
    moments: list[tuple[datetime, int]] = []
    for number, logged in enumerate(rows):
        moment = max(logged.row["created_at"], latest.get(logged.room, logged.row["created_at"]))
        latest[logged.room] = moment
        moments.append((moment, number))
    return [rows[number] for _, number in sorted(moments)]


def _read_state(rows: Sequence[Record]) -> ReadState:
    return ReadState(
        conversation_id=str(rows[0]["id"]),
        unread_count=rows[0]["unread_count"],
        participants=tuple(
            ReadStateOf(
                user_id=row["user_id"],
                delivered_seq=row["delivered_seq"],
                read_seq=row["read_seq"],
                read_ranges=_ranges(row["read_seqs"]),
            )
            for row in rows
        ),
    )


def _ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Read a multirange: ``{[1,4),[6,7)}`` → ((1, 3), (6, 6)), both ends included, as people count."""
    found = []
    for part in text.strip("{}").split("),"):
        if part:
            low, high = part.strip("[)").split(",")
            found.append((int(low), int(high) - 1))
    return tuple(found)
