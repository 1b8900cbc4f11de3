"""The tables of a source: which there are, which columns they have, and how a column is read.

No document of the old systems lists every column, so each table and column is found by any of a few names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import asyncpg

from chatserver.config import ConfigError

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_FIND = "SELECT to_regclass($1)::oid AS oid, to_regclass($1)::text AS name"
_COLUMNS = """
SELECT a.attname, a.atttypid::regtype::text AS type FROM pg_attribute a
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
"""
_TIMES = ("date", "timestamp without time zone", "timestamp with time zone")
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """A table that a document names.

    Args:
        name: what the import calls it, and what ``--table NAME=…`` is given.
        spellings: the names that it may have, the most likely one first.
        columns: for each field, the names that its column may have.
        needed: the fields without which the table cannot be read.
        is_needed: whether there can be no import without the table.
    """

    name: str
    spellings: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...] = ()
    is_needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """A table that was found. Its methods return SQL for a field of the row `t`."""

    name: str
    oid: int
    # The column and the type of each field that there is a column for.
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Return whether there is a column for a field."""
        return name in self.fields

    def raw(self, name: str) -> str:
        """Return the column as it is. It must exist."""
        column, _ = self.fields[name]
        return f"t.{_quoted(column)}"

    def text(self, name: str) -> str:
        """Return the field as text; NULL if there is no column."""
        return f"{self.raw(name)}::text" if self.has(name) else "NULL::text"

    def flag(self, name: str, default: bool) -> str:
        """Return the field as a boolean that is never NULL."""
        otherwise = str(default).lower()
        if not self.has(name):
            return otherwise
        _, kind = self.fields[name]
        if kind == "boolean":
            value = self.raw(name)
        elif kind in _NUMBERS:
            value = f"({self.raw(name)} <> 0)"
        else:
            value = f"(lower({self.raw(name)}::text) IN ('t', 'true', '1', 'yes', 'y'))"
        return f"coalesce({value}, {otherwise})"

    def moment(self, name: str) -> str:
        """Return the field as a timestamptz; NULL for infinity. A number is milliseconds since 1970."""
        if not self.has(name):
            return "NULL::timestamptz"
        _, kind = self.fields[name]
        if kind in _NUMBERS:
            return f"to_timestamp({self.raw(name)} / 1000.0)"
        if kind in _TIMES:
            return f"CASE WHEN isfinite({self.raw(name)}) THEN {self.raw(name)}::timestamptz END"
        return f"{self.raw(name)}::timestamptz"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def find_tables(
    connection: Connection, specs: Sequence[TableSpec], named: Mapping[str, str]
) -> dict[str, SourceTable]:
    """Find the tables of a source by their specifications.

    Args:
        connection: to the source.
        specs: what is looked for.
        named: names that the operator has given, by the specification's name. An empty name means that the source
            has no such table.

    Returns:
        The tables that there are, by the specification's name.

    Raises:
        ConfigError: tables or columns are missing (all of them are named), or `named` has an unknown name.
    """
    known = {spec.name for spec in specs}
    for name in named:
        if name not in known:
            raise ConfigError(f"--table knows no {name!r}: write one of {', '.join(sorted(known))}")
    found: dict[str, SourceTable] = {}
    lacking: list[str] = []
    for spec in specs:
        given = named.get(spec.name)
        if given == "":
            continue
        spellings = spec.spellings if given is None else (given,)
        table = await _find(connection, spec, spellings)
        if table is not None:
            found[spec.name] = table
            lacking += [
                f"a column {spec.columns[name][0]} in {table.name}"
                for name in spec.needed
                if not table.has(name)
            ]
        elif spec.is_needed or given is not None:
            lacking.append(f"the table {' or '.join(spellings)} (--table {spec.name}=…)")
    if lacking:
        raise ConfigError(
            f"--from leads to a database that lacks {', '.join(lacking)}: "
            "name the tables by --table NAME=TABLE, or make views that have what is missing"
        )
    return found


async def _find(
    connection: Connection, spec: TableSpec, spellings: Sequence[str]
) -> SourceTable | None:
    for spelling in spellings:
        try:
            row = await connection.fetchrow(_FIND, spelling)
        except asyncpg.PostgresError:
            continue  # no name of a table
        if row is None or row["oid"] is None:
            continue
        columns = {r["attname"]: r["type"] for r in await connection.fetch(_COLUMNS, row["oid"])}
        fields = {
            name: (column, columns[column])
            for name, candidates in spec.columns.items()
            if (column := next((c for c in candidates if c in columns), None)) is not None
        }
        return SourceTable(name=row["name"], oid=row["oid"], fields=fields)
    return None
