"""What an import refuses before it writes anything, in one line that names what is wrong."""

import asyncio
import os
import re
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from chatserver.config import ConfigError
from chatserver.ops.importing import ImportFailedError
from tests.ops.importing.conftest import Moved, new_database
from tests.ops.importing.moved import counts, move
from tests.ops.importing.old_messaging import OLD_KEY, create
from tests.support.cli import run
from tests.support.servers import environment


async def test_keys(moved: Moved, fresh_dsn: str) -> None:
    """A key that is missing or wrong is told by its variable, and never shown."""
    wrong = "a wrong key, which is long enough to be one"
    command = ("import", "messaging", "--from", moved.source)
    without, with_another = await asyncio.gather(
        run(*command, env=environment(fresh_dsn)),
        run(*command, "--key-env", "THEIRS", env=environment(fresh_dsn, THEIRS=wrong)),
    )
    assert (without.code, with_another.code) == (2, 2)
    assert "CHAT_ENCRYPTION_KEY_OLD is not set" in without.problem
    assert "THEIRS does not open the encrypted rows of private_messages" in with_another.problem
    assert wrong not in with_another.problem
    assert (await counts(fresh_dsn))["messages"] == 0


async def test_missing_tables(empty_dsn: str, fresh_dsn: str) -> None:
    """Tables and columns that are missing are all named; one that is called otherwise can be given."""
    with pytest.raises(ConfigError) as refused:
        await move("messaging", empty_dsn, fresh_dsn)
    for name in (
        "private_messages or chat_messages",
        "group_members",
        "event_queue or offline_events",
    ):
        assert name in str(refused.value)
    old = await create(empty_dsn)
    try:
        await old.connection.execute(
            "ALTER TABLE private_messages RENAME COLUMN created_at TO sent_at"
        )
        await old.connection.execute("ALTER TABLE message_reactions RENAME TO likes")
        await old.connection.execute("DROP TABLE event_queue")
        with pytest.raises(ConfigError) as refused:
            await move("messaging", empty_dsn, fresh_dsn)
        assert "a column created_at in private_messages" in str(refused.value)
        assert "the table message_reactions (--table message_reactions=…)" in str(refused.value)
        await old.connection.execute(
            "ALTER TABLE private_messages RENAME COLUMN sent_at TO created_at"
        )
        await old.say("1", 1, "liked", recipient_id=2)
        await old.insert("likes", message_id="1", user_id=2, reaction="👍")
    finally:
        await old.connection.close()
    with pytest.raises(ConfigError, match="--table knows no 'likes'"):
        await move("messaging", empty_dsn, fresh_dsn, tables={"likes": "likes"})
    named = {"message_reactions": "public.likes", "event_queue": ""}
    report = await move("messaging", empty_dsn, fresh_dsn, tables=named)
    assert report.tables["likes"].carried == 1


async def test_own_tables(fresh_dsn: str) -> None:
    """The chat's own tables are no source, whatever the URL says; another schema of their database is one."""
    for system in ("messaging", "marketplace"):
        with pytest.raises(ConfigError, match="the chat's own tables"):
            await move(system, f"{fresh_dsn}&application_name=other", fresh_dsn)
    beside = f"{fresh_dsn}&options={quote('-csearch_path=old')}"
    connection = await asyncpg.connect(fresh_dsn)
    try:
        await connection.execute("CREATE SCHEMA old")
    finally:
        await connection.close()
    old = await create(beside)
    try:
        await old.say("1", 1, "from beside", recipient_id=2)
    finally:
        await old.connection.close()
    report = await move("messaging", beside, fresh_dsn)
    assert report.tables["private_messages"].carried == 1


async def test_target_behind_migrations(moved: Moved, empty_dsn: str) -> None:
    """A target that lacks migrations is not written to."""
    with pytest.raises(ImportFailedError, match="run `chatserver migrate` first"):
        await move("messaging", moved.source, empty_dsn)


async def test_options(moved: Moved, fresh_dsn: str) -> None:
    """A wrong option is one line that names it, exit code 2."""
    good = ("import", "messaging", "--from", moved.source)
    cases = (
        (
            ("import", "messaging", "--from", "mysql://host/chat"),
            "--from must begin with postgresql://",
        ),
        (("import", "messaging", "--from", "postgresql://u:hunter2@127.0.0.1:1/none"), "--from"),
        ((*good, "--key-env", "the key itself"), "--key-env"),
        ((*good, "--table", "groups"), "--table must be NAME=TABLE"),
        ((*good, "--timezone", "Mars/Olympus"), "--timezone"),
    )
    env = environment(fresh_dsn, CHAT_ENCRYPTION_KEY_OLD=OLD_KEY)
    ends = await asyncio.gather(*(run(*case, env=env) for case, _ in cases))
    for ended, (_, named) in zip(ends, cases, strict=True):
        assert ended.out == ""
        assert named in ended.problem
        assert "hunter2" not in ended.problem
        assert "DATABASE_URL" not in ended.problem
    assert [ended.code for ended in ends] == [2, 1, 2, 2, 2]


async def test_failed_tables(moved: Moved, fresh_dsn: str, postgres: str) -> None:
    """What a database refuses is one line, exit code 1."""
    source = await new_database(postgres, "old_refused")
    old = await create(source)
    try:
        await old.connection.execute(
            "ALTER TABLE private_messages ALTER created_at DROP DEFAULT, ALTER created_at TYPE text; "
            "INSERT INTO private_messages (message_id, sender_id, recipient_id, content, created_at) "
            "VALUES ('1', 1, 2, 'a secret', 'yesterday or so')"
        )
    finally:
        await old.connection.close()
    env = environment(fresh_dsn, CHAT_ENCRYPTION_KEY_OLD=OLD_KEY)
    barred = f"{source}{'&' if '?' in source else '?'}role=pg_monitor"
    ended, unread = await asyncio.gather(
        run("import", "messaging", "--from", source, env=env, cwd=Path(os.sep)),
        run("import", "messaging", "--from", barred, env=env, cwd=Path(os.sep)),
    )
    assert (ended.code, unread.code) == (1, 1)
    assert "a database refuses" in ended.problem
    assert re.search("permission denied for table [a-z_]+: GRANT SELECT on the old", unread.problem)
    assert "a secret" not in ended.problem
