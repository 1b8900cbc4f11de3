"""Searches as tests ask for them, and talks that are long enough for segments."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from chatserver.core.crypto import Vault
from chatserver.core.ids import uuid7
from chatserver.resources import body_of, context_of
from chatserver.schemas.messages import MessageSend
from tests.support.port import DevicePort
from tests.support.servers import ENCRYPTION_KEY, Server

VAULT = Vault([ENCRYPTION_KEY])

Pool = asyncpg.Pool


async def said_at_once(
    db: "Pool[asyncpg.Record]",
    conversation_id: str,
    texts: Sequence[tuple[str, str]],
    vault: Vault = VAULT,
) -> None:
    """Post messages, each a sender and a text, as the server posts them, but nobody is told."""
    conversation = UUID(conversation_id)
    drafts = []
    for sender_id, text in texts:
        message_id = uuid7()
        body = body_of(MessageSend(conversation_id=conversation, content=text))
        context = context_of(sender_id, "text", is_announcement=False, reply_to=None)
        sealed = vault.seal(conversation, message_id, body, context)
        drafts.append(
            (conversation, sender_id, message_id, "text", *sealed, None, None, None, False)
        )
    rows = await db.fetch(
        "SELECT verdict FROM post_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        *map(list, zip(*drafts, strict=True)),
    )
    assert {row["verdict"] for row in rows} == {"posted"}


async def pages(device: DevicePort, **ask: Any) -> list[dict[str, Any]]:
    """All pages of a search, each with results."""
    found = [await device.do("chat:search", **ask)]
    while found[-1]["cursor"] is not None:
        assert not found[-1]["complete"]
        found.append(await device.do("chat:search", **ask, cursor=found[-1]["cursor"]))
    assert found[-1]["complete"]
    return found


async def found(device: DevicePort, query: str, **ask: Any) -> list[str]:
    """The texts that a search finds, in order, over all its pages."""
    return [
        result["message"]["content"]
        for page in await pages(device, query=query, **ask)
        for result in page["results"]
    ]


async def built(server: Server, conversation_id: str) -> int:
    """Build what a conversation lacks of segments; returns how many those were."""
    assert server.app is not None
    builder = server.app.builder
    outcomes = [outcome async for outcome in builder.build(UUID(conversation_id))]
    assert set(outcomes) <= {"built"}
    return len(outcomes)


async def segments(db: "Pool[asyncpg.Record]", conversation_id: str) -> list[int]:
    """The last numbers of a conversation's segments, the first segment's first."""
    rows = await db.fetch(
        "SELECT last_number FROM search_segments WHERE conversation_id = $1 ORDER BY segment",
        UUID(conversation_id),
    )
    return [row["last_number"] for row in rows]
