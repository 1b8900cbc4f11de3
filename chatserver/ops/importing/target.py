"""Writes conversations into our tables: whole conversations, in one transaction for a batch of them.

What was said elsewhere is history here: its events count as pruned, so a client that asks for them is `limited`,
and reads the history. One event comes after it, which tells those who are connected that it is there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import UUID

from chatserver.chat import by_name
from chatserver.ops.importing import sides, statements
from chatserver.ops.importing.conversion import MESSAGE_COLUMNS, Conversion
from chatserver.ops.importing.memberships import MemberRow, member_rows
from chatserver.ops.importing.places import SourcePlaces
from chatserver.ops.importing.report import Report
from chatserver.ops.importing.tables import Connection
from chatserver.ops.importing.talks import CHUNK, Talk
from chatserver.ops.importing.tools import Tools

Names: TypeAlias = Mapping[str, Sequence[tuple[str, str]]]

# "chatimp" in ASCII: batches of two imports take turns, through a pooler too.
_ADVISORY_LOCK = 0x63686174696D70
# Seconds that a batch waits for somebody else's lock.
_LOCK_TIMEOUT = 30


class Target:
    """Writes into the chat's database.

    Args:
        connection: to it.
        tools: for conversions.
        is_dry: whether everything is read and nothing is written.
    """

    def __init__(self, connection: Connection, tools: Tools, *, is_dry: bool) -> None:
        self._connection = connection
        self._tools = tools
        self._is_dry = is_dry
        self._places = SourcePlaces(connection, tools, is_dry=is_dry)

    @property
    def messages_table(self) -> str:
        """Return what the source calls its messages."""
        return self._tools.tables["messages"]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        async with self._connection.transaction(readonly=self._is_dry):
            await self._connection.execute(statements.PATIENCE, f"{_LOCK_TIMEOUT}s")
            if not self._is_dry:
                await self._connection.execute(statements.ALONE, _ADVISORY_LOCK)
            yield

    async def write(self, talks: Sequence[Talk]) -> Report:
        """Write conversations, all of them or none.

        Returns:
            What was read, carried and not carried of them.

        Raises:
            asyncpg.PostgresError: the database refuses, or a lock was not to be had.
        """
        report = Report()
        async with self._transaction():
            places = await self._places.find(talks, report)
            written = []
            first = {talk.key: self._tools.message_ids(talk.first) for talk in talks}
            taken = await self._taken([message_id for ids in first.values() for message_id in ids])
            copied: list[tuple[Any, ...]] = []
            for talk in talks:
                place = places.get(talk.key)
                if place is None:
                    continue
                conversion = Conversion(talk, place, self._tools, report, await self._names(talk))
                written.append(conversion)
                async for rows in talk.chunks():
                    ids = first.pop(talk.key, None)
                    if ids is None:
                        ids = self._tools.message_ids(rows)
                        taken = await self._taken(ids)
                    copied += conversion.messages(rows, ids, taken)
                    # No other message of this batch may have them.
                    taken.update(ids)
                    if len(copied) >= CHUNK:
                        await self._copy("messages", MESSAGE_COLUMNS, copied)
                        copied = []
            await self._copy("messages", MESSAGE_COLUMNS, copied)
            await self._finish(written, report)
        return report

    async def _taken(self, ids: Sequence[UUID]) -> set[UUID]:
        """Return those ids that messages here have already."""
        found = await self._connection.fetch(statements.TAKEN_MESSAGES, ids)
        return {row["id"] for row in found}

    async def _names(self, talk: Talk) -> Names:
        """Return the names of a group's members, as mentions are compared with them."""
        if not talk.key.is_group:
            return {}
        people = [member.user_id for member in talk.members]
        rows = await self._connection.fetch(statements.NAMES, people)
        return by_name((row["user_id"], row["username"]) for row in rows)

    async def _copy(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        if rows and not self._is_dry:
            await self._connection.copy_records_to_table(table, columns=columns, records=rows)

    async def _finish(self, written: Sequence[Conversion], report: Report) -> None:
        """Write everything but the messages."""
        members: list[MemberRow] = []
        hidden: list[tuple[str, UUID, int]] = []
        rows: list[tuple[Any, ...]] = []
        remembered: list[tuple[str, UUID, int, int]] = []
        beside: dict[str, list[tuple[Any, ...]]] = {name: [] for name in statements.SIDES}
        for conversion in written:
            talk, place = conversion.talk, conversion.place
            # One event comes after the messages. Without messages it is the first one.
            is_beginning = place.is_new and talk.is_active and conversion.last_message_at is None
            pruned = 0 if is_beginning else conversion.last_seq
            last = pruned + 1 if talk.is_active else pruned
            theirs, hiders = member_rows(conversion, last)
            members += theirs
            if talk.is_active:
                hidden += [(person, place.id, last) for person in hiders]
            for name, made in (
                ("reactions", sides.reactions(conversion)),
                ("message_deletions", sides.deletions(conversion)),
                ("pins", sides.pins(conversion)),
                ("conversation_blocks", sides.blocks(conversion)),
            ):
                beside[name] += made
            rows.append(self._talk_row(conversion, pruned, last))
            carried = len(conversion.times)
            remembered.append((talk.source_id, place.id, conversion.rows_read, carried))
            remembered += [
                (old_id, place.id, 0, 0) for old_id in talk.old_ids if old_id != talk.source_id
            ]
            if talk.has_heads:
                report.carry(self._tools.tables["heads"], len(talk.old_ids))
            if talk.key.is_group and talk.members:
                report.carry(self._tools.tables["members"], len(talk.members))
        if self._is_dry or not written:
            return
        for name, made in beside.items():
            await self._copy(name, statements.SIDES[name], made)
        await self._write_talks(written, rows, members)
        await self._connection.execute(statements.EVENTS, [c.place.id for c in written])
        if hidden:
            people, ids, seqs = map(list, zip(*sorted(hidden), strict=True))
            await self._connection.execute(statements.LOCK_PERSONAL, people)
            await self._connection.execute(statements.HIDDEN, people, ids, seqs)
        await self._connection.execute(
            statements.REMEMBER, self._tools.system, *map(list, zip(*remembered, strict=True))
        )
        await self._connection.execute(statements.PRUNED)

    def _talk_row(self, conversion: Conversion, pruned: int, last: int) -> tuple[Any, ...]:
        talk, place, vault = conversion.talk, conversion.place, self._tools.vault
        is_group = bool(talk.key.is_group)
        return (
            place.id,
            "group" if is_group else "direct",
            talk.key.product,
            None if is_group else talk.key.low,
            None if is_group else talk.key.high,
            vault.seal_field(place.id, "title", talk.title) if is_group else None,
            vault.seal_field(place.id, "description", talk.description) if is_group else None,
            talk.created_by,
            talk.max_members if is_group else None,
            len(talk.members) if talk.is_active else 0,
            talk.is_active,
            talk.created_at,
            conversion.last_message_at,
            conversion.last_seq if conversion.last_message_at else 0,
            conversion.last_number,
            last,
            pruned,
        )

    async def _write_talks(
        self,
        written: Sequence[Conversion],
        rows: Sequence[tuple[Any, ...]],
        members: Sequence[MemberRow],
    ) -> None:
        new = {conversion.place.id for conversion in written if conversion.place.is_new}
        for is_new in (True, False):
            some = [row for row in rows if (row[0] in new) is is_new]
            theirs = [member for member in members if (member.conversation_id in new) is is_new]
            if some:
                statement = statements.NEW_TALKS if is_new else statements.STANDING_TALKS
                await self._connection.execute(statement, *map(list, zip(*some, strict=True)))
            if theirs:
                statement = statements.NEW_MEMBERS if is_new else statements.STANDING_MEMBERS
                await self._connection.execute(statement, *map(list, zip(*theirs, strict=True)))

    async def block(self, pairs: Sequence[tuple[str, str]], table: str) -> Report:
        """Write blocks between people, as if each had been set here, but only those that are new.

        Each has a transaction of its own: it locks conversations, and several at once would be out of order.

        Args:
            pairs: (blocker, blocked).
            table: the source's table, for the report.
        """
        report = Report()
        blockers, blocked = map(list, zip(*pairs, strict=True))
        found = await self._connection.fetch(statements.STANDING_BLOCKS, blockers, blocked)
        standing = {row["position"] for row in found}
        for position, pair in enumerate(pairs, start=1):
            if position in standing:
                report.pass_over(table)
            elif await self._block(*pair) == "unknown":
                reason = "names somebody whom the directory cannot hold"
                report.refuse(table, "/".join(pair), reason)
            else:
                report.carry(table)
        return report

    async def _block(self, blocker: str, blocked: str) -> str | None:
        if self._is_dry:
            return None
        async with self._transaction():
            verdict: str | None = await self._connection.fetchval(
                statements.BLOCK, blocker, blocked
            )
            return verdict
