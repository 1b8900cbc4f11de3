"""Our tables, filled as the server would have filled them: sealed bodies, the log, and positions."""

import asyncio
import os
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from uuid import UUID

import asyncpg
import orjson

from benchmarks.seed import (
    LARGE,
    Connection,
    Stretch,
    WithoutIndexes,
    by_workers,
    copy_binary,
    ids_of_clients,
    in_bursts,
    text_of,
    times,
)
from benchmarks.servers import ENCRYPTION_KEY, Kind
from benchmarks.world import Talk, members_of, talk_id, user_id
from chatserver.core.crypto import Vault
from chatserver.core.ids import uuid7
from chatserver.resources.messages import context_of

_PEOPLE = """
INSERT INTO chat_users (user_id, username, email, display_name)
SELECT id, 'user' || nth, 'user' || nth || '@example.com', 'User ' || nth
FROM unnest($1::text[], $2::int[]) AS u (id, nth) ON CONFLICT DO NOTHING
"""
_DIRECT = """
INSERT INTO conversations (id, type, user_low, user_high, created_by, member_count, created_at, last_seq,
                           last_xact)
SELECT id, 'direct', low, high, low, 2, date_trunc('milliseconds', now()), 1, pg_current_xact_id()
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS c (id, low, high)
"""
_GROUP = """
INSERT INTO conversations (id, type, title, created_by, max_members, member_count, created_at, last_seq, last_xact)
VALUES ($1, 'group', $2, $3, 10000, $4, date_trunc('milliseconds', now()), 1, pg_current_xact_id())
"""
_MEMBERS = """
INSERT INTO participants (conversation_id, user_id, joined_seq, role, can_add_members, in_group, joined_at)
SELECT conversation_id, user_id, 1, role, role = 'owner', in_group, date_trunc('milliseconds', now())
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bool[]) AS p (conversation_id, user_id, role, in_group)
"""
# As open_direct and create_group write the first event of a conversation.
_CREATED = """
INSERT INTO events (stream_id, seq, xact, kind, actor_id, payload, created_at)
SELECT c.id, 1, pg_current_xact_id(),
    CASE c.type WHEN 'direct' THEN 'chat:conversation_created' ELSE 'group:created' END, c.created_by,
    jsonb_build_object('joined', (SELECT jsonb_agg(p.user_id) FROM participants p WHERE p.conversation_id = c.id))
        || CASE c.type WHEN 'direct' THEN '{}' ELSE jsonb_build_object('conversation', group_state(c)) END,
    c.created_at
FROM conversations c WHERE c.id = ANY ($1::uuid[])
"""
# The seqs beyond last_seq are those of the messages that were added.
_LOGGED = """
INSERT INTO events (stream_id, seq, xact, kind, actor_id, message_id, created_at)
SELECT m.conversation_id, m.seq, pg_current_xact_id(), 'chat:message_received', m.sender_id, m.id, m.created_at
FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.seq > c.last_seq
"""
_BUMPED = """
UPDATE conversations c SET last_seq = a.seq, last_number = a.number, last_message_seq = a.seq,
    last_message_at = date_trunc('milliseconds', now()), last_xact = pg_current_xact_id()
FROM unnest($1::uuid[], $2::int8[], $3::int8[]) AS a (id, seq, number) WHERE c.id = a.id
"""
_STANDING = "SELECT id, last_seq, last_number FROM conversations WHERE id = ANY ($1::uuid[])"
_RECEIVED = """
UPDATE participants p SET delivered_seq = c.last_seq, read_seqs = int8multirange(int8range(1, c.last_seq + 1))
FROM conversations c WHERE c.id = p.conversation_id AND p.delivered_seq < c.last_seq
"""

_COLUMNS = [
    *("conversation_id", "seq", "number", "id", "sender_id", "message_type", "version", "key_id"),
    *("nonce", "ciphertext", "client_message_id", "fingerprint", "created_at"),
]


async def prepare(kind: Kind, dsn: str) -> None:
    """Bring an empty database up to the schema of that checkout."""
    await command(kind, dsn, "migrate")


async def command(kind: Kind, dsn: str, *arguments: str) -> None:
    """Run a command of that checkout's on a database."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chatserver", *arguments),
        cwd=kind.root,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(kind.root),
            "APP_ENV": "development",
            "DATABASE_URL": dsn,
            "CHAT_ENCRYPTION_KEY": ENCRYPTION_KEY,
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await process.wait():
        raise RuntimeError(f"{kind.name}: `chatserver {' '.join(arguments)}` failed")


async def populate(dsn: str, talks: Sequence[Talk]) -> None:
    """Add conversations, and the people in them who are not there yet."""
    connection = await asyncpg.connect(dsn)
    try:
        people = members_of(talks)
        await connection.execute(_PEOPLE, [user_id(n) for n in people], people)
        async with connection.transaction():
            direct = [talk for talk in talks if talk.title is None]
            ids = [talk_id(talk.number) for talk in direct]
            # A person's number sorts as their id does.
            low, high = ([user_id(talk.members[k]) for talk in direct] for k in (0, 1))
            await connection.execute(_DIRECT, ids, low, high)
            vault = Vault([ENCRYPTION_KEY])
            for group in (talk for talk in talks if talk.title is not None):
                title = vault.seal_field(talk_id(group.number), "title", group.title or "")
                owner = user_id(group.members[0])
                await connection.execute(
                    _GROUP, talk_id(group.number), title, owner, len(group.members)
                )
            members = [
                (
                    talk_id(talk.number),
                    user_id(member),
                    _role(talk, member),
                    talk.title is not None,
                )
                for talk in talks
                for member in talk.members
            ]
            await connection.execute(_MEMBERS, *map(list, zip(*members, strict=True)))
            await connection.execute(_CREATED, [talk_id(talk.number) for talk in talks])
    finally:
        await connection.close()


def _role(talk: Talk, member: int) -> str:
    return "owner" if talk.title is not None and member == talk.members[0] else "member"


async def add_messages(
    dsn: str, counts: dict[Talk, int], workers: int, say: Callable[[int], str] = text_of
) -> None:
    """Add messages to conversations of two, sealed by the server's own vault; large amounts without indexes.

    `say` gives the text of a conversation's message by its number.
    """
    connection = await asyncpg.connect(dsn)
    try:
        ids = [talk_id(talk.number) for talk in counts]
        found = {row["id"]: row for row in await connection.fetch(_STANDING, ids)}
        standing = [(talk, found[talk_id(talk.number)]) for talk in counts]
        stretches = [
            Stretch(talk, row["last_number"], row["last_seq"], counts[talk])
            for talk, row in standing
        ]
        if sum(counts.values()) < LARGE:
            await load(dsn, stretches, say)
            await _log(connection, stretches)
        else:
            async with WithoutIndexes(connection, "messages", "events"):
                await by_workers(partial(load, say=say), dsn, stretches, workers)
                await _log(connection, stretches)
            await connection.execute("VACUUM (ANALYZE) messages, events, conversations")
    finally:
        await connection.close()


async def _log(connection: Connection, stretches: list[Stretch]) -> None:
    async with connection.transaction():
        await connection.execute(_LOGGED)
        await connection.execute(
            _BUMPED,
            [talk_id(stretch.talk.number) for stretch in stretches],
            [stretch.last_seq + stretch.count for stretch in stretches],
            [stretch.last_number + stretch.count for stretch in stretches],
        )


async def load(dsn: str, stretches: list[Stretch], say: Callable[[int], str] = text_of) -> None:
    """COPY the messages' own rows."""
    connection = await asyncpg.connect(dsn)
    try:
        await copy_binary(connection, "messages", _COLUMNS, _rows(stretches, say))
    finally:
        await connection.close()


async def everybody_received(dsn: str) -> None:
    """Nobody has anything left to receive: who connects without a cursor is sent nothing old."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_RECEIVED)
    finally:
        await connection.close()


def _rows(stretches: list[Stretch], say: Callable[[int], str]) -> Iterator[bytes]:
    vault = Vault([ENCRYPTION_KEY])
    seal, key_id = vault.seal, vault.key_id.encode()
    moments = times(sum(stretch.count for stretch in stretches))
    client_ids = ids_of_clients()
    # In the order of time, as uuid7() makes them; less random, and in a quarter of the time.
    message_id = uuid7().int
    for stretch, positions in in_bursts(stretches):
        conversation = talk_id(stretch.talk.number)
        stream = conversation.bytes
        senders = [user_id(member).encode() for member in stretch.talk.members]
        contexts = [
            context_of(user_id(member), "text", is_announcement=False, reply_to=None)
            for member in stretch.talk.members
        ]
        # Looked at when its message comes again, which none of these does.
        fingerprint = os.urandom(16)
        for position in positions:
            number = stretch.last_number + position
            message_id += 1
            message = UUID(int=message_id)
            body = orjson.dumps({"content": say(number)})
            sealed = seal(conversation, message, body, contexts[number & 1])
            length = len(sealed.ciphertext)
            yield _row_of(length).pack(
                13,
                *(16, stream, 8, stretch.last_seq + position, 8, number, 16, message.bytes),
                *(36, senders[number & 1], 4, b"text", 2, sealed.version, 8, key_id),
                *(12, sealed.nonce, length, sealed.ciphertext),
                *(36, next(client_ids), 16, fingerprint, 8, next(moments)),
            )


@lru_cache(256)
def _row_of(sealed: int) -> struct.Struct:
    """A row in binary: the number of columns, then each one's length and value."""
    return struct.Struct(f">h i16s iq iq i16s i36s i4s ih i8s i12s i{sealed}s i36s i16s iq")
