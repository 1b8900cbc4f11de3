"""Searches: what is found, where in it, in which order, and by whom."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from chatserver.search.search import _Page
from chatserver.search.talks import Talks
from tests.conftest import Connect, MakeUser, User
from tests.support.http import ok, open_direct
from tests.support.searching import built, found, pages, said_at_once, segments
from tests.support.servers import Server
from tests.support.talks import group_of, opened, said, say

Pool = asyncpg.Pool


async def test_what_is_found_is_shown_as_it_is(connect: Connect, alice: User, bob: User) -> None:
    """A message is found by a part of its text in any case, shown as the history shows it, with the places."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    await say(b, conversation_id, "nothing of the kind")
    sent = await said(a, conversation_id, "The 🦅 Eagle has landed; the EAGLES left")
    assert await b.do("chat:search", query=" eagle") == {
        "success": True,
        "results": [{"message": sent, "ranges": [[7, 12], [29, 34]]}],
        "cursor": None,
        "complete": True,
    }


async def test_segments_and_their_tail(
    server: Server, connect: Connect, db: "Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """What lies in segments is found with what came after them, the newest first, once each."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    texts = [f"word {n}" for n in range(600)]
    await said_at_once(db, conversation_id, [(alice.id, text) for text in texts])
    assert await found(a, "word", conversationId=conversation_id, limit=50) == texts[::-1]
    await built(server, conversation_id)
    assert await segments(db, conversation_id) == [256, 512, 600]
    more = ["word 600", "word 601"]
    await say(a, conversation_id, *more)
    assert await found(a, "WORD", limit=50) == [*texts, *more][::-1]
    assert await found(a, "word 60") == [*more[::-1], "word 60"]


@pytest.mark.parametrize("is_built", [False, True], ids=["read", "built"])
async def test_filters(
    server: Server,
    connect: Connect,
    db: "Pool[asyncpg.Record]",
    alice: User,
    bob: User,
    carol: User,
    is_built: bool,
) -> None:
    """A search may be for one conversation, one sender, and the time between two moments, themselves excluded."""
    a = await connect(alice)
    with_bob, with_carol = await opened(a, bob), await opened(a, carol)
    for talk, other in ((with_bob, bob), (with_carol, carol)):
        people = [(alice, other)[n % 2].id for n in range(40)]
        texts = [(person, f"word {n} to {other.id}") for n, person in enumerate(people)]
        await said_at_once(db, talk, texts)
        # A minute apart, from the first hour of 2020 on.
        await db.execute(
            "UPDATE messages SET created_at = '2020-01-01T00:00:00Z'::timestamptz + number * interval '1 minute' "
            "WHERE conversation_id = $1",
            talk,
        )
        assert await built(server, talk) == 1 if is_built else True

    async def numbers(**ask: Any) -> list[int]:
        return [int(text.split()[1]) for text in await found(a, "word", limit=50, **ask)]

    newest_first = list(range(39, -1, -1))
    assert await numbers(conversationId=with_bob) == newest_first
    assert await numbers() == newest_first * 2
    assert await numbers(senderId=bob.id) == newest_first[::2]
    assert await numbers(senderId=bob.id, conversationId=with_carol) == []
    assert await numbers(senderId="nobody") == []
    # The message of number 10 says `word 9`.
    times = {"after": "2020-01-01T00:10:00.000Z", "before": "2020-01-01T01:13:00+01:00"}
    assert await numbers(conversationId=with_bob, **times) == [11, 10]
    assert await numbers(conversationId=with_bob, after="2020-01-01T00:38:59.999Z") == [39, 38]
    assert await numbers(before="2020-01-01T00:01:00.000Z") == []


async def test_a_conversation_that_is_not_ones_own(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """What is said where one is not is not found, and asking for it there is RESOURCE_NOT_FOUND."""
    a, c = await connect(alice), await connect(carol)
    conversation_id = await opened(a, bob)
    await say(a, conversation_id, "between us")
    assert await found(c, "between us") == []
    for stranger in (conversation_id, str(uuid4())):
        error = await c.refused("chat:search", query="between us", conversationId=stranger)
        assert error["code"] == "RESOURCE_NOT_FOUND"


async def test_what_is_not_searched(connect: Connect, alice: User, bob: User) -> None:
    """End-to-end ciphertext, metadata and names are not searched."""
    a = await connect(alice)
    await a.do("chat:message_send", recipientId=bob.id, contentEncrypted="needle")
    await a.do(
        "chat:message_send", recipientId=bob.id, content="hay", metadata={"needle": "needle"}
    )
    assert await found(a, "needle") == []
    assert await found(a, alice.id) == []


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("a", "Must have at least 2 characters."),
        (" a ", "Must have at least 2 characters."),
        ("a\u200d", "Must have at least 2 characters."),
        ("👍", "Must have at least 2 characters."),
        ("\u00ad \u200d", "Must not be blank."),
        ("x" * 101, "Must have at most 100 characters."),
        ("é!", None),
        ("e\u0301", None),
        ("漢", None),
        ("か", None),
        ("ｶ", None),
        ("글", None),
        ("\U00020000", None),
        ("👍🏽", None),
        ("x" * 100, None),
    ],
)
async def test_what_may_be_looked_for(
    connect: Connect, alice: User, bob: User, query: str, problem: str | None
) -> None:
    """A query has 2 to 100 characters; one that may be a word by itself is enough."""
    a = await connect(alice)
    await say(a, await opened(a, bob), f"-{query[:100]}-")
    if problem is None:
        assert await found(a, query) == [f"-{query}-"]
    else:
        error = await a.refused("chat:search", query=query)
        assert error["fields"] == {"query": [problem]}


async def test_the_order_and_what_moves_in_it(
    connect: Connect, db: "Pool[asyncpg.Record]", alice: User, make_user: MakeUser
) -> None:
    """Conversations come in the order of their newest messages; one that moves between pages comes once, whole."""
    a = await connect(alice)
    talks = []
    for n in range(4):
        other = await make_user()
        talks.append(await group_of(db, {alice: "owner", other: "member"}))
        await say(a, talks[n], f"word {n} old", f"word {n}")
    page = await a.do("chat:search", query="word", limit=3)
    texts = [result["message"]["content"] for result in page["results"]]
    assert texts == ["word 3", "word 3 old", "word 2"]
    for _ in range(5):
        await say(a, talks[1], "something else")
    await say(a, talks[2], "word 2 new")
    await say(a, talks[3], "word 3 new")
    while page["cursor"] is not None:
        page = await a.do("chat:search", query="word", limit=1, cursor=page["cursor"])
        texts += [result["message"]["content"] for result in page["results"]]
    assert texts[3:] == ["word 2 old", "word 1", "word 1 old", "word 0", "word 0 old"]


async def test_a_cursor_is_good_for_its_search_alone(
    connect: Connect, alice: User, bob: User
) -> None:
    """Somebody else's cursor, one of another search, and what is none are refused by name."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    await say(a, conversation_id, "word 1", "word 2")
    asked = {"query": "word", "limit": 1}
    page = await a.do("chat:search", **asked)
    cursor = page["cursor"]
    again = [
        (b, asked | {"cursor": cursor}),
        (a, asked | {"cursor": cursor, "query": "other"}),
        (a, asked | {"cursor": cursor, "conversationId": conversation_id}),
        (a, asked | {"cursor": cursor, "senderId": alice.id}),
        (a, asked | {"cursor": cursor, "before": "2020-01-01T00:00:00Z"}),
        (a, asked | {"cursor": cursor[:-4]}),
        (
            a,
            asked
            | {"cursor": ("A" if cursor[40] != "A" else "B").join((cursor[:40], cursor[41:]))},
        ),
        (a, asked | {"cursor": "none"}),
        (a, asked | {"cursor": "é"}),
    ]
    for device, ask in again:
        error = await device.refused("chat:search", **ask)
        assert list(error["fields"]) == ["cursor"]
    # Of the size of a page it says nothing.
    assert (await a.do("chat:search", query="word", cursor=cursor))["complete"]


async def test_a_page_of_long_texts_ends_and_goes_on(
    server: Server, db: "Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """A page ends after about a mebibyte, and the next one goes on; a message tells 100 places at most."""
    conversation_id = await open_direct(server, alice, bob)
    texts = [f"{n} " + "需要" * 4_990 for n in range(45)]
    await said_at_once(db, conversation_id, [(alice.id, text) for text in texts])
    url = f"{server.url}/api/commands/chat:search"
    ask: dict[str, Any] = {"query": "需要", "limit": 50}
    got = [await ok("POST", url, alice, json=ask)]
    while got[-1]["cursor"] is not None:
        got.append(await ok("POST", url, alice, json=ask | {"cursor": got[-1]["cursor"]}))
    assert len(got) > 1
    shown = [result for page in got for result in page["results"]]
    assert [result["message"]["content"] for result in shown] == texts[::-1]
    assert {len(result["ranges"]) for result in shown} == {100}


async def test_a_page_may_take_little_work(
    server: Server,
    connect: Connect,
    db: "Pool[asyncpg.Record]",
    alice: User,
    bob: User,
    carol: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However little one page may look through, all of them together find everything, once and in order."""
    a = await connect(alice)
    talks = [await opened(a, other) for other in (bob, carol)]
    texts = []
    for n, talk in enumerate(talks):
        theirs = [f"{'word' if m % 100 == 0 else 'other'} {n} {m}" for m in range(300)]
        await said_at_once(db, talk, [(alice.id, text) for text in theirs])
        texts += [text for text in theirs if "word" in text]
    await built(server, talks[0])
    monkeypatch.setattr("chatserver.search.search._WORK", 0.0)
    got = await pages(a, query="word")
    assert any(not page["results"] for page in got)
    shown = [result["message"]["content"] for page in got for result in page["results"]]
    assert shown == texts[3:][::-1] + texts[:3][::-1]


async def test_one_person_has_few_at_once(
    connect: Connect, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one person's connections four pages are made at a time, more are refused, and others search meanwhile."""
    free, came, fill = asyncio.Event(), asyncio.Semaphore(0), _Page.fill

    async def held(self: _Page, talks: Talks) -> None:
        came.release()
        await free.wait()
        await fill(self, talks)

    monkeypatch.setattr(_Page, "fill", held)
    a, b = await connect(alice), await connect(bob)
    asked = [asyncio.create_task(a.ask("chat:search", {"query": "word"})) for _ in range(4)]
    for _ in asked:
        await came.acquire()
    # More on one connection wait there.
    other_device = await connect(alice)
    error = await other_device.refused("chat:search", query="word")
    assert (error["code"], error["retryAfter"]) == ("RATE_LIMIT_EXCEEDED", 1)
    other = asyncio.create_task(b.do("chat:search", query="word"))
    await came.acquire()
    free.set()
    assert [(await one)["success"] for one in (*asked, other)] == [True] * 5
    await other_device.do("chat:search", query="word")


async def test_too_many_at_once(
    connect: Connect, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the pages that may be made at once, people are told to come back."""
    monkeypatch.setattr("chatserver.search.search._MOST_PAGES", 0)
    a = await connect(alice)
    error = await a.refused("chat:search", query="word")
    assert (error["code"], error["retryable"]) == ("UNAVAILABLE", True)
