"""What a thief of the database reads, and what somebody who writes in it can put into whose mouth."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from chatserver.core.crypto import Vault
from chatserver.schemas.examples import EXAMPLES
from chatserver.search.segments import WORTH
from tests.conftest import token_for
from tests.support.device import Device
from tests.support.dumps import dump
from tests.support.searching import built, found
from tests.support.servers import ENCRYPTION_KEY, Server, local_server

VAULT = Vault([ENCRYPTION_KEY])


async def _people(dsn: str) -> None:
    await _execute(
        dsn,
        "INSERT INTO chat_users (user_id, username) VALUES ('a', 'a'), ('b', 'b') ON CONFLICT DO NOTHING",
    )


async def _execute(dsn: str, statement: str, *arguments: object) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def _value(dsn: str, query: str, *arguments: object) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


async def _device(server: Server, user_id: str) -> Device:
    return await Device(server.url, token_for(user_id)).connect()


async def test_a_dump_shows_no_text(fresh_dsn: str) -> None:
    """A dump of the whole database, the log and kept requests too, holds nothing that people wrote."""
    secrets = (
        "the eagle has landed",
        "grün ist die Hoffnung",
        "b64-ciphertext-of-theirs",
        "deep-metadata",
        "Conspiracy of Ravens",
        "meets at the old mill",
        "Parliament of Owls",
        "meets in the new barn",
        "moved to the churchyard",
        "Murder of Crows",
        "a word that is mended",
        "an announcement",
        "send/their-endpoint",
        "the phone of a",
        "a searched word",
    )
    (
        first,
        second,
        encrypted,
        metadata,
        title,
        about,
        renamed,
        re_about,
        kept,
        other,
        edited,
        news,
        endpoint,
        phone,
        searched,
    ) = secrets
    async with local_server(fresh_dsn) as server:
        await _people(fresh_dsn)
        device = await _device(server, "a")
        for payload in (
            {"content": first, "metadata": {"key": [metadata]}, "clientMessageId": "id-1"},
            {"content": second},
            {"contentEncrypted": encrypted},
        ):
            sent = await device.do("chat:message_send", recipientId="b", **payload)
        await device.do("chat:message_edit", messageId=sent["messageId"], content=edited)
        made = await device.do(
            "group:create", title=title, description=about, participantIds=["b"], requestId="r-1"
        )
        group = made["conversation"]["id"]
        for change in (
            {"title": renamed, "description": re_about},
            {"description": kept, "requestId": "r-2"},
            {"title": other, "requestId": "r-3"},
            {"description": ""},
        ):
            await device.do("group:update", conversationId=group, **change)
        await device.do("group:announce", conversationId=group, content=news)
        subscription = EXAMPLES["push:device_add"]["subscription"] | {
            "endpoint": f"https://push.example.net/{endpoint}"
        }
        added = {"provider": "webpush", "subscription": subscription, "name": phone}
        await device.do("push:device_add", **added, requestId="r-4")
        shown = await device.do("chat:conversation_get", conversationId=group)
        assert (shown["conversation"]["title"], shown["conversation"]["description"]) == (other, "")
        for number in range(WORTH):
            await device.do(
                "chat:message_send", conversationId=group, content=f"{searched} {number}"
            )
        assert await built(server, group) == 1
        assert len(await found(device, searched)) == WORTH
        await device.close()
    text = await asyncio.to_thread(dump, fresh_dsn)
    for row in (
        "id-1",
        "r-1",
        "r-3",
        "r-4",
        "group:info_updated",
        "INSERT INTO public.search_segments",
    ):
        assert row in text, "the dump holds the rows"
    for secret in secrets:
        for spelling in (secret, secret.encode().hex(), ascii(secret)[1:-1]):
            assert spelling not in text


Tamper = Callable[[str, dict[str, Any]], Awaitable[None]]


def _set(assignment: str) -> Tamper:
    async def tamper(dsn: str, message: dict[str, Any]) -> None:
        await _execute(dsn, f"UPDATE messages SET {assignment} WHERE id = $1", UUID(message["id"]))

    return tamper


async def _swap(dsn: str, message: dict[str, Any]) -> None:
    """Another message's body, with its key and nonce."""
    await _execute(
        dsn,
        "UPDATE messages m SET ciphertext = o.ciphertext, nonce = o.nonce FROM messages o"
        " WHERE m.id = $1 AND o.conversation_id = m.conversation_id AND o.id <> m.id",
        UUID(message["id"]),
    )


@pytest.mark.parametrize(
    "tamper",
    [
        _set("sender_id = 'b'"),
        _set("message_type = 'system'"),
        _set("is_announcement = true"),
        _set("reply_to_message_id = gen_random_uuid()"),
        _set("version = 2::smallint"),
        _swap,
    ],
    ids=["sender", "type", "announcement", "reply", "version", "swapped"],
)
async def test_a_changed_row_opens_as_nobody_elses(fresh_dsn: str, tamper: Tamper) -> None:
    """Who writes in the database puts no words into anybody's mouth, and hides nothing of the other messages."""
    async with local_server(fresh_dsn) as server:
        await _people(fresh_dsn)
        device = await _device(server, "a")
        await device.do("chat:message_send", recipientId="b", content="other")
        sent = await device.do("chat:message_send", recipientId="b", content="mine")
        where = sent["message"]["conversation_id"]
        await device.do("chat:history", conversationId=where)
        await tamper(fresh_dsn, sent["message"])
        page = await device.do("chat:history", conversationId=where)
        assert [message["content"] for message in page["messages"]] == ["other", None]
        # Who comes back is told of it, and of what comes after it.
        await device.do("chat:message_send", conversationId=where, content="after")
        back = await _device(server, "b")
        heard = [message["content"] for message in back.seen("chat:message_received")]
        assert heard == ["other", None, "after"]
        await back.close()
        await device.close()


@pytest.mark.parametrize("field", ["title", "description"])
async def test_a_group_is_called_nothing_else(fresh_dsn: str, field: str) -> None:
    """A title in clear is refused by the database, and that of another group is shown as none."""
    async with local_server(fresh_dsn) as server:
        await _people(fresh_dsn)
        device = await _device(server, "a")
        groups = [
            (await device.do("group:create", title=t, description=t))["conversation"]["id"]
            for t in ("one", "two")
        ]
        for clear in ("in clear", "s1.short", f"s1.{VAULT.key_id}.with blanks in it, not base64"):
            with pytest.raises(asyncpg.CheckViolationError):
                await _execute(
                    fresh_dsn,
                    f"UPDATE conversations SET {field} = $1 WHERE id = $2",
                    clear,
                    UUID(groups[0]),
                )
        await _execute(
            fresh_dsn,
            f"UPDATE conversations c SET {field} = o.{field} FROM conversations o"
            " WHERE c.id = $1 AND o.id = $2",
            *map(UUID, groups),
        )
        listed = await device.do("chat:conversation_list")
        shown = {group["id"]: group[field] for group in listed["conversations"]}
        assert shown == {groups[0]: "", groups[1]: "two"}
        await device.close()


async def test_a_message_of_the_release_before_opens(fresh_dsn: str) -> None:
    """A body that was sealed without who said it (version 2) opens as it did, and can be edited."""
    async with local_server(fresh_dsn) as server:
        await _people(fresh_dsn)
        device = await _device(server, "a")
        sent = await device.do("chat:message_send", recipientId="b", content="new")
        ids = UUID(sent["message"]["conversation_id"]), UUID(sent["messageId"])
        cipher, place = VAULT._current.cipher(ids[0].bytes)
        nonce = bytes(12)
        body = cipher.encrypt(nonce, b'{"content":"old"}', b"\x02" + place + ids[1].bytes)
        await _execute(
            fresh_dsn,
            "UPDATE messages SET version = 2, nonce = $2, ciphertext = $3 WHERE id = $1",
            ids[1],
            nonce,
            body,
        )
        page = await device.do("chat:history", conversationId=str(ids[0]))
        assert page["messages"][0]["content"] == "old"
        await device.do("chat:message_edit", messageId=str(ids[1]), content="newer")
        page = await device.do("chat:history", conversationId=str(ids[0]))
        assert page["messages"][0]["content"] == "newer"
        assert await _value(fresh_dsn, "SELECT version FROM messages WHERE id = $1", ids[1]) == 3
        await device.close()


async def test_a_key_that_is_not_here_is_no_alteration(fresh_dsn: str) -> None:
    """With another key nothing is shown as empty, as what was altered is: it is an error until the key is back."""
    async with local_server(fresh_dsn) as server:
        await _people(fresh_dsn)
        device = await _device(server, "a")
        sent = await device.do("chat:message_send", recipientId="b", content="sealed")
        group = await device.do("group:create", title="sealed")
        await device.close()
    other = "another key than that of the tests, 32 bytes"
    async with local_server(fresh_dsn, CHAT_ENCRYPTION_KEY=other) as server:
        rest = {"Authorization": f"Bearer {token_for('a')}"}
        async with aiohttp.ClientSession(server.url, headers=rest) as session:
            for path in (
                f"/api/messages/{sent['message']['conversation_id']}",
                f"/api/conversations/{group['conversation']['id']}",
            ):
                async with session.get(path) as answer:
                    assert answer.status == 500
