"""Sources whose tables have other names, types and columns than the documents, and rows that make no sense."""

import asyncpg
import pytest

from chatserver.ops.progress import progress
from tests.ops.importing.conftest import new_database
from tests.ops.importing.moved import add_people, move, rows
from tests.ops.importing.old_messaging import START, encrypted

_ANN, _BOB, _CID = (f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
_GONE = "aaaaaaaa-0000-4000-8000-000000000009"
_TABLES = """
CREATE TABLE chat_messages (
    id bigint PRIMARY KEY, group_id bigint, sender_id uuid, recipient_id uuid, content text,
    encrypted_content text, encryption_iv varchar(255), is_read smallint, message_type text,
    created_at bigint, is_deleted boolean,
    is_pinned boolean, edited_at timestamptz);
CREATE TABLE groups (id bigint PRIMARY KEY, name text, is_active text, max_members bigint, created_at date);
CREATE TABLE group_members (
    group_id bigint, user_id uuid, role text, permissions jsonb, joined_at timestamptz, left_at timestamptz,
    last_read_at timestamptz);
CREATE VIEW likes AS SELECT 2::bigint AS message_id, NULL::uuid AS user_id, '👍' AS emoji
    UNION ALL SELECT 2, 'aaaaaaaa-0000-4000-8000-000000000002', ' ' UNION ALL SELECT NULL, NULL, NULL;
CREATE TABLE message_deletions (message_id bigint, user_id uuid);
CREATE TABLE conversation_deletions (conversation_id text, user_id uuid, deleted_at timestamp);
CREATE TABLE offline_events (id int, user_id uuid, event_type text, event_data text, delivered boolean);
"""
_MILLISECONDS = int(START.timestamp() * 1000)


async def _fill(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_TABLES)
        sealed, iv = encrypted("sealed")
        message = (
            "INSERT INTO chat_messages (id, group_id, sender_id, recipient_id, content, encrypted_content, "
            "encryption_iv, is_read, message_type, created_at, is_deleted, is_pinned) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        )
        said = [
            # The older one has the higher id.
            (2, None, _ANN, _BOB, None, sealed, iv, 1, "image", _MILLISECONDS, False, True),
            (
                1,
                None,
                _BOB,
                _ANN,
                "plain",
                None,
                None,
                0,
                "hologram",
                _MILLISECONDS + 1,
                False,
                False,
            ),
            (3, None, _ANN, _BOB, "taken back", None, None, 0, None, None, True, False),
            (4, None, None, None, "from nobody to nobody", None, None, 0, None, 1, False, False),
            (5, None, _ANN, None, "to nobody", None, None, 0, None, 2, False, False),
            (6, None, _ANN, _BOB, None, None, None, 0, None, 3, False, False),
            (7, 70, _ANN, None, "read", None, None, 0, None, _MILLISECONDS, False, False),
            (8, 70, None, None, "by nobody", None, None, 0, None, _MILLISECONDS + 1, False, False),
            (9, 70, _ANN, None, "unread", None, None, 0, None, _MILLISECONDS + 5_000, False, False),
        ]
        await connection.executemany(message, said)
        await connection.execute(
            "INSERT INTO groups VALUES (70, ' ', 'true', 9999999999, 'infinity'), (71, NULL, 'f', NULL, NULL)"
        )
        await connection.executemany(
            "INSERT INTO group_members VALUES (70, $1, $2, $3, 'infinity', $4, $5)",
            [
                (_ANN, "Owner", None, None, None),
                (_BOB, "moderator", '["can_add_members"]', None, START),
                (_CID, "king", '{"can_add_members": false}', None, None),
                (_CID, "member", None, None, None),
                (None, "member", None, None, None),
                (_GONE, "member", None, START, None),
            ],
        )
        await connection.execute(
            "INSERT INTO conversation_deletions VALUES ($1, $2, NULL), ('conv_9_9', $2, NULL)",
            f"conv_{_BOB}_{_ANN}",
            _BOB,
        )
        await connection.execute(
            "INSERT INTO offline_events VALUES (1, $1, 'x', 'no json', false), (2, $1, 'x', '{}', false), "
            """(3, $1, 'new_private_message', '{"messageId": 2}', true)""",
            _ANN,
        )
    finally:
        await connection.close()


async def test_other_shapes(postgres: str, fresh_dsn: str) -> None:
    """Other names and types are understood, missing columns are done without, and senseless rows are named."""
    source = await new_database(postgres, "old_otherwise")
    await _fill(source)
    await add_people(fresh_dsn, [_ANN, _BOB, _CID])
    report = await move("messaging", source, fresh_dsn, tables={"message_reactions": "likes"})
    refused = {
        f"{table}: {row_id}": reason
        for (table, reason), those in report.refused.items()
        for row_id in those.ids
    }
    assert refused == {
        "chat_messages: 4": "is about something that does not exist",
        "chat_messages: 5": "is of one person with themselves",
        "chat_messages: 6": "has no text",
        "chat_messages: 8": "is from nobody",
        f"group_members: 70/{_CID}": "names a member a second time",
        "group_members: 70/None": "names nobody",
        f"group_members: 70/{_GONE}": "has ended, and only present members see a group",
        "likes: 2/None": "is by nobody",
        f"likes: 2/{_BOB}": "is no reaction that can be shown",
        "likes: (no id)": "is about something that does not exist",
        f"conversation_deletions: conv_9_9/{_BOB}": "is about something that does not exist",
        "offline_events: 1": "is no event for anybody",
        "offline_events: 2": "names neither a message nor a conversation",
    }
    assert report.tables["chat_messages"].carried == 5
    direct = await rows(
        fresh_dsn,
        "SELECT m.message_type, m.created_at, m.deleted_at IS NOT NULL, m.ciphertext IS NULL FROM messages m "
        "JOIN conversations c ON c.id = m.conversation_id AND c.type = 'direct' ORDER BY m.seq",
    )
    assert [row[0] for row in direct] == ["text", "image", "text"]
    assert [row[1].timestamp() * 1000 for row in direct] == [0, _MILLISECONDS, _MILLISECONDS + 1]
    assert [row[2:] for row in direct] == [(True, True), (False, False), (False, False)]
    assert await rows(fresh_dsn, "SELECT pinned_by FROM pins") == [(_ANN,)]
    members = await rows(
        fresh_dsn,
        "SELECT p.user_id, p.role, p.can_add_members, unread_count(p), c.max_members FROM participants p "
        "JOIN conversations c ON c.id = p.conversation_id AND c.type = 'group' ORDER BY 1",
    )
    assert members == [
        (_ANN, "owner", True, 0, 1_000_000),
        (_BOB, "moderator", True, 1, 1_000_000),
        (_CID, "member", False, 2, 1_000_000),
    ]
    hidden = await rows(
        fresh_dsn, "SELECT user_id FROM participants WHERE hidden_seq > 0 AND NOT in_group"
    )
    assert hidden == [(_BOB,)]
    assert await rows(fresh_dsn, "SELECT count(*) FROM conversations WHERE NOT is_active") == [(1,)]


class _Terminal:
    """Keeps what is written, and says that it is a terminal."""

    def __init__(self) -> None:
        self.written = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written += text
        return len(text)

    def flush(self) -> None:
        """There is nothing to flush."""


def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal shows how far the import is."""
    terminal = _Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress(1_000) as bar:
        bar.update(1_000)
    assert "100%" in terminal.written
    assert "messages/s" in terminal.written
