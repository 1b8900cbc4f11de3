"""The tables of the marketplace (marketplace-api.md, "Database Schema"), and how they are read."""

from __future__ import annotations

from collections.abc import Mapping

from chatserver.ops.importing.queries import Queries, Query, SourceSystem, beside, ordered
from chatserver.ops.importing.tables import SourceTable, TableSpec

_TABLES = (
    TableSpec(
        name="conversations",
        spellings=("conversations",),
        columns={
            "id": ("id",),
            "product": ("product_id",),
            "one": ("participant_a_id",),
            "other": ("participant_b_id",),
            "created_at": ("created_at",),
        },
        needed=("id", "product", "one", "other"),
    ),
    TableSpec(
        name="messages",
        spellings=("messages",),
        columns={
            "id": ("id",),
            "conversation": ("conversation_id",),
            "sender": ("sender_id",),
            "recipient": ("recipient_id",),
            "text": ("text",),
            "created_at": ("created_at",),
            "read": ("read", "is_read"),
        },
        needed=("id", "conversation", "sender", "recipient", "text", "created_at", "read"),
    ),
    TableSpec(
        name="conversation_blocks",
        spellings=("conversation_blocks",),
        columns={
            "conversation": ("conversation_id",),
            "user": ("blocked_by_user_id",),
            "created_at": ("created_at",),
        },
        needed=("conversation", "user"),
    ),
)


def _queries(tables: Mapping[str, SourceTable]) -> Queries:
    talks, messages = tables["conversations"], tables["messages"]
    blocks = tables.get("conversation_blocks")
    one, other = talks.text("one"), talks.text("other")
    key = (
        f"CASE WHEN {one} IS NOT NULL AND {other} IS NOT NULL THEN 0 END AS kind, "
        f'least({one} COLLATE "C", {other} COLLATE "C") AS low, '
        f'greatest({one} COLLATE "C", {other} COLLATE "C") AS high, '
        f"coalesce({talks.text('product')}, '') COLLATE \"C\" AS product"
    )
    keys = f"SELECT {talks.text('id')} AS id, {key} FROM {talks.name} t"  # noqa: S608 - names of the catalogue
    created = f"coalesce({messages.moment('created_at')}, to_timestamp(0))"
    columns = (
        f"{messages.text('id')} AS id, {messages.raw('id')} AS place, "
        f"{messages.text('conversation')} AS conversation, {messages.text('sender')} AS sender, "
        f"{messages.text('recipient')} AS recipient, NULL::text AS message_type, "
        f"false AS is_encrypted, {messages.text('text')} AS content, NULL::text AS iv, "
        f"{messages.flag('read', False)} AS is_read, false AS is_announcement, false AS is_pinned, "
        "NULL::text AS pinned_by, NULL::timestamptz AS pinned_at, NULL::text AS reply_to, NULL::text AS mentions, "
        f"{created} AS created_at, NULL::timestamptz AS edited_at, NULL::timestamptz AS deleted_at"
    )
    return Queries(
        heads=Query(
            table=talks.name,
            sql=ordered(
                f"SELECT {key}, {talks.text('id')} AS id, NULL::text AS title, NULL::text AS description, "  # noqa: S608
                "NULL::text AS created_by, NULL::int8 AS max_members, true AS is_active, "
                f"{talks.moment('created_at')} AS created_at FROM {talks.name} t",
                "created_at, id",
            ),
        ),
        messages=Query(
            table=messages.name,
            sql=beside(keys, messages, "conversation", columns, "created_at, place"),
        ),
        count=f"SELECT count(*) FROM {messages.name}",  # noqa: S608
        blocks=_blocks(blocks, keys) if blocks else None,
    )


def _blocks(blocks: SourceTable, keys: str) -> Query:
    columns = (
        f"{blocks.text('user')} AS user_id, "
        f"coalesce({blocks.moment('created_at')}, to_timestamp(0)) AS created_at"
    )
    return Query(
        table=blocks.name, sql=beside(keys, blocks, "conversation", columns, "created_at, user_id")
    )


MARKETPLACE = SourceSystem(name="marketplace", tables=_TABLES, queries=_queries)
