"""Named SQL: ``sql/queries/*.sql``, each query under a ``-- name: …`` line (aiosql's grammar)."""

import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

_NAME = re.compile(r"^--\s*name:\s*(\S+)\s*$", re.MULTILINE)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*\Z")


class QueryError(RuntimeError):
    """A query file breaks the grammar, or two queries have one name."""


def parse(text: str, source: str) -> dict[str, str]:
    """Return the queries of one file by name.

    Raises:
        QueryError: SQL before the first name, a name that is no identifier, a name used twice, no SQL.
    """
    head, *rest = _NAME.split(text)
    if any(line and not line.startswith("--") for line in map(str.strip, head.splitlines())):
        raise QueryError(f"{source}: SQL before the first '-- name:' line")
    found: dict[str, str] = {}
    for name, sql in zip(rest[::2], rest[1::2], strict=True):
        if not _IDENTIFIER.match(name):
            raise QueryError(f"{source}: {name!r} is not a name (a-z, 0-9, _)")
        if name in found:
            raise QueryError(f"{source}: {name} is defined twice")
        # Comments are for readers here; the database need not parse them a thousand times a second.
        lines = [line for line in sql.splitlines() if not line.strip().startswith("--")]
        found[name] = "\n".join(lines).strip().removesuffix(";")
        if not found[name]:
            raise QueryError(f"{source}: {name} has no SQL")
    return found


def load(folder: Traversable | None = None) -> Mapping[str, str]:
    """Return all queries by name.

    Raises:
        QueryError: as `parse`; also for a name that two files define.
    """
    queries: dict[str, str] = {}
    folder = folder or files("chatserver.sql") / "queries"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".sql"):
            continue
        for name, sql in parse(file.read_text("utf-8"), file.name).items():
            if name in queries:
                raise QueryError(f"{file.name}: {name} is defined in another file too")
            queries[name] = sql
    return queries
