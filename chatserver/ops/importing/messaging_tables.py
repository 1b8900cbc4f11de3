"""The tables of the messaging system, and the names that they and their columns may have.

messaging-api.md and messaging-implementation.md name the tables, not all columns.
"""

from __future__ import annotations

from chatserver.ops.importing.tables import TableSpec

_USER = ("user_id", "member_id")
_CREATED = ("created_at", "timestamp")

TABLES = (
    TableSpec(
        name="messages",
        spellings=("private_messages", "chat_messages"),
        columns={
            "id": ("message_id", "id"),
            "conversation": ("conversation_id",),
            "group": ("group_id",),
            "sender": ("sender_id", "user_id"),
            "recipient": ("recipient_id", "receiver_id"),
            "content": ("content", "message", "text"),
            "encrypted": ("encrypted_content",),
            "iv": ("encryption_iv",),
            "is_encrypted": ("is_encrypted",),
            "is_read": ("is_read",),
            "type": ("message_type",),
            "reply_to": ("reply_to_message_id", "reply_to_id"),
            "mentions": ("mentions",),
            "is_announcement": ("is_announcement",),
            "is_pinned": ("is_pinned",),
            "pinned_by": ("pinned_by",),
            "pinned_at": ("pinned_at",),
            "created_at": _CREATED,
            "edited_at": ("edited_at",),
            "is_deleted": ("is_deleted",),
            "deleted_at": ("deleted_at",),
        },
        needed=("id", "group", "sender", "recipient", "created_at"),
    ),
    TableSpec(
        name="groups",
        spellings=("chat_groups", "groups", "group_chats", "message_groups"),
        columns={
            "id": ("group_id", "id"),
            "title": ("group_name", "name", "title"),
            "description": ("group_description", "description"),
            "created_by": ("created_by", "owner_id", "creator_id"),
            "max_members": ("max_members",),
            "is_active": ("is_active",),
            "created_at": _CREATED,
        },
        needed=("id", "title"),
    ),
    TableSpec(
        name="group_members",
        spellings=("group_members", "chat_group_members", "group_chat_members"),
        columns={
            "group": ("group_id",),
            "user": _USER,
            "role": ("role",),
            "may_add": ("can_add_members",),
            "permissions": ("permissions",),
            "joined_at": ("joined_at", "created_at"),
            "is_present": ("is_active",),
            "left_at": ("left_at", "removed_at"),
            "last_read_at": ("last_read_at",),
        },
        needed=("group", "user", "role"),
    ),
    TableSpec(
        name="message_reactions",
        spellings=("message_reactions",),
        columns={
            "message": ("message_id",),
            "user": _USER,
            "reaction": ("reaction", "emoji"),
            "created_at": _CREATED,
        },
        needed=("message", "user", "reaction"),
    ),
    TableSpec(
        name="message_deletions",
        spellings=("message_deletions",),
        columns={"message": ("message_id",), "user": _USER},
        needed=("message", "user"),
    ),
    TableSpec(
        name="conversation_deletions",
        spellings=("conversation_deletions",),
        columns={
            "conversation": ("conversation_id",),
            "user": _USER,
            "deleted_at": ("deleted_at", "created_at"),
        },
        needed=("conversation", "user"),
    ),
    TableSpec(
        name="event_queue",
        spellings=("event_queue", "offline_events"),
        columns={
            "id": ("id", "event_id"),
            "user": _USER,
            "type": ("event_type",),
            "data": ("event_data",),
            "delivered_at": ("delivered_at",),
            "is_delivered": ("delivered", "is_delivered"),
        },
        needed=("user", "data"),
    ),
    TableSpec(
        name="pinned_messages",
        spellings=("pinned_messages", "message_pins"),
        columns={
            "message": ("message_id",),
            "user": ("pinned_by", *_USER),
            "pinned_at": ("pinned_at", "created_at"),
        },
        needed=("message",),
        is_needed=False,
    ),
    TableSpec(
        name="blocked_relationships",
        spellings=("blocked_relationships",),
        columns={"blocker": ("blocker_id",), "blocked": ("blocked_id",)},
        needed=("blocker", "blocked"),
        is_needed=False,
    ),
)
