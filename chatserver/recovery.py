"""What a connecting client has missed, and how it is told (the contract, section 2)."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from chatserver.batcher import Batcher
from chatserver.log import Log
from chatserver.offset import Offset, Pids, parse_offset
from chatserver.pushes import Event, Frame
from chatserver.store import Database, Record
from schemas.session import ReadState, ReadStateOf
from schemas.wire import payload

# Beyond these a client reloads a conversation rather than having it replayed.
MOST_IN_ONE = 1_000
MOST_IN_ALL = 10_000
# For a client that says nothing of where it stands: a courtesy.
MOST_UNASKED = 1_000
_PAGE = 200
_MOST_POSITIONS = 20_000
# Those who connect wait to be looked up, in so many bytes; so many share a query.
_MOST_ASKED = 64 * 1024 * 1024
_LOOKED_UP_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class Missed:
    """A stretch of a room's stream: the events after one seq, up to another."""

    room: str
    after: int
    up_to: int

    @property
    def count(self) -> int:
        """How many events."""
        return self.up_to - self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a client said of where it stands; what is malformed or somebody else's counts as not said."""

    pid: str | None = None
    since: Offset | None = None
    positions: Mapping[str, int] | None = None
    # Its positions or offset belong to another history (a restored database): it must forget them.
    forgets: bool = False
    wants_offsets: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a connection is to be sent, and where each of its streams stands, in one snapshot."""

    offset: Offset
    recovered: bool
    limited: bool
    resync: tuple[str, ...] = ()
    missed: tuple[Missed, ...] = ()
    # (room, last seq) of the streams that the user takes part in now.
    positions: tuple[tuple[str, int], ...] = ()
    since: Offset | None = None
    # Read states are sent of all conversations, where nothing says since when they may have changed.
    all_read_states: bool = False

    def resync_rooms(self) -> frozenset[str]:
        """The rooms that `resync` names."""
        if not self.resync:
            return frozenset()
        return frozenset(room for room, _ in self.positions if _key(room) in self.resync)

    def reaches(self) -> dict[str, int]:
        """How far the client has each room once it was sent what it missed, past memberships included."""
        replayed = {missed.room: missed.up_to for missed in self.missed}
        return replayed | dict(self.positions)


@dataclass(slots=True)
class _Budget:
    """How much may be replayed. Short streams go first, so that most conversations come whole."""

    one: int
    all: int
    missed: list[Missed] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def spend(self, stretches: Iterable[Missed]) -> None:
        by_room: dict[str, list[Missed]] = {}
        for stretch in stretches:
            by_room.setdefault(stretch.room, []).append(stretch)
        for room, parts in sorted(by_room.items(), key=lambda item: sum(p.count for p in item[1])):
            count = sum(part.count for part in parts)
            if count > self.one or count > self.all:
                self.left_out.append(_key(room))
            else:
                self.all -= count
                # A room has a stretch per membership, and they come in no order.
                self.missed += sorted(parts, key=lambda part: part.after)


class _Stand(NamedTuple):
    """Where somebody says that they stand: at a snapshot, at exact positions, or neither."""

    user_id: str
    snapshot: str | None
    positions: dict[str, int] | None

    @property
    def weight(self) -> int:
        """Bytes, about: what it takes to keep."""
        return 200 + len(self.snapshot or "") + 150 * len(self.positions or ())


# A snapshot, and somebody's streams as it shows them.
_Streams = tuple[str, list[Record]]


class Recovery:
    """Finds out what a client missed.

    Raises (coroutines):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(self, db: Database, log: Log, pids: Pids, epoch: str, at_once: int = 2) -> None:
        # When thousands come back at once, they wait here rather than for the pool, whose patience is short, and
        # leave a part of it to those who are there. Held for a look into the database, never while a client reads.
        self._turns = asyncio.Semaphore(at_once)
        # Those who connect together share queries. Few, for one of them may have thousands of streams.
        self._lookups: Batcher[_Stand, _Streams] = Batcher(
            self._look_up,
            key=None,
            weigh=lambda stand: stand.weight,
            bound=_MOST_ASKED,
            in_all=1,
            most=_LOOKED_UP_TOGETHER,
        )
        self._db = db
        self._log = log
        self._pids = pids
        self.epoch = epoch

    def understand(self, user_id: str, auth: Mapping[str, Any]) -> Ask:
        """What the CONNECT packet's ``pid``, ``offset``, ``since``, ``positions`` and ``recovery`` say."""
        own = self._pids.belongs(auth.get("pid"), user_id)
        offset = parse_offset(auth.get("offset")) if own else None
        since = offset or parse_offset(auth.get("since"))
        positions, epoch = _positions(auth.get("positions"))
        forgets = any(e not in (None, self.epoch) for e in (epoch, since and since.epoch))
        return Ask(
            pid=auth["pid"] if own and offset else None,
            since=since,
            positions=positions,
            forgets=forgets,
            wants_offsets=auth.get("recovery") is not False,
        )

    def pid(self, user_id: str, ask: Ask, plan: Plan) -> str | None:
        """The id that the client is told: its own again says that it has recovered. None: no recovery wanted."""
        if not ask.wants_offsets:
            return None
        return ask.pid if plan.recovered and ask.pid else self._pids.new(user_id)

    async def plan(self, user_id: str, ask: Ask) -> Plan:
        """Membership is looked up afresh, whatever the client believes."""
        exact = ask.positions is not None and not ask.forgets
        since = None if exact or ask.forgets else ask.since
        snapshot, rows = await self._lookups.ask(
            _Stand(
                user_id,
                since.snapshot if since else None,
                dict(ask.positions or {}) if exact else None,
            )
        )
        present = tuple((row["room"], row["last_seq"]) for row in rows if row["left_seq"] is None)
        if not any(room == f"user:{user_id}" for room, _ in present):
            present = (*present, (f"user:{user_id}", 0))
        if ask.forgets:
            everything = tuple(_key(room) for room, seq in present if seq)
            return Plan(
                offset=Offset(self.epoch, snapshot),
                recovered=False,
                limited=True,
                resync=everything,
                positions=present,
            )
        asked = exact or since is not None
        budget = _Budget(MOST_IN_ONE, MOST_IN_ALL if asked else MOST_UNASKED)
        stretches = []
        for row in rows:
            stretch = _missed(row, exact=since is None)
            if stretch is None:
                budget.left_out.append(_key(row["room"]))
            elif stretch.count > 0:
                stretches.append(stretch)
        budget.spend(stretches)
        return Plan(
            offset=Offset(self.epoch, snapshot),
            recovered=asked and not budget.left_out,
            limited=bool(budget.left_out),
            resync=tuple(dict.fromkeys(budget.left_out)),
            missed=tuple(m for m in budget.missed if _key(m.room) not in budget.left_out),
            positions=present,
            since=since,
            all_read_states=exact,
        )

    async def _look_up(self, asked: Sequence[_Stand]) -> list[_Streams]:
        rows = await self._db.all(
            "streams_of",
            [stand.user_id for stand in asked],
            [stand.snapshot for stand in asked],
            [stand.positions for stand in asked],
        )
        snapshot: str = rows[0]["snapshot"]  # one statement, one snapshot
        found: list[_Streams] = [(snapshot, []) for _ in asked]
        for row in rows:
            if row["room"] is not None:
                found[row["position"] - 1][1].append(row)
        return found

    async def replay(self, user_id: str, plan: Plan) -> AsyncIterator[Sequence[Event]]:
        """The events missed, in seq order in each room, without what the user has hidden or deleted since.

        A few come oldest first, over all rooms; many come room by room, so that they are never all in memory.
        """
        if sum(missed.count for missed in plan.missed) <= MOST_UNASKED and len(plan.missed) > 1:
            rooms = [
                [event async for page in self._pages(user_id, missed) for event in page]
                for missed in plan.missed
            ]
            yield list(heapq.merge(*rooms, key=_moment))
            return
        for missed in plan.missed:
            async for page in self._pages(user_id, missed):
                yield page

    async def _pages(self, user_id: str, missed: Missed) -> AsyncIterator[Sequence[Event]]:
        for after in range(missed.after, missed.up_to, _PAGE):
            up_to = min(after + _PAGE, missed.up_to)
            async with self._turns:
                events = await self._log.visible_between(user_id, missed.room, after, up_to)
            yield events

    async def offset(self) -> str:
        """Where the log stands now: what a client reads after this may be continued from it."""
        row = await self._db.one("snapshot")
        assert row is not None  # it always answers
        return str(Offset(self.epoch, row["snapshot"]))

    async def read_states(self, user_id: str, plan: Plan, replayed: Iterable[str]) -> list[Frame]:
        """``chat:read_state`` of the conversations whose read state the client may not know."""
        rooms = [room for room, _ in plan.positions] if plan.all_read_states else replayed
        ids = {UUID(_key(room)) for room in rooms if room.startswith("conversation:")}
        if not ids and plan.since is None:
            return []
        async with self._turns:
            rows = await self._db.all(
                "read_states", user_id, plan.since and plan.since.snapshot, list(ids)
            )
        states: dict[UUID, list[Record]] = {}
        for row in rows:
            states.setdefault(row["id"], []).append(row)
        return [Frame("chat:read_state", payload(_read_state(found))) for found in states.values()]


def _moment(event: Event) -> datetime:
    assert event.created_at is not None  # events from the log have it
    return event.created_at


def _missed(row: Record, *, exact: bool) -> Missed | None:
    """The stretch of one membership that was missed; None where the log no longer has all of it."""
    up_to = row["last_seq"] if row["left_seq"] is None else min(row["last_seq"], row["left_seq"])
    seen = row["pruned_seq"] if row["seen_seq"] is None else row["seen_seq"]
    after = max(seen, row["joined_seq"] - 1)
    if after < up_to and (row["too_old"] or (exact and after < row["pruned_seq"])):
        return None
    return Missed(row["room"], after, max(up_to, after))


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
    """``{[1,4),[6,7)}`` → ((1, 3), (6, 6)): both ends included, as people count."""
    found = []
    for part in text.strip("{}").split("),"):
        if part:
            low, high = part.strip("[)").split(",")
            found.append((int(low), int(high) - 1))
    return tuple(found)


def _positions(given: object) -> tuple[dict[str, int] | None, str | None]:
    """The positions by key, and their epoch; (None, None) where they are none."""
    if not isinstance(given, dict) or len(given) > _MOST_POSITIONS:
        return None, None
    epoch = given.get("epoch")
    positions = {key: seq for key, seq in given.items() if key != "epoch"}
    well_formed = all(
        isinstance(seq, int) and not isinstance(seq, bool) and 0 <= seq < 2**63 and len(key) <= 64
        for key, seq in positions.items()
    )
    if not well_formed or not isinstance(epoch, str):
        return None, None
    return positions, epoch


def _key(room: str) -> str:
    """The name of a stream to its user: the conversation's id, or ``me``."""
    kind, _, key = room.partition(":")
    return key if kind == "conversation" else "me"
