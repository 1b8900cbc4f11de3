"""`chatserver search build`: for all conversations, once, and again where it was ended."""

import asyncpg

from chatserver.core.crypto import Vault
from chatserver.search.segments import WORTH
from tests.conftest import User, token_for
from tests.support.cli import production, run
from tests.support.device import Device
from tests.support.searching import said_at_once, segments
from tests.support.servers import local_server
from tests.support.talks import opened


async def test_all_are_built_once(fresh_dsn: str) -> None:
    """All that is missing is built, whatever was built before; what is not worth a segment is left."""
    async with asyncpg.create_pool(fresh_dsn, min_size=1, max_size=2) as pool:
        await pool.execute(
            "INSERT INTO chat_users (user_id, username) SELECT n, n FROM unnest($1::text[]) n",
            ["a", "b", "c", "d"],
        )
        async with local_server(fresh_dsn) as server:
            device = await Device(server.url, token_for("a")).connect()
            talks = [await opened(device, User(other, "")) for other in "bcd"]
            await device.close()
        for talk, many in zip(talks, (600, 256, WORTH - 1), strict=True):
            await said_at_once(pool, talk, [("a", f"word {n}") for n in range(many)])

        async def built() -> list[list[int]]:
            return [await segments(pool, talk) for talk in talks]

        told = []
        for _ in range(2):
            told.append(await run("search", "build", env=production(fresh_dsn)))
            assert await built() == [[256, 512, 600], [256], []]
        # As if it had been ended after the first of a conversation.
        await pool.execute("DELETE FROM search_segments WHERE segment < 2 AND last_number < 512")
        told.append(await run("search", "build", env=production(fresh_dsn)))
        assert await built() == [[256, 512, 600], [256], []]
    assert [(one.code, one.out) for one in told] == [
        (0, "built 4 segments\n"),
        (0, "built 0 segments\n"),
        (0, "built 2 segments\n"),
    ]


async def test_what_cannot_be_built(fresh_dsn: str, empty_dsn: str) -> None:
    """Messages whose key is not configured are told, with the variable; a database without tables is refused."""
    async with asyncpg.create_pool(fresh_dsn, min_size=1, max_size=2) as pool:
        await pool.execute(
            "INSERT INTO chat_users (user_id, username) VALUES ('a', 'a'), ('b', 'b')"
        )
        async with local_server(fresh_dsn) as server:
            device = await Device(server.url, token_for("a")).connect()
            talk = await opened(device, User("b", ""))
            await device.close()
        texts = [("a", "word")] * WORTH
        await said_at_once(pool, talk, texts, Vault(["a key that nobody has any more, 32 bytes"]))
        told = await run("search", "build", env=production(fresh_dsn))
        assert told.code == 0
        assert told.out.startswith("built 0 segments; 1 have messages whose key is not configured")
        assert "CHAT_ENCRYPTION_KEY_PREVIOUS" in told.out
        assert await segments(pool, talk) == []
    refused = await run("search", "build", env=production(empty_dsn))
    assert refused.code == 1
    assert "chatserver migrate" in refused.problem
