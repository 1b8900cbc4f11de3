"""What a statement touched when it really ran: its own plan and those of all statements nested in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg

_EXPLAIN = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_analyze = on;
SET auto_explain.log_buffers = on;
SET auto_explain.log_timing = off;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_format = json;
SET client_min_messages = log;
"""


@dataclass(frozen=True, slots=True)
class Touched:
    """Rows that scans of tables read, those thrown away included, and pages of tables and indexes."""

    rows: int
    blocks: int
    scans: tuple[str, ...]


class Explained:
    """A session whose statements' plans are heard as they run (auto_explain, which superusers may load)."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self._plans: list[dict[str, Any]] = []

    @classmethod
    async def on(cls, connection: asyncpg.Connection[asyncpg.Record]) -> Explained:
        """Turn a connection into one; it tells of every statement from now on."""
        explained = cls(connection)
        connection.add_log_listener(lambda _, message: explained._hear(str(message)))
        await connection.execute(_EXPLAIN)
        return explained

    def _hear(self, message: str) -> None:
        _, found, plan = message.partition("plan:\n")
        if found:
            self._plans.append(json.loads(plan))

    async def run(self, sql: str, args: tuple[object, ...]) -> Touched:
        """Run a statement in a transaction that is undone, and say what it touched the second time.

        (The first time the driver may ask for types, and the server reads its catalog.)
        """
        for _ in range(2):
            transaction = self._connection.transaction()
            await transaction.start()
            try:
                self._plans.clear()
                await self._connection.fetch(sql, *args)
            finally:
                await transaction.rollback()
        return _touched(self._plans)


def _touched(plans: list[dict[str, Any]]) -> Touched:
    scans = [node for plan in plans for node in _nodes(plan["Plan"]) if "Relation Name" in node]
    scans = [node for node in scans if not node["Node Type"].startswith(("ModifyTable", "Insert"))]
    return Touched(
        rows=sum(_rows(node) for node in scans if _is_read(node)),
        # The outermost statement's count has those of the statements nested in it.
        blocks=max((_blocks(plan["Plan"]) for plan in plans), default=0),
        scans=tuple(_shown(node) for node in scans if _is_read(node)),
    )


def _is_read(node: dict[str, Any]) -> bool:
    return "Scan" in node["Node Type"]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _rows(node: dict[str, Any]) -> int:
    """Rows out of a scan, and rows that it read in vain, over all its rounds (both are averages of a round)."""
    read = sum(
        node.get(key, 0)
        for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    )
    return round(read * node["Actual Loops"])


def _blocks(node: dict[str, Any]) -> int:
    return int(node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0))


def _shown(node: dict[str, Any]) -> str:
    using = f" by {node['Index Name']}" if "Index Name" in node else ""
    return f"{node['Node Type']} of {node['Relation Name']}{using}: {_rows(node)}"
