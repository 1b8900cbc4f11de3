"""What an import asks of the messaging system's tables."""

from __future__ import annotations

from collections.abc import Mapping

from chatserver.ops.importing.messaging_tables import TABLES
from chatserver.ops.importing.queries import Queries, Query, SourceSystem, beside, ordered
from chatserver.ops.importing.tables import SourceTable


def _queries(tables: Mapping[str, SourceTable]) -> Queries:
    messages = tables["messages"]
    groups = tables.get("groups")
    group = f"nullif({messages.text('group')}, '')"
    sender, recipient = messages.text("sender"), messages.text("recipient")
    key = (
        # No sender and no recipient: it belongs to nothing.
        f"CASE WHEN {group} IS NOT NULL THEN 1 "
        f"WHEN coalesce({sender}, {recipient}) IS NOT NULL THEN 0 END AS kind, "
        f'coalesce({group}, least({sender} COLLATE "C", {recipient} COLLATE "C")) COLLATE "C" AS low, '
        f"""CASE WHEN {group} IS NULL THEN greatest({sender} COLLATE "C", {recipient} COLLATE "C") ELSE '' END """
        """COLLATE "C" AS high, ''::text COLLATE "C" AS product"""
    )
    by_message = f"SELECT {messages.text('id')} AS id, {key} FROM {messages.name} t"  # noqa: S608
    return Queries(
        heads=_heads(groups) if groups else Query(table="(no groups)", sql=_NO_HEADS),
        messages=Query(
            table=messages.name,
            sql=ordered(
                f"SELECT {key}, {_message_columns(messages)} FROM {messages.name} t",  # noqa: S608
                "created_at, place",
            ),
        ),
        count=f"SELECT count(*) FROM {messages.name}",  # noqa: S608
        sample=_sample(messages),
        members=_members(tables.get("group_members")),
        reactions=_reactions(tables.get("message_reactions"), by_message),
        deletions=_deletions(tables.get("message_deletions"), by_message),
        hidings=_hidings(tables.get("conversation_deletions"), messages, groups, key),
        pins=_pins(tables.get("pinned_messages"), by_message),
        undelivered=_undelivered(tables.get("event_queue")),
        user_blocks=_user_blocks(tables.get("blocked_relationships")),
        has_read_times="group_members" in tables and tables["group_members"].has("last_read_at"),
    )


_NO_HEADS = (
    "SELECT 1 AS kind, ''::text AS low, ''::text AS high, ''::text AS product, NULL::text AS id, "
    "NULL::text AS title, NULL::text AS description, NULL::text AS created_by, NULL::int8 AS max_members, "
    "true AS is_active, NULL::timestamptz AS created_at WHERE false"
)


def _is_encrypted(messages: SourceTable) -> str:
    if messages.has("is_encrypted") or not messages.has("encrypted"):
        return messages.flag("is_encrypted", False)
    return f"({messages.raw('encrypted')} IS NOT NULL)"


def _ciphertext(messages: SourceTable) -> str:
    return messages.text("encrypted" if messages.has("encrypted") else "content")


def _message_columns(messages: SourceTable) -> str:
    is_encrypted, plain = _is_encrypted(messages), messages.text("content")
    deleted = messages.moment("deleted_at")
    if messages.has("is_deleted"):
        deleted = (
            f"CASE WHEN {messages.flag('is_deleted', False)} THEN coalesce({deleted}, now()) END"
        )
    return ", ".join(
        (
            f"{messages.text('id')} AS id",
            f"{messages.raw('id')} AS place",
            f"{messages.text('conversation')} AS conversation",
            f"{messages.text('sender')} AS sender",
            f"{messages.text('recipient')} AS recipient",
            f"{messages.text('type')} AS message_type",
            f"{is_encrypted} AS is_encrypted",
            f"CASE WHEN {is_encrypted} THEN {_ciphertext(messages)} ELSE {plain} END AS content",
            f"{messages.text('iv')} AS iv",
            f"{messages.flag('is_read', True)} AS is_read",
            f"{messages.flag('is_announcement', False)} AS is_announcement",
            f"{messages.flag('is_pinned', False)} AS is_pinned",
            f"{messages.text('pinned_by')} AS pinned_by",
            f"{messages.moment('pinned_at')} AS pinned_at",
            f"{messages.text('reply_to')} AS reply_to",
            f"{messages.text('mentions')} AS mentions",
            f"coalesce({messages.moment('created_at')}, to_timestamp(0)) AS created_at",
            f"{messages.moment('edited_at')} AS edited_at",
            f"{deleted} AS deleted_at",
        )
    )


def _sample(messages: SourceTable) -> str:
    return (
        f"SELECT {_ciphertext(messages)} AS content, {messages.text('iv')} AS iv FROM {messages.name} t "  # noqa: S608
        f"WHERE {_is_encrypted(messages)} ORDER BY {messages.raw('created_at')} LIMIT $1"
    )


def _group_key(table: SourceTable, name: str) -> str:
    group = table.text(name)
    return (
        f'CASE WHEN {group} IS NOT NULL THEN 1 END AS kind, {group} COLLATE "C" AS low, '
        """''::text COLLATE "C" AS high, ''::text COLLATE "C" AS product"""
    )


def _heads(groups: SourceTable) -> Query:
    most = f"{groups.raw('max_members')}::int8" if groups.has("max_members") else "NULL::int8"
    return Query(
        table=groups.name,
        sql=ordered(
            f"SELECT {_group_key(groups, 'id')}, {groups.text('id')} AS id, {groups.text('title')} AS title, "  # noqa: S608
            f"{groups.text('description')} AS description, {groups.text('created_by')} AS created_by, "
            f"{most} AS max_members, {groups.flag('is_active', True)} AS is_active, "
            f"{groups.moment('created_at')} AS created_at FROM {groups.name} t",
            "created_at",
        ),
    )


def _members(members: SourceTable | None) -> Query | None:
    if members is None:
        return None
    may_add = members.flag("may_add", False)
    if members.has("permissions"):
        # A list of permissions, or an object of them: the word stands in the text of either.
        granted = f"{members.text('permissions')} ~ '\"can_add_members\"(\\s*:\\s*true|[^:]*$)'"
        may_add = f"({may_add} OR coalesce({granted}, false))"
    is_present = f"({members.flag('is_present', True)} AND {members.moment('left_at')} IS NULL)"
    return Query(
        table=members.name,
        sql=ordered(
            f"SELECT {_group_key(members, 'group')}, {members.text('user')} AS user_id, "  # noqa: S608
            f"{members.text('role')} AS role, {may_add} AS may_add, "
            f"{is_present} AS is_present, {members.moment('joined_at')} AS joined_at, "
            f"{members.moment('last_read_at')} AS last_read_at FROM {members.name} t",
            'joined_at, user_id COLLATE "C"',
        ),
    )


def _reactions(reactions: SourceTable | None, by_message: str) -> Query | None:
    if reactions is None:
        return None
    columns = (
        f"{reactions.text('message')} AS message_id, {reactions.text('user')} AS user_id, "
        f"{reactions.text('reaction')} AS reaction, "
        f"coalesce({reactions.moment('created_at')}, to_timestamp(0)) AS created_at"
    )
    sql = beside(by_message, reactions, "message", columns, "created_at, user_id")
    return Query(table=reactions.name, sql=sql)


def _deletions(deletions: SourceTable | None, by_message: str) -> Query | None:
    if deletions is None:
        return None
    columns = f"{deletions.text('message')} AS message_id, {deletions.text('user')} AS user_id"
    sql = beside(by_message, deletions, "message", columns, "message_id, user_id")
    return Query(table=deletions.name, sql=sql)


def _hidings(
    hidings: SourceTable | None, messages: SourceTable, groups: SourceTable | None, key: str
) -> Query | None:
    if hidings is None:
        return None
    keys = []
    if messages.has("conversation"):
        keys.append(
            f"SELECT DISTINCT {messages.text('conversation')} AS id, {key} FROM {messages.name} t "  # noqa: S608
            f"WHERE nullif({messages.text('group')}, '') IS NULL"
        )
    if groups is not None:
        keys.append(
            f"SELECT {groups.text('id')} AS id, {_group_key(groups, 'id')} FROM {groups.name} t"  # noqa: S608
        )
    # As documented, also where messages do not say it; ids that are numbers may be in either order.
    pairs = f"FROM (SELECT {key} FROM {messages.name} t) k WHERE k.kind = 0"  # noqa: S608
    keys += [
        f"SELECT DISTINCT 'conv_' || {name} AS id, k.* {pairs}"
        for name in ("k.low || '_' || k.high", "k.high || '_' || k.low")
    ]
    columns = (
        f"{hidings.text('conversation')} AS conversation, {hidings.text('user')} AS user_id, "
        f"{hidings.moment('deleted_at')} AS deleted_at"
    )
    sql = beside(" UNION ".join(keys), hidings, "conversation", columns, "user_id")
    return Query(table=hidings.name, sql=sql)


def _pins(pins: SourceTable | None, by_message: str) -> Query | None:
    if pins is None:
        return None
    columns = (
        f"{pins.text('message')} AS message_id, {pins.text('user')} AS user_id, "
        f"coalesce({pins.moment('pinned_at')}, to_timestamp(0)) AS pinned_at"
    )
    return Query(
        table=pins.name, sql=beside(by_message, pins, "message", columns, "pinned_at, message_id")
    )


def _undelivered(events: SourceTable | None) -> Query | None:
    if events is None:
        return None
    waits = f"{events.moment('delivered_at')} IS NULL AND NOT {events.flag('is_delivered', False)}"
    return Query(
        table=events.name,
        sql=f"SELECT {events.text('id')} AS id, {events.text('user')} AS user_id, "  # noqa: S608
        f"{events.text('type')} AS event_type, "
        f"{events.text('data')} AS event_data FROM {events.name} t WHERE {waits}",
    )


def _user_blocks(blocks: SourceTable | None) -> Query | None:
    if blocks is None:
        return None
    return Query(
        table=blocks.name,
        sql=f"SELECT {blocks.text('blocker')} AS blocker, {blocks.text('blocked')} AS blocked "  # noqa: S608
        f"FROM {blocks.name} t ORDER BY 1, 2",
    )


MESSAGING = SourceSystem(name="messaging", tables=TABLES, queries=_queries)
