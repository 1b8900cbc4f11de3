"""What an import asks of a source, whichever system it is: one query per kind of row, with the same columns.

The first four columns of each are those of `streams.Key`, and each is ordered by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chatserver.core.imported_ids import System
from chatserver.ops.importing.tables import SourceTable, TableSpec

# How keys are ordered; what belongs to no conversation comes last.
IN_ORDER = "kind NULLS LAST, low, high, product"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, and the name of the table that its rows are of."""

    table: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """The queries of one source. What the source has no table for is None.

    Args:
        heads: conversations: ``id, title, description, created_by, max_members, is_active, created_at``.
        messages: ``id, conversation, sender, recipient, message_type, is_encrypted, content, iv, is_read,
            is_announcement, is_pinned, pinned_by, pinned_at, reply_to, mentions, created_at, edited_at,
            deleted_at``.
        count: how many messages there are.
        sample: ``content, iv`` of the first encrypted messages.
        members: of groups: ``user_id, role, may_add, is_present, joined_at, last_read_at``.
        reactions: ``message_id, user_id, reaction, created_at``.
        deletions: what people deleted for themselves: ``message_id, user_id``.
        hidings: conversations that people deleted for themselves: ``conversation, user_id, deleted_at``.
        pins: ``message_id, user_id, pinned_at``.
        blocks: of one conversation: ``user_id, created_at``.
        undelivered: events that wait for their person, without a key: ``id, user_id, event_type, event_data``.
        user_blocks: between people, without a key: ``blocker, blocked``.
        has_read_times: whether members say until when they have read; without, a group counts as read.
    """

    heads: Query
    messages: Query
    count: str
    sample: str | None = None
    members: Query | None = None
    reactions: Query | None = None
    deletions: Query | None = None
    hidings: Query | None = None
    pins: Query | None = None
    blocks: Query | None = None
    undelivered: Query | None = None
    user_blocks: Query | None = None
    has_read_times: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSystem:
    """A system that can be moved in: its tables, and the queries made of those that were found."""

    name: System
    tables: tuple[TableSpec, ...]
    queries: Callable[[Mapping[str, SourceTable]], Queries]


def ordered(select: str, then: str) -> str:
    """Return a SELECT ordered by the keys of its rows, and then by other columns."""
    return f"SELECT * FROM ({select}) rows ORDER BY {IN_ORDER}, {then}"  # noqa: S608 - names of the catalogue


def beside(keys: str, table: SourceTable, reference: str, columns: str, then: str) -> str:
    """Return a SELECT of a table's rows, each with its conversation's key.

    Args:
        keys: a SELECT of ``id, kind, low, high, product``.
        table: the table.
        reference: the field that refers to the id.
        columns: what is selected beside the key.
        then: what rows of one conversation are ordered by.
    """
    return ordered(
        f"SELECT k.kind, k.low, k.high, k.product, {columns} FROM {table.name} t "  # noqa: S608 - names of the catalogue
        f"LEFT JOIN ({keys}) k ON k.id = {table.text(reference)}",
        then,
    )
