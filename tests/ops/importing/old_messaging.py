"""A database of the messaging system, as messaging-api.md and messaging-implementation.md describe it."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

OLD_KEY = "the key of the old server, which nobody uses any more"
START = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)

TABLES = """
CREATE TABLE private_messages (
    message_id varchar(255) PRIMARY KEY, conversation_id varchar(255), group_id varchar(255),
    sender_id integer NOT NULL, recipient_id integer, content text, encrypted_content text,
    encryption_iv varchar(255), is_encrypted boolean DEFAULT false, is_read boolean DEFAULT false,
    reply_to_message_id varchar(255), mentions jsonb, is_announcement boolean DEFAULT false,
    created_at timestamp DEFAULT now(), edited_at timestamp);
CREATE TABLE chat_groups (
    group_id varchar(255) PRIMARY KEY, group_name varchar(255) NOT NULL, group_description text,
    created_by integer, max_members integer DEFAULT 50, is_active boolean DEFAULT true,
    created_at timestamp DEFAULT now());
CREATE TABLE group_members (
    group_id varchar(255), user_id integer, role varchar(20), can_add_members boolean DEFAULT false,
    joined_at timestamp DEFAULT now(), PRIMARY KEY (group_id, user_id));
CREATE TABLE message_reactions (
    id serial PRIMARY KEY, message_id varchar(255), user_id integer, reaction varchar(50),
    created_at timestamp DEFAULT now());
CREATE TABLE message_deletions (message_id varchar(255), user_id integer, deleted_at timestamp DEFAULT now());
CREATE TABLE conversation_deletions (
    conversation_id varchar(255), user_id integer, deleted_at timestamp DEFAULT now());
CREATE TABLE event_queue (
    id serial PRIMARY KEY, user_id integer, event_type varchar(50), event_data jsonb,
    created_at timestamp DEFAULT now(), delivered_at timestamp);
CREATE TABLE pinned_messages (message_id varchar(255), pinned_by integer, pinned_at timestamp DEFAULT now());
CREATE TABLE blocked_relationships (blocker_id integer, blocked_id integer);
"""


def encrypted(text: str, key: str = OLD_KEY) -> tuple[str, str]:
    """A text in hex, and its initialisation vector, as Node's crypto writes them (the document's own steps)."""
    iv = os.urandom(16)
    secret = hashlib.scrypt(key.encode(), salt=b"salt", n=16384, r=8, p=1, dklen=32)
    padder = PKCS7(128).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(AES(secret), CBC(iv)).encryptor()
    return (encryptor.update(padded) + encryptor.finalize()).hex(), iv.hex()


class OldMessaging:
    """Writes rows of the old system; each message is sent a minute after the one before."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self._sent = 0

    @property
    def now(self) -> datetime:
        """The time of the last message."""
        return START + timedelta(minutes=self._sent)

    async def insert(self, table: str, **fields: Any) -> None:
        """Write a row."""
        names = ", ".join(fields)
        places = ", ".join(f"${n}" for n in range(1, len(fields) + 1))
        values = [v.replace(tzinfo=None) if isinstance(v, datetime) else v for v in fields.values()]
        await self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", *values)

    async def say(
        self, message_id: str, sender: int, text: str, *, sealed: bool = True, **fields: Any
    ) -> None:
        """Send a message: to `recipient_id`, or to `group_id`."""
        self._sent += 1
        recipient = fields.get("recipient_id")
        if recipient is not None:
            low, high = sorted((sender, recipient))
            fields.setdefault("conversation_id", f"conv_{low}_{high}")
        if sealed:
            ciphertext, iv = encrypted(text)
            fields = {
                "encrypted_content": ciphertext,
                "encryption_iv": iv,
                "is_encrypted": True,
                **fields,
            }
        else:
            fields["content"] = text
        fields.setdefault("created_at", self.now)
        await self.insert("private_messages", message_id=message_id, sender_id=sender, **fields)


async def create(dsn: str) -> OldMessaging:
    """The tables, without a row; the connection is the caller's to close."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(TABLES)
    return OldMessaging(connection)
