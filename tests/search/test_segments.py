"""Segments: sealed copies of what was said, which no text outlives, and which are right or not there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from chatserver.core.boxes import Box
from chatserver.core.crypto import AlteredError, Vault
from chatserver.search import PURPOSE
from chatserver.search.segments import (
    MOST_BYTES,
    Entry,
    Wanted,
    found_in,
    open_segment,
    place_of,
    seal_segment,
)
from tests.conftest import Connect, User, token_for
from tests.support.device import Device
from tests.support.patience import PATIENCE
from tests.support.searching import built, found, said_at_once, segments
from tests.support.servers import ENCRYPTION_KEY, Server, local_server
from tests.support.talks import opened, until_waiting

Pool = asyncpg.Pool
Talk = Callable[[int], Awaitable[tuple[Device, str]]]

_BOX = Box(Vault([ENCRYPTION_KEY]), PURPOSE)


@pytest.fixture
async def talk(connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User) -> Talk:
    """Makes a conversation with so many messages, `word 1` and so on, by one who is connected."""

    async def make(many: int) -> tuple[Device, str]:
        a = await connect(alice)
        conversation_id = await opened(a, bob)
        texts = [(alice.id, f"word {n}") for n in range(1, many + 1)]
        await said_at_once(db, conversation_id, texts)
        return a, conversation_id

    return make


async def _message_id(db: "Pool[asyncpg.Record]", conversation_id: str, number: int) -> str:
    return str(
        await db.fetchval(
            "SELECT id FROM messages WHERE conversation_id = $1 AND number = $2",
            UUID(conversation_id),
            number,
        )
    )


def _entries(many: int) -> list[Entry]:
    return [Entry(n, f"user {n % 3}", 1_000 * n, f"text {n}") for n in range(1, many + 1)]


def test_what_is_packed_is_found() -> None:
    """A segment finds the messages that have a text, the newest first, each once, of those that are meant."""
    place = place_of(uuid4(), 0, 12)
    sealed = seal_segment(_BOX, place, [*_entries(11), Entry(12, "user 0", 12_000, "tt text tt 1")])
    opened = open_segment(_BOX, place, sealed)

    def numbers(*wanted: Any, within: range = range(100)) -> list[int]:
        return list(found_in(opened, Wanted(*wanted), within.__contains__))

    assert numbers("t") == [*range(12, 0, -1)]
    assert numbers("text 1") == [11, 10, 1]
    assert numbers("1", "user 1") == [10, 1]
    assert numbers("t", None, 10_000, 7_000) == [9, 8]
    assert numbers("t", within=range(3, 6)) == [5, 4, 3]
    assert numbers("nothing") == []


def test_a_segment_is_bound_to_its_place() -> None:
    """A segment opens as no other part of any conversation, and tells its length by the kibibyte."""
    conversation_id = uuid4()
    place = place_of(conversation_id, 1, 300)
    lengths = {len(seal_segment(_BOX, place, _entries(many))) for many in range(32, 256)}
    assert {length % 1024 for length in lengths} == {len(seal_segment(_BOX, place, [])) % 1024}
    assert len(lengths) < 5
    sealed = seal_segment(_BOX, place, _entries(32))
    for other in (
        place_of(uuid4(), 1, 300),
        place_of(conversation_id, 2, 300),
        place_of(conversation_id, 1, 301),
    ):
        with pytest.raises(AlteredError):
            open_segment(_BOX, other, sealed)


async def test_a_search_has_them_built(
    server: Server, db: "Pool[asyncpg.Record]", talk: Talk
) -> None:
    """A search that misses segments finds what is there, and has them built behind it, but no small ones."""
    a, conversation_id = await talk(256 + 31)
    assert await found(a, "word 25", conversationId=conversation_id) != []
    async with asyncio.timeout(PATIENCE):
        while await segments(db, conversation_id) != [256]:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    # Nothing is left to do: what came after it is less than is worth one.
    assert await built(server, conversation_id) == 0


@pytest.mark.parametrize("how", ["edited", "erased"])
async def test_a_change_drops_its_segment_alone(
    server: Server, db: "Pool[asyncpg.Record]", talk: Talk, how: str
) -> None:
    """An edit or erasure drops the segment of its message, and the next search goes by the message."""
    a, conversation_id = await talk(600)
    await built(server, conversation_id)
    message_id = await _message_id(db, conversation_id, 300)
    if how == "edited":
        await a.do("chat:message_edit", messageId=message_id, content="sword 300")
    else:
        await a.do("chat:message_delete", messageId=message_id)
    assert await segments(db, conversation_id) == [256, 600]
    for _ in range(2):
        assert await found(a, "word 300") == (["sword 300"] if how == "edited" else [])
        assert await found(a, "word 301") == ["word 301"]
        await built(server, conversation_id)
    assert await segments(db, conversation_id) == [256, 512, 600]


async def test_what_leaves_segments_alone(
    server: Server, db: "Pool[asyncpg.Record]", talk: Talk
) -> None:
    """Reactions, pins and new messages drop no segment."""
    a, conversation_id = await talk(64)
    await built(server, conversation_id)
    message_id = await _message_id(db, conversation_id, 5)
    await a.do("chat:reaction_add", messageId=message_id, reaction="👍")
    await a.do("chat:message_pin", messageId=message_id)
    await a.do("chat:message_send", conversationId=conversation_id, content="word 65")
    await a.do("chat:message_delete", messageId=message_id, deleteForEveryone=False)
    assert await segments(db, conversation_id) == [64]
    assert await found(a, "word 5") == [f"word {n}" for n in range(59, 49, -1)]


async def test_a_deleted_group_keeps_none(
    server: Server, connect: Connect, db: "Pool[asyncpg.Record]", alice: User
) -> None:
    """The end of a group drops its segments, and none is built any more."""
    a = await connect(alice)
    made = await a.do("group:create", title="Ending")
    group_id = made["conversation"]["id"]
    await said_at_once(db, group_id, [(alice.id, "word")] * 40)
    assert await built(server, group_id) == 1
    await a.do("group:delete", conversationId=group_id)
    assert await segments(db, group_id) == []
    assert await built(server, group_id) == 0
    assert await found(a, "word") == []


async def test_a_segment_is_built_before_an_edit_or_not_at_all(
    server: Server, db: "Pool[asyncpg.Record]", talk: Talk
) -> None:
    """A segment that was made of what an edit replaces meanwhile is not kept."""
    _, conversation_id = await talk(40)
    assert server.app is not None
    steps = server.app.builder.build(UUID(conversation_id))
    async with db.acquire() as connection, connection.transaction():
        await connection.execute(
            "UPDATE messages SET nonce = sha256(nonce) WHERE conversation_id = $1 AND number = 7",
            UUID(conversation_id),
        )
        building = asyncio.ensure_future(anext(steps))
        await until_waiting(connection)
    assert await building == "changed"
    assert await segments(db, conversation_id) == []
    assert [outcome async for outcome in steps] == []


async def test_an_edit_sees_the_segment_that_is_being_kept(
    server: Server, db: "Pool[asyncpg.Record]", talk: Talk
) -> None:
    """An edit waits for the segment that is just being written, and drops it; nobody who sends waits."""
    a, conversation_id = await talk(40)
    message_id = await _message_id(db, conversation_id, 7)
    await built(server, conversation_id)
    segment = await db.fetchrow(
        "DELETE FROM search_segments WHERE conversation_id = $1 RETURNING *", UUID(conversation_id)
    )
    assert segment is not None
    async with db.acquire() as connection, connection.transaction():
        kept = await connection.fetchval(
            "SELECT keep_segment($1, 0, 40, false, $2, $3, $4, $5, $6, (nonces_of($1, 1, 40)).digest)",
            UUID(conversation_id),
            *(segment[name] for name in ("first_at", "last_at", "key_id", "form", "sealed")),
        )
        assert kept
        await a.do("chat:message_send", conversationId=conversation_id, content="not kept waiting")
        edit = asyncio.ensure_future(
            a.do("chat:message_edit", messageId=message_id, content="edited")
        )
        await until_waiting(connection)
    await edit
    assert await segments(db, conversation_id) == []


async def test_one_that_was_altered(
    server: Server, db: "Pool[asyncpg.Record]", talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    """A segment that does not open hides nothing: it is dropped, logged without a word of it, and built anew."""
    a, conversation_id = await talk(300)
    await built(server, conversation_id)
    await db.execute(
        "UPDATE search_segments SET sealed = set_byte(sealed, 100, get_byte(sealed, 100) # 1) "
        "WHERE conversation_id = $1 AND segment = 0",
        UUID(conversation_id),
    )
    assert await found(a, "word 200") == ["word 200"]
    assert "a segment was altered in the database" in caplog.text
    await built(server, conversation_id)
    assert await segments(db, conversation_id) == [256, 300]


async def test_a_segment_of_long_texts_ends_early(
    server: Server, db: "Pool[asyncpg.Record]", connect: Connect, alice: User, bob: User
) -> None:
    """A segment has so many bytes at most; what does not fit is read from messages, and nothing is built twice."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    await a.close()
    many = MOST_BYTES // 10_000 + 50
    texts = [(alice.id, f"at {n:03} {'long' * 2_490}") for n in range(1, many + 1)]
    await said_at_once(db, conversation_id, texts)
    assert await built(server, conversation_id) == 1
    (last,) = await segments(db, conversation_id)
    assert last == many - 50 + 1
    assert await built(server, conversation_id) == 0
    await db.execute("UPDATE participants SET delivered_seq = 1000 WHERE user_id = $1", alice.id)
    a = await connect(alice)
    for number in (1, last, last + 1, many):
        assert await found(a, f"at {number:03}") == [texts[number - 1][1]]


async def test_a_new_key(fresh_dsn: str) -> None:
    """After a change of the key segments of the old one are looked through, and built anew with the new one."""
    old, new = (f"a {which} key for text at rest of 32 bytes" for which in ("former", "newer"))

    async def keys(pool: "Pool[asyncpg.Record]") -> list[str]:
        rows = await pool.fetch("SELECT key_id FROM search_segments ORDER BY segment")
        return [row["key_id"] for row in rows]

    async with asyncpg.create_pool(fresh_dsn, min_size=1, max_size=2) as pool:
        await pool.execute(
            "INSERT INTO chat_users (user_id, username) VALUES ('a', 'a'), ('b', 'b')"
        )
        async with local_server(fresh_dsn, CHAT_ENCRYPTION_KEY=old) as server:
            device = await Device(server.url, token_for("a")).connect()
            conversation_id = await opened(device, User("b", ""))
            texts = [("a", f"word {n}") for n in range(300)]
            await said_at_once(pool, conversation_id, texts, Vault([old]))
            await built(server, conversation_id)
            await device.close()
        assert await keys(pool) == [Vault([old]).key_id] * 2
        async with local_server(
            fresh_dsn, CHAT_ENCRYPTION_KEY=new, CHAT_ENCRYPTION_KEY_PREVIOUS=old
        ) as server:
            device = await Device(server.url, token_for("a")).connect()
            assert await found(device, "word 29") == [
                *(f"word {n}" for n in range(299, 289, -1)),
                "word 29",
            ]
            await built(server, conversation_id)
            async with asyncio.timeout(PATIENCE):
                while await keys(pool) != [Vault([new]).key_id] * 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert await found(device, "word 299") == ["word 299"]
            await device.close()
