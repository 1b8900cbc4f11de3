"""Pages of what is long: each ends after about a mebibyte, says that there is more, and goes on where it ended."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from chatserver.chat.history import HistoryReader
from chatserver.resources.pages import PAGE_BYTES
from tests.conftest import Connect, MakeUser, User
from tests.support.device import Device
from tests.support.talks import opened

Pool = asyncpg.Pool
LONG = "x" * 65_536
COUNT = 40
# One row more than a page, and what is beside the texts.
MOST = PAGE_BYTES + 2 * len(LONG)


@pytest.fixture
async def long_talk(connect: Connect, alice: User, bob: User) -> tuple[Device, str]:
    """A conversation of forty messages as long as may be."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    await asyncio.gather(
        *(
            a.do("chat:message_send", conversationId=conversation_id, contentEncrypted=LONG)
            for _ in range(COUNT)
        )
    )
    return a, conversation_id


async def _page(device: Device, name: str, **payload: Any) -> dict[str, Any]:
    ack = await device.do(name, **payload)
    assert len(orjson.dumps(ack)) < MOST
    return ack


def _seqs(messages: list[dict[str, Any]]) -> list[int]:
    return [message["seq"] for message in messages]


async def test_history(long_talk: tuple[Device, str]) -> None:
    """History in either direction, and from an offset on, gives every message once."""
    a, conversation_id = long_talk
    everything = list(range(2, 2 + COUNT))
    page = await _page(a, "chat:history", conversationId=conversation_id, limit=200)
    seen = _seqs(page["messages"])
    assert seen == everything[-len(seen) :]
    assert 15 <= len(seen) < 20
    pages = 1
    while page["pagination"]["hasMore"]:
        before = page["pagination"]["nextBeforeSeq"]
        assert before == seen[0]
        page = await _page(
            a, "chat:history", conversationId=conversation_id, limit=200, beforeSeq=before
        )
        seen = _seqs(page["messages"]) + seen
        pages += 1
    assert seen == everything
    assert pages == 3
    seen, more = [], True
    while more:
        after = seen[-1] if seen else 0
        page = await _page(
            a, "chat:history", conversationId=conversation_id, limit=200, afterSeq=after
        )
        seen += _seqs(page["messages"])
        more = page["pagination"]["hasMore"]
    assert seen == everything
    page = await _page(a, "chat:history", conversationId=conversation_id, limit=30, offset=5)
    seen = _seqs(page["messages"])
    assert seen == everything[-5 - len(seen) : -5]
    assert page["pagination"]["nextBeforeSeq"] == seen[0]
    # A page of as many as fit ends as it always did.
    page = await _page(a, "chat:history", conversationId=conversation_id, limit=10)
    assert _seqs(page["messages"]) == everything[-10:]


async def test_sync(connect: Connect, long_talk: tuple[Device, str]) -> None:
    """Sync gives every event once, also where one long message was edited again and again."""
    a, conversation_id = long_talk
    last = (await a.do("chat:history", conversationId=conversation_id, limit=1))["messages"][0]
    for _ in range(20):
        await a.do("chat:message_edit", messageId=last["id"], contentEncrypted=LONG)
    seen: list[int] = []
    more = True
    while more:
        after = seen[-1] if seen else 0
        page = await _page(
            a, "chat:sync", conversationId=conversation_id, afterSeq=after, limit=1_000
        )
        assert page["events"]
        seen += [event["data"]["seq"] for event in page["events"]]
        more = page["hasMore"]
    assert seen == list(range(1, 2 + COUNT + 20))


async def test_pins(long_talk: tuple[Device, str]) -> None:
    """The pinned messages come in pages, by the offset at which the one before ended."""
    a, conversation_id = long_talk
    page = await a.do("chat:history", conversationId=conversation_id, limit=10)
    page2 = await a.do(
        "chat:history",
        conversationId=conversation_id,
        limit=10,
        beforeSeq=page["messages"][0]["seq"],
    )
    pinned = _seqs(page2["messages"] + page["messages"])
    for message in page2["messages"] + page["messages"]:
        await a.do("chat:message_pin", messageId=message["id"])
    seen: list[int] = []
    more = True
    while more:
        page = await _page(a, "chat:pins", conversationId=conversation_id, offset=len(seen))
        assert page["total"] == len(pinned)
        seen += _seqs(page["messages"])
        more = page["pagination"]["hasMore"]
    assert seen == pinned[::-1]


async def test_conversations(connect: Connect, make_user: MakeUser, alice: User) -> None:
    """The list of conversations and that of groups end by their last messages' length, too."""
    a = await connect(alice)
    found = set()
    for number in range(25):
        other = await make_user("other")
        ack = await a.do("group:create", title=f"{number}", participantIds=[other.id])
        found.add(ack["conversation"]["id"])
        await a.do(
            "chat:message_send",
            conversationId=ack["conversation"]["id"],
            contentEncrypted=LONG,
        )
    for name, field in (("chat:conversation_list", "conversations"), ("group:list", "groups")):
        seen: list[str] = []
        more = True
        while more:
            page = await _page(a, name, limit=200, offset=len(seen))
            seen += [card["id"] for card in page[field]]
            more = page["pagination"]["hasMore"]
            assert page["total"] == 25
        assert len(seen) == 25
        assert set(seen) == found


async def test_many_reactions_are_long(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """What stands beside the texts counts as well."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    for number in range(12):
        await a.do("chat:message_send", conversationId=conversation_id, content=f"{number}")
    await db.execute(
        "INSERT INTO reactions (conversation_id, message_id, user_id, reaction, created_at) "
        "SELECT conversation_id, id, 'somebody-' || n, '👍', now() FROM messages, generate_series(1, 1000) n "
        "WHERE conversation_id = $1",
        UUID(conversation_id),
    )
    await db.execute(
        "UPDATE messages SET updated_seq = seq WHERE conversation_id = $1", UUID(conversation_id)
    )
    page = await _page(a, "chat:history", conversationId=conversation_id)
    assert page["pagination"]["hasMore"]
    assert _seqs(page["messages"])[-1] == 13


async def test_pages_at_once(
    connect: Connect, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many pages that one connection asks for at once four are made at a time; other commands go on."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    history = HistoryReader.history
    free, under_way, most = asyncio.Event(), 0, 0

    async def counted(reading: HistoryReader, *args: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await free.wait()
        under_way -= 1
        return await history(reading, *args)

    monkeypatch.setattr(HistoryReader, "history", counted)
    asked = [
        asyncio.ensure_future(a.do("chat:history", conversationId=conversation_id))
        for _ in range(30)
    ]
    await a.do("system:ping")
    await a.do("chat:message_send", conversationId=conversation_id, content="hello")
    free.set()
    pages = await asyncio.gather(*asked)
    assert len(pages) == 30
    assert most == 4


async def test_edits_of_a_message_that_many_have_reacted_to(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A sync whose every event shows the reactions of a thousand people is no longer than any other page."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    sent = await a.do("chat:message_send", conversationId=conversation_id, content="hear, hear")
    await db.execute(
        "INSERT INTO reactions SELECT $1, $2, 'reactor' || n, '+', now() FROM generate_series(1, 1000) n",
        UUID(conversation_id),
        UUID(sent["messageId"]),
    )
    for n in range(20):
        await a.do("chat:message_edit", messageId=sent["messageId"], content=f"{n}")
    seen: list[int] = []
    more = True
    while more:
        page = await _page(
            a, "chat:sync", conversationId=conversation_id, afterSeq=(seen or [0])[-1], limit=1000
        )
        seen += [event["data"]["seq"] for event in page["events"]]
        more = page["hasMore"]
    assert seen == list(range(1, 23))
