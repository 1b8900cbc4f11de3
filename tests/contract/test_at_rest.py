"""Nothing readable is in the database."""

import asyncio

import asyncpg

from tests.conftest import token_for
from tests.support.device import Device
from tests.support.dumps import dump
from tests.support.servers import local_server


async def test_a_dump_shows_no_text(fresh_dsn: str) -> None:
    """A dump of the whole database holds no message text, metadata or end-to-end text, in any spelling."""
    secrets = (
        "the eagle has landed",
        "grün ist die Hoffnung",
        "b64-ciphertext-of-theirs",
        "deep-metadata",
    )
    async with local_server(fresh_dsn) as server:
        connection = await asyncpg.connect(fresh_dsn)
        await connection.execute(
            "INSERT INTO chat_users (user_id, username) VALUES ('a', 'a'), ('b', 'b')"
        )
        await connection.close()
        device = await Device(server.url, token_for("a")).connect()
        first, second, encrypted, metadata = secrets
        for payload in (
            {"content": first, "metadata": {"key": [metadata]}, "clientMessageId": "id-1"},
            {"content": second},
            {"contentEncrypted": encrypted},
        ):
            await device.do("chat:message_send", recipientId="b", **payload)
        await device.close()
    text = await asyncio.to_thread(dump, fresh_dsn)
    assert "id-1" in text, "the dump holds the rows"
    for secret in secrets:
        for spelling in (secret, secret.encode().hex(), ascii(secret)[1:-1]):
            assert spelling not in text
