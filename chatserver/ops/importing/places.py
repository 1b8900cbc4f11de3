"""Where conversations are written: into rows of their own, into what two people have opened, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from chatserver.ops.importing import statements
from chatserver.ops.importing.report import Report
from chatserver.ops.importing.streams import Key
from chatserver.ops.importing.tables import Connection
from chatserver.ops.importing.talks import Talk
from chatserver.ops.importing.tools import Place, Tools

_IN_USE = "belongs to a conversation in which people have spoken here already"
_TAKEN = "belongs to a conversation whose id another one has here"


class SourcePlaces:
    """Finds where conversations are written.

    Args:
        connection: to the chat's database, in a transaction.
        tools: what conversions need.
        is_dry: whether nothing is locked, since nothing is written.
    """

    def __init__(self, connection: Connection, tools: Tools, *, is_dry: bool) -> None:
        self._connection = connection
        self._tools = tools
        self._is_dry = is_dry

    async def find(self, talks: Sequence[Talk], report: Report) -> dict[Key, Place]:
        """Lock the conversations that are there, then look at them.

        Returns:
            Where each conversation is written. Those that are not are counted, and have no place.
        """
        direct = [talk for talk in talks if not talk.key.is_group]
        lows, highs, products = ([talk.key[part] for talk in direct] for part in (1, 2, 3))
        if not self._is_dry:
            await self._connection.execute(statements.LOCK_PAIRS, lows, highs)
        found = await self._connection.fetch(statements.STANDING_DIRECT, lows, highs, products)
        if found and not self._is_dry:
            # Somebody may have spoken in one before the lock.
            ids = [row["id"] for row in found]
            await self._connection.execute(statements.LOCK_TALKS, ids)
            found = await self._connection.fetch(statements.STANDING_DIRECT, lows, highs, products)
        standing = {row["position"]: row for row in found}
        by_talk = {
            talk.key: standing[position]
            for position, talk in enumerate(direct, start=1)
            if position in standing
        }
        imported = {
            row["source_id"]: (row["messages"], row["carried"])
            for row in await self._connection.fetch(
                statements.IMPORTED, self._tools.system, [talk.source_id for talk in talks]
            )
        }
        taken = {
            row["id"]
            for row in await self._connection.fetch(statements.TAKEN_TALKS, [t.id for t in talks])
        }
        places: dict[Key, Place] = {}
        for talk in talks:
            row = by_talk.get(talk.key)
            if talk.source_id in imported:
                await self._pass_over(talk, report, *imported[talk.source_id])
            elif row is not None and row["last_number"] == 0 and row["is_active"]:
                places[talk.key] = Place(row["id"], False, row["last_seq"], 0)
            elif row is not None:
                await self._refuse(talk, report, _IN_USE)
            elif talk.id in taken:
                await self._refuse(talk, report, _TAKEN)
            else:
                # Seq 1 is that of the beginning, as with every conversation.
                places[talk.key] = Place(talk.id, True, 1, 0)
                taken.add(talk.id)
        return places

    async def _pass_over(self, talk: Talk, report: Report, before: int, carried: int) -> None:
        """Count what was imported by an earlier run, which read so many messages and carried so many of them."""
        tables, read = self._tools.tables, 0
        async for rows in talk.chunks():
            read += len(rows)
        numbers = {
            "messages": carried,
            "heads": len(talk.old_ids) if talk.has_heads else 0,
            "members": len(talk.members) if talk.key.is_group else 0,
            "reactions": len(talk.reactions),
            "deletions": len(talk.deletions),
            "hidings": len(talk.hidings),
            "pins": len(talk.pins),
            "blocks": len(talk.blocks),
        }
        for name, number in numbers.items():
            if number:
                report.pass_over(tables[name], number)
        if before > carried:
            report.leave(
                tables["messages"],
                before - carried,
                "messages that an earlier run did not carry, whose report names them",
            )
        if read > before:
            report.leave(
                tables["messages"],
                read - before,
                "messages in conversations that were imported before they came, not carried",
            )

    async def _refuse(self, talk: Talk, report: Report, reason: str) -> None:
        tables = self._tools.tables
        async for rows in talk.chunks():
            for row in rows:
                report.refuse(tables["messages"], row["id"], reason)
        for old_id in talk.old_ids if talk.has_heads else ():
            report.refuse(tables["heads"], old_id, reason)
