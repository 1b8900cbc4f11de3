"""The peer's tables, filled as the peer would have filled them."""

import base64
import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.seed import (
    LARGE,
    Stretch,
    WithoutIndexes,
    by_workers,
    copy_binary,
    ids_of_clients,
    in_bursts,
    text_of,
    times,
)
from benchmarks.servers import ENCRYPTION_KEY
from benchmarks.tools import PEER
from benchmarks.world import Talk, members_of, talk_id, user_id

_PEOPLE = """
INSERT INTO users (id, username, display_name)
SELECT id, 'user' || nth, 'User ' || nth FROM unnest($1::uuid[], $2::int[]) AS u (id, nth) ON CONFLICT DO NOTHING
"""
_TALKS = """
INSERT INTO conversations (id, type, title, created_by)
SELECT id, CASE WHEN title IS NULL THEN 'direct' ELSE 'group' END, title, creator
FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS c (id, title, creator)
"""
_MEMBERS = """
INSERT INTO conversation_participants (conversation_id, user_id)
SELECT * FROM unnest($1::uuid[], $2::uuid[])
"""
_STANDING = "SELECT id, last_seq FROM conversations WHERE id = ANY ($1::uuid[])"
_BUMPED = """
UPDATE conversations c SET last_seq = a.seq, last_message_at = now()
FROM unnest($1::uuid[], $2::int8[]) AS a (id, seq) WHERE c.id = a.id
"""
_COLUMNS = [
    *("id", "conversation_id", "seq", "sender_id", "content_encrypted", "client_message_id"),
    "created_at",
]
_NONCE = 12
_TAG = 16


async def prepare(dsn: str) -> None:
    """Create the tables in an empty database."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute((PEER / "schema.sql").read_text())
    finally:
        await connection.close()


async def populate(dsn: str, talks: Sequence[Talk]) -> None:
    """Add conversations, and the people in them who are not there yet."""
    connection = await asyncpg.connect(dsn)
    try:
        people = members_of(talks)
        await connection.execute(_PEOPLE, [user_id(n) for n in people], people)
        rows = [(talk_id(t.number), t.title, user_id(t.members[0])) for t in talks]
        await connection.execute(_TALKS, *map(list, zip(*rows, strict=True)))
        members = [(talk_id(t.number), user_id(member)) for t in talks for member in t.members]
        await connection.execute(_MEMBERS, *map(list, zip(*members, strict=True)))
    finally:
        await connection.close()


async def add_messages(dsn: str, counts: dict[Talk, int], workers: int) -> None:
    """Add messages to conversations of two; large amounts without indexes."""
    connection = await asyncpg.connect(dsn)
    try:
        ids = [talk_id(talk.number) for talk in counts]
        last = {r["id"]: r["last_seq"] for r in await connection.fetch(_STANDING, ids)}
        stretches = []
        for talk, count in counts.items():
            seq = last[talk_id(talk.number)]
            stretches.append(Stretch(talk, seq, seq, count))
        if sum(counts.values()) < LARGE:
            await load(dsn, stretches)
        else:
            async with WithoutIndexes(connection, "messages"):
                await by_workers(load, dsn, stretches, workers)
            await connection.execute("VACUUM (ANALYZE) messages, conversations")
        await connection.execute(_BUMPED, ids, [s.last_seq + s.count for s in stretches])
    finally:
        await connection.close()


async def load(dsn: str, stretches: list[Stretch]) -> None:
    """COPY the messages' rows."""
    connection = await asyncpg.connect(dsn)
    try:
        await copy_binary(connection, "messages", _COLUMNS, _rows(stretches))
    finally:
        await connection.close()


def _rows(stretches: list[Stretch]) -> Iterator[bytes]:
    # As peer/vault.js: Node's defaults of scrypt, and base64 of nonce, tag and ciphertext.
    key = hashlib.scrypt(ENCRYPTION_KEY.encode(), salt=b"salt", n=2**14, r=8, p=1, dklen=32)
    seal = AESGCM(key).encrypt
    moments = times(sum(stretch.count for stretch in stretches))
    client_ids = ids_of_clients()
    length = len(base64.b64encode(bytes(_NONCE + _TAG + len(text_of(0).encode()))))
    pack = struct.Struct(f">h i16s i16s iq i16s i{length}s i36s iq").pack
    for stretch, positions in in_bursts(stretches):
        conversation = talk_id(stretch.talk.number).bytes
        senders = [UUID(user_id(member)).bytes for member in stretch.talk.members]
        for position in positions:
            seq = stretch.last_seq + position
            # Ids are random: nobody looks at the bits that say so.
            random = os.urandom(16 + _NONCE)
            nonce = random[16:]
            text = seal(nonce, text_of(seq).encode(), None)
            sealed = base64.b64encode(nonce + text[-_TAG:] + text[:-_TAG])
            yield pack(
                7,
                *(16, random[:16], 16, conversation, 8, seq, 16, senders[seq & 1]),
                *(length, sealed, 36, next(client_ids), 8, next(moments)),
            )
