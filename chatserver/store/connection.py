"""A connection that knows the types of our statements, which asyncpg would ask each session for.

That question is dear: behind a pooler, where a session's `jit` is what its role has, PostgreSQL compiles it for
seconds, and for each new connection again.
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import asyncpg

# pg_type.dat: the OIDs of PostgreSQL's own types are the same everywhere. Array, element, the element's name.
_ARRAYS = (
    (1000, 16, "bool"),
    (1001, 17, "bytea"),
    (1005, 21, "int2"),
    (1007, 23, "int4"),
    (1016, 20, "int8"),
    (1009, 25, "text"),
    (1015, 1043, "varchar"),
    (1185, 1184, "timestamptz"),
    (2951, 2950, "uuid"),
    (3807, 3802, "jsonb"),
)
# What the look at types would find, as asyncpg's introspection.py has it.
_KNOWN: dict[int, dict[str, Any]] = {
    array: {
        "oid": array,
        "ns": "pg_catalog",
        "name": f"_{name}",
        "kind": b"b",
        "basetype": None,
        "basetype_name": None,
        "elemtype": element,
        "elemtype_name": name,
        "elemdelim": b",",
        "range_subtype": None,
        "range_subtype_name": None,
        "attrtypoids": None,
        "attrnames": None,
        "depth": 0,
    }
    for array, element, name in _ARRAYS
}
# Tells asyncpg that a look at types did not take the place of the statement that is being prepared.
_NOT_ASKED = SimpleNamespace(name="none")


class DatabaseConnection(asyncpg.Connection):
    """asyncpg's own, but for where it learns of types."""

    __slots__ = ()

    async def _introspect_types(self, typeoids: Iterable[int], timeout: float | None) -> Any:  # noqa: ASYNC109 - asyncpg's
        oids = list(typeoids)
        if all(oid in _KNOWN for oid in oids):
            return [_KNOWN[oid] for oid in oids], _NOT_ASKED
        return await super()._introspect_types(oids, timeout)  # type: ignore[misc]  # no stub has it
