"""How fast `chatserver import messaging` is: ``python -m benchmarks.importing`` (``--messages N``, a million).

It makes a database of the messaging system with encrypted messages, in conversations of two and in groups, with
reactions and read flags, and runs the command as an operator does, beside the same PostgreSQL.
"""

import argparse
import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from benchmarks.seed import text_of
from benchmarks.servers import ENCRYPTION_KEY
from chatserver.ops.embedded.postgres import EmbeddedPostgres

_OLD_KEY = "the old server's key, which is of no use to anybody"
_TABLES = """
CREATE TABLE private_messages (
    message_id text PRIMARY KEY, conversation_id text, group_id text, sender_id integer NOT NULL,
    recipient_id integer, encrypted_content text, encryption_iv varchar(255), is_encrypted boolean DEFAULT true,
    is_read boolean DEFAULT false, reply_to_message_id text, created_at timestamp NOT NULL, edited_at timestamp);
CREATE TABLE chat_groups (
    group_id text PRIMARY KEY, group_name text NOT NULL, created_by integer, max_members integer,
    created_at timestamp);
CREATE TABLE group_members (group_id text, user_id integer, role text, PRIMARY KEY (group_id, user_id));
CREATE TABLE message_reactions (
    message_id text, user_id integer, reaction text, created_at timestamp DEFAULT now());
CREATE TABLE message_deletions (message_id text, user_id integer);
CREATE TABLE conversation_deletions (conversation_id text, user_id integer, deleted_at timestamp);
CREATE TABLE event_queue (id serial, user_id integer, event_type text, event_data jsonb, delivered_at timestamp);
"""
_COLUMNS = (
    *(
        "message_id",
        "conversation_id",
        "group_id",
        "sender_id",
        "recipient_id",
        "encrypted_content",
    ),
    *("encryption_iv", "is_read", "created_at"),
)
_PEOPLE = 2_000
_GROUP_SIZE = 20
# One message in five is said in a group.
_GROUPS = 200
_START = datetime(2024, 1, 1)  # noqa: DTZ001 - as the old tables have it


def _messages(total: int) -> Iterator[tuple[Any, ...]]:
    key = AES(hashlib.scrypt(_OLD_KEY.encode(), salt=b"salt", n=2**14, r=8, p=1, dklen=32))
    for number in range(total):
        iv = os.urandom(16)
        text = text_of(number).encode()
        padding = 16 - len(text) % 16
        encryptor = Cipher(key, CBC(iv)).encryptor()
        sealed = encryptor.update(text + bytes([padding]) * padding) + encryptor.finalize()
        when = _START + timedelta(seconds=number)
        where: tuple[str | None, str | None, int, int | None]
        if number % 5 == 0:
            group = number // 5 % _GROUPS
            where = (None, f"group_{group}", group + number % _GROUP_SIZE, None)
        else:
            low = number % _PEOPLE
            high = low + 1 + number // _PEOPLE % 10
            sender, recipient = (low, high) if number % 2 else (high, low)
            where = (f"conv_{low}_{high}", None, sender, recipient)
        yield (f"msg_{number}", *where, sealed.hex(), iv.hex(), number % 10 > 0, when)


async def _fill(dsn: str, total: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_TABLES)
        await connection.copy_records_to_table(
            "private_messages", columns=_COLUMNS, records=_messages(total)
        )
        await connection.execute(
            "INSERT INTO chat_groups SELECT 'group_' || n, 'Group ' || n, n, 50, $1 FROM generate_series(0, $2) n",
            _START,
            _GROUPS - 1,
        )
        await connection.execute(
            "INSERT INTO group_members SELECT 'group_' || n, n + k, CASE k WHEN 0 THEN 'owner' ELSE 'member' END "
            "FROM generate_series(0, $1) n, generate_series(0, $2) k",
            _GROUPS - 1,
            _GROUP_SIZE - 1,
        )
        await connection.execute(
            "INSERT INTO message_reactions (message_id, user_id, reaction) "
            "SELECT message_id, sender_id, '👍' FROM private_messages WHERE message_id LIKE '%7'"
        )
    finally:
        await connection.close()


async def _create(postgres: str, name: str) -> str:
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return postgres.replace("/chatserver?", f"/{name}?")


async def _command(target: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chatserver", *arguments),
        env={
            **os.environ,
            "APP_ENV": "development",
            "DATABASE_URL": target,
            "CHAT_ENCRYPTION_KEY": ENCRYPTION_KEY,
            "CHAT_ENCRYPTION_KEY_OLD": _OLD_KEY,
        },
    )
    if await process.wait():
        raise RuntimeError(f"chatserver {arguments[0]} failed")


async def _measure(postgres: str, total: int) -> None:
    source, target = await _create(postgres, "old"), await _create(postgres, "new")
    await _command(target, "migrate")
    await _fill(source, total)
    for what in ("the import", "a second run, which finds everything"):
        began = time.perf_counter()
        await _command(target, "import", "messaging", "--from", source)
        took = time.perf_counter() - began
        sys.stdout.write(f"{what}: {took:.1f} s, {total / took:,.0f} messages/s\n")


def main() -> None:
    """Measure, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    total = parser.parse_args().messages
    sys.stdout.write(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M}, {os.cpu_count()} cores, {total} messages\n"
    )
    with tempfile.TemporaryDirectory(prefix="chatserver-importing-") as directory:
        # As root, PostgreSQL's account must get in.
        Path(directory).chmod(0o755)
        with EmbeddedPostgres(Path(directory)) as dsn:
            asyncio.run(_measure(dsn, total))


if __name__ == "__main__":
    main()
