"""Reads several tables of a source side by side, each in the order of the conversations that its rows belong to.

One sorted pass over each table needs no index in the source, and no more memory than one conversation takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import asyncpg

Row: TypeAlias = asyncpg.Record

# Rows that are fetched at once.
_FETCHED = 2_000


class Key(NamedTuple):
    """Which conversation a row belongs to. Python compares keys as PostgreSQL's collation "C" does."""

    is_group: int
    # The lower of two people, or the group's old id.
    low: str
    # The higher of two people; empty for a group.
    high: str
    # The product's id; empty for none.
    product: str


def key_of(row: Row) -> Key | None:
    """Return the key in the first four columns of a row; None if its conversation does not exist."""
    return None if row[0] is None else Key(row[0], row[1], row[2], row[3])


class Stream:
    """The rows of one query, which are ordered by their keys, those without one last.

    Args:
        cursor: the query, begun in a transaction.
        on_orphan: called with each row whose conversation does not exist.
    """

    def __init__(
        self, cursor: asyncpg.cursor.Cursor[Row], on_orphan: Callable[[Row], None]
    ) -> None:
        self._cursor: Any = cursor
        self._on_orphan = on_orphan
        self._rows: deque[Row] = deque()
        self._is_read = False

    async def _next(self) -> Row | None:
        if not self._rows and not self._is_read:
            self._rows.extend(await self._cursor.fetch(_FETCHED))
            self._is_read = len(self._rows) < _FETCHED
        return self._rows[0] if self._rows else None

    async def key(self) -> Key | None:
        """Return the key of the next row; None if no row with a key is left."""
        row = await self._next()
        return None if row is None else key_of(row)

    async def take(self, key: Key, most: int | None = None) -> list[Row]:
        """Take the next rows of a conversation, at most so many. Rows of earlier ones are orphans."""
        taken: list[Row] = []
        while most is None or len(taken) < most:
            row = await self._next()
            if row is None:
                break
            found = key_of(row)
            if found is None or found > key:
                break
            self._rows.popleft()
            if found == key:
                taken.append(row)
            else:
                self._on_orphan(row)
        return taken

    async def finish(self) -> None:
        """Take the rows that are left. All of them are orphans."""
        while (row := await self._next()) is not None:
            self._rows.popleft()
            self._on_orphan(row)
