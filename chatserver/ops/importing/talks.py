"""One conversation of the source: what is known of it before its messages are read, and then its messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from chatserver.core.imported_ids import System, imported_direct_id, imported_id
from chatserver.core.user_ids import is_user_id
from chatserver.ops.importing.queries import Queries
from chatserver.ops.importing.report import Report
from chatserver.ops.importing.streams import Key, Row, Stream

# So many messages are sealed and written at once. A longer conversation is read while it is written.
CHUNK = 5_000
_LONGEST_TITLE = 1_000
_LONGEST_DESCRIPTION = 5_000
_MOST_MEMBERS = 50  # as the messaging system has it where nothing is said
_LARGEST_GROUP = 1_000_000
_OLD_IDS = 100
_RANKS = {"owner": 3, "admin": 2, "moderator": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody in a conversation."""

    user_id: str
    role: str = "member"
    may_add: bool = False
    joined_at: datetime | None = None
    last_read_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation of the source; one of two people may have several rows there.

    `first` are its first messages, at most `CHUNK`; `stream` has the others. `has_heads` says that the source has
    rows of the conversation itself, whose ids `old_ids` are.
    """

    key: Key
    id: UUID
    old_ids: tuple[str, ...]
    title: str
    description: str
    created_by: str
    max_members: int
    is_active: bool
    created_at: datetime
    members: tuple[Member, ...]
    reactions: Sequence[Row] = ()
    deletions: Sequence[Row] = ()
    hidings: Sequence[Row] = ()
    pins: Sequence[Row] = ()
    blocks: Sequence[Row] = ()
    first: Sequence[Row] = ()
    stream: Stream | None = None
    has_heads: bool = False

    @property
    def source_id(self) -> str:
        """Return its name in ``imported_conversations``: a group's old id, or the two people and the product."""
        if self.key.is_group:
            return self.key.low
        return f"{self.key.low}\x01{self.key.high}\x01{self.key.product}"

    async def chunks(self) -> AsyncIterator[Sequence[Row]]:
        """Yield all its messages in the order in which they were sent, at most `CHUNK` at a time."""
        yield self.first
        while self.stream is not None and (rows := await self.stream.take(self.key, CHUNK)):
            yield rows


@dataclass(frozen=True, slots=True)
class TalkReader:
    """Reads the conversations of a source one after the other.

    Args:
        system: which system it is.
        queries: what was asked.
        streams: by the names of `Queries`.
        report: counts what is not carried.
    """

    system: System
    queries: Queries
    streams: Mapping[str, Stream]
    report: Report

    async def talks(self) -> AsyncIterator[Talk]:
        """Yield the conversations by their keys. The messages of one are read before the next comes."""
        heads, messages = self.streams["heads"], self.streams["messages"]
        while key := _least(await heads.key(), await messages.key()):
            rows = await heads.take(key)
            first = await messages.take(key, CHUNK)
            talk = await self._talk(key, rows, first)
            if talk is not None:
                yield talk
            # Those of a conversation that is not carried.
            while left := await messages.take(key, CHUNK):
                self._refuse_messages(left, key)
        for stream in self.streams.values():
            await stream.finish()

    def _refuse_messages(self, rows: Sequence[Row], key: Key) -> None:
        for row in rows:
            self.report.refuse(self.queries.messages.table, row["id"], _reason(key))

    async def _side(self, name: str, key: Key) -> list[Row]:
        stream = self.streams.get(name)
        return await stream.take(key) if stream else []

    async def _talk(self, key: Key, heads: list[Row], first: list[Row]) -> Talk | None:
        sides = {
            name: await self._side(name, key)
            for name in ("members", "reactions", "deletions", "hidings", "pins", "blocks")
        }
        is_known = bool(heads) if key.is_group else key.low != key.high and _are_users(key)
        if not is_known:
            self._refuse_messages(first, key)
            for head in heads:
                self.report.refuse(self.queries.heads.table, head["id"], _reason(key))
            for name, rows in sides.items():
                for row in rows:
                    table = getattr(self.queries, name).table
                    self.report.refuse(table, _place(name, row), _reason(key))
            return None
        began = next((row["created_at"] for row in [*heads, *first] if row["created_at"]), None)
        created_at = began or datetime.now(UTC)
        first_head = heads[0] if heads else None
        members = (
            self._group_members(sides["members"], first_head)
            if key.is_group
            else (Member(user_id=key.low), Member(user_id=key.high))
        )
        return Talk(
            key=key,
            id=self._id(key, heads),
            old_ids=_old_ids(heads, first),
            title=((first_head["title"] or "").strip()[:_LONGEST_TITLE] or "Group")
            if first_head
            else "",
            description=(first_head["description"] or "").strip()[:_LONGEST_DESCRIPTION]
            if first_head
            else "",
            created_by=_creator(key, first_head, first, members),
            max_members=_most_members(first_head, members),
            is_active=first_head["is_active"] if first_head else True,
            created_at=created_at,
            members=members,
            reactions=sides["reactions"],
            deletions=sides["deletions"],
            hidings=sides["hidings"],
            pins=sides["pins"],
            blocks=sides["blocks"],
            first=first,
            stream=self.streams["messages"] if len(first) == CHUNK else None,
            has_heads=bool(heads),
        )

    def _id(self, key: Key, heads: Sequence[Row]) -> UUID:
        if key.is_group:
            return imported_id(self.system, "group", key.low)
        if heads:
            # That of the oldest row, which clients may know.
            return imported_id(self.system, "conversation", heads[0]["id"])
        return imported_direct_id(self.system, key.low, key.high, key.product)

    def _group_members(self, rows: Sequence[Row], head: Row | None) -> tuple[Member, ...]:
        query = self.queries.members
        if query is None:
            return ()
        members: dict[str, Member] = {}
        for row in rows:
            user_id, place = row["user_id"], _place("members", row)
            if not is_user_id(user_id):
                self.report.refuse(query.table, place, "names nobody")
            elif not row["is_present"]:
                self.report.refuse(
                    query.table, place, "has ended, and only present members see a group"
                )
            elif user_id in members:
                self.report.refuse(query.table, place, "names a member a second time")
            else:
                role = (row["role"] or "").strip().lower()
                members[user_id] = Member(
                    user_id=user_id,
                    role=role if role in _RANKS else "member",
                    may_add=row["may_add"] or role in ("owner", "admin"),
                    joined_at=row["joined_at"],
                    last_read_at=row["last_read_at"],
                )
        return _with_one_owner([*members.values()], head["created_by"] if head else None)


def _with_one_owner(members: Sequence[Member], creator: str | None) -> tuple[Member, ...]:
    """Return the members with exactly one owner: who is it, else who made the group, else the highest role.

    The old system makes the creator an admin; without an owner nobody could delete the group.
    """
    if not members:
        return ()

    def claim(member: Member) -> tuple[bool, bool, int]:
        return (
            member.role == "owner",
            member.user_id == creator,
            _RANKS.get(member.role, 0),
        )

    # Of equals the first: the one who joined first.
    owner = max(members, key=claim)
    return tuple(
        Member(
            user_id=member.user_id,
            role="owner" if member is owner else "admin" if member.role == "owner" else member.role,
            may_add=member.may_add or member is owner,
            joined_at=member.joined_at,
            last_read_at=member.last_read_at,
        )
        for member in members
    )


def _least(one: Key | None, other: Key | None) -> Key | None:
    return min((key for key in (one, other) if key is not None), default=None)


def _are_users(key: Key) -> bool:
    return is_user_id(key.low) and is_user_id(key.high)


def _reason(key: Key) -> str:
    """Return why a conversation is not carried."""
    if key.is_group:
        return "belongs to a group that does not exist"
    if key.low == key.high:
        return "is of one person with themselves"
    return "names somebody who can be nobody"


def _most_members(head: Row | None, members: Sequence[Member]) -> int:
    """Return how many members a group may have: no fewer than it has."""
    asked = head["max_members"] if head else None
    return max(min(asked or _MOST_MEMBERS, _LARGEST_GROUP), len(members), 2)


def _old_ids(heads: Sequence[Row], first: Sequence[Row]) -> tuple[str, ...]:
    """Return what the conversation was called: its rows' ids, else what its messages say."""
    ids = [head["id"] for head in heads] or [row["conversation"] for row in first]
    return tuple(dict.fromkeys(filter(None, ids)))[:_OLD_IDS]


def _creator(key: Key, head: Row | None, first: Sequence[Row], members: Sequence[Member]) -> str:
    """Return who made a group, or who of two people spoke first."""
    if key.is_group:
        named = head["created_by"] if head else None
        owner = next((member.user_id for member in members if member.role == "owner"), None)
        return named if is_user_id(named) else owner or "unknown"
    sender = first[0]["sender"] if first else None
    return sender if sender in (key.low, key.high) else key.low


def _place(name: str, row: Row) -> str:
    """Return what a row without an id of its own is reported by."""
    key = row["message_id"] if name in ("reactions", "deletions", "pins") else row["low"]
    return f"{key}/{row['user_id']}"
