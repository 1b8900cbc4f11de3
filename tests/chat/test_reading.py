"""History, sync and conversations."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import asyncpg

from chatserver.core.times import iso
from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.talks import moment_later, opened


async def _chat(a: Device, other: User, texts: int) -> str:
    conversation_id = await opened(a, other)
    for n in range(1, texts + 1):
        await a.do("chat:message_send", conversationId=conversation_id, content=str(n))
    return conversation_id


def _texts(history: dict[str, object]) -> list[str]:
    return [message["content"] for message in history["messages"]]  # type: ignore[attr-defined]


async def test_history_pages_by_offset(connect: Connect, alice: User, bob: User) -> None:
    """Offset pages count from the newest message, are oldest first, and end where the messages do."""
    a = await connect(alice)
    conversation_id = await _chat(a, bob, 7)
    pages = [
        await a.do("chat:history", conversationId=conversation_id, limit=3, offset=offset)
        for offset in (0, 3, 6, 9, 2**62)
    ]
    assert [_texts(page) for page in pages] == [["5", "6", "7"], ["2", "3", "4"], ["1"], [], []]
    assert [page["pagination"] for page in pages] == [
        {"limit": 3, "offset": 0, "hasMore": True, "nextBeforeSeq": 6},
        {"limit": 3, "offset": 3, "hasMore": True, "nextBeforeSeq": 3},
        {"limit": 3, "offset": 6, "hasMore": False, "nextBeforeSeq": None},
        {"limit": 3, "offset": 9, "hasMore": False, "nextBeforeSeq": None},
        {"limit": 3, "offset": 2**62, "hasMore": False, "nextBeforeSeq": None},
    ]
    assert {page["total"] for page in pages} == {7}


async def test_history_pages_by_seq(connect: Connect, alice: User, bob: User) -> None:
    """Keyset pages go back by beforeSeq and forth by afterSeq, and nextBeforeSeq leads to the beginning."""
    a = await connect(alice)
    conversation_id = await _chat(a, bob, 5)
    found: list[str] = []
    position: dict[str, int] = {}
    while True:
        page = await a.do("chat:history", conversationId=conversation_id, limit=2, **position)
        found = _texts(page) + found
        if page["pagination"]["nextBeforeSeq"] is None:
            break
        position = {"beforeSeq": page["pagination"]["nextBeforeSeq"]}
    assert found == ["1", "2", "3", "4", "5"]
    after = await a.do("chat:history", conversationId=conversation_id, limit=2, afterSeq=3)
    assert (_texts(after), after["pagination"]["hasMore"]) == (["3", "4"], True)
    last = await a.do("chat:history", conversationId=conversation_id, afterSeq=5)
    assert (_texts(last), last["pagination"]["hasMore"]) == (["5"], False)


async def test_a_strangers_conversation_does_not_exist(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """To who is no member a conversation looks exactly like one that does not exist, by every command."""
    a, c = await connect(alice), await connect(carol)
    conversation_id = await _chat(a, bob, 1)
    unknown = "0199a0e0-0000-7000-8000-000000000000"
    for command, rest in {
        "chat:history": {},
        "chat:sync": {"afterSeq": 0},
        "chat:conversation_get": {},
        "chat:typing": {"isTyping": True},
        "chat:message_send": {"content": "hi"},
        "chat:message_read": {"upToSeq": 1},
        "chat:message_delivered": {"upToSeq": 1},
    }.items():
        errors = [
            await c.refused(command, conversationId=wanted, **rest)
            for wanted in (conversation_id, unknown)
        ]
        assert errors[0]["code"] == "RESOURCE_NOT_FOUND"
        assert errors[0] == errors[1]


async def test_sync_gives_the_events_after_a_seq(connect: Connect, alice: User, bob: User) -> None:
    """Sync gives the pushes of a conversation after a seq, as they were pushed, page by page."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await _chat(a, bob, 4)
    pushed = [("chat:conversation_created", await b.expect("chat:conversation_created"))]
    pushed += [("chat:message_received", await b.expect("chat:message_received")) for _ in range(4)]
    first = await b.do("chat:sync", conversationId=conversation_id, afterSeq=0, limit=2)
    rest = await b.do("chat:sync", conversationId=conversation_id, afterSeq=2)
    assert (first["hasMore"], rest["hasMore"]) == (True, False)
    assert (first["limited"], rest["limited"]) == (False, False)
    events = [(event["event"], event["data"]) for event in first["events"] + rest["events"]]
    # A conversation inside a push is shown as it stood at the event: before its first message.
    assert events[0][1]["conversation"]["last_message_at"] is None
    assert events == pushed


async def test_the_list_is_ordered_by_activity(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """The list has the most recently active conversation first, with its last message and unread count."""
    a, b = await connect(alice), await connect(bob)
    with_bob = await _chat(a, bob, 1)
    with_carol = await _chat(a, carol, 1)
    await moment_later()
    await b.do("chat:message_send", conversationId=with_bob, content="the latest")
    page = await a.do("chat:conversation_list")
    assert [c["id"] for c in page["conversations"]] == [with_bob, with_carol]
    whole = {"limit": 50, "offset": 0, "hasMore": False, "nextCursor": None}
    assert (page["total"], page["pagination"]) == (2, whole)
    first = page["conversations"][0]
    assert (first["last_message"]["content"], first["unread_count"]) == ("the latest", 1)
    assert (first["my_role"], first["is_blocked"], first["blocked_by_me"]) == (
        "member",
        False,
        False,
    )
    assert [p["user_id"] for p in first["participants"]] == sorted([alice.id, bob.id])
    second = await a.do("chat:conversation_list", limit=1, offset=1)
    assert [c["id"] for c in second["conversations"]] == [with_carol]
    one = await a.do("chat:conversation_list", limit=1)
    cursor = one["pagination"].pop("nextCursor")
    assert one["pagination"] == {"limit": 1, "offset": 0, "hasMore": True}
    second = await a.do("chat:conversation_list", limit=1, cursor=cursor)
    assert [c["id"] for c in second["conversations"]] == [with_carol]


async def test_a_product_makes_a_conversation_of_its_own(
    connect: Connect, alice: User, bob: User
) -> None:
    """The same two people have one conversation per product, and one without; whoever opens it finds the same."""
    a, b = await connect(alice), await connect(bob)
    ids = []
    for product in (None, "camera", "lens"):
        mine = await a.do("chat:conversation_open", recipientId=bob.id, productId=product)
        theirs = await b.do("chat:conversation_open", recipientId=alice.id, productId=product)
        assert mine["conversation"]["id"] == theirs["conversation"]["id"]
        expected = product and {"id": product, "title": None, "image": None}
        assert mine["conversation"]["product"] == expected
        ids.append(mine["conversation"]["id"])
    assert len(set(ids)) == 3
    sent = await b.do(
        "chat:message_send", recipientId=alice.id, productId="lens", content="Still there?"
    )
    assert sent["message"]["conversation_id"] == ids[2]


async def test_sending_to_a_person_creates_the_conversation(
    connect: Connect, alice: User, bob: User
) -> None:
    """The first message to a person creates their conversation: its creation is pushed first, then the message."""
    a, b = await connect(alice), await connect(bob)
    acks = await asyncio.gather(
        *(a.do("chat:message_send", recipientId=bob.id, content=str(n)) for n in range(20))
    )
    assert len({ack["message"]["conversation_id"] for ack in acks}) == 1
    await b.expect("chat:message_received", lambda m: m["seq"] == 21, take=False)
    names = [name for name, _ in b.pushes if name.startswith("chat:")]
    assert names == ["chat:conversation_created"] + ["chat:message_received"] * 20


async def test_blocks_work_both_ways(connect: Connect, alice: User, bob: User) -> None:
    """Whoever blocked, neither can send or open; both see that it is blocked, one that it is theirs."""
    a, b = await connect(alice), await connect(bob)
    conversation_id = await _chat(a, bob, 1)
    await a.do("user:block", userId=bob.id)
    for device, other in ((a, bob), (b, alice)):
        for command, payload in {
            "chat:message_send": {"conversationId": conversation_id, "content": "no"},
            "chat:conversation_open": {"recipientId": other.id},
        }.items():
            assert (await device.refused(command, **payload))["code"] == "USER_BLOCKED"
    flags = []
    for device in (a, b):
        ack = await device.do("chat:conversation_get", conversationId=conversation_id)
        flags.append((ack["conversation"]["is_blocked"], ack["conversation"]["blocked_by_me"]))
    assert flags == [(True, True), (True, False)]
    await a.do("user:unblock", userId=bob.id)
    await b.do("chat:message_send", conversationId=conversation_id, content="again")


async def test_a_reply_must_answer_a_message_of_its_conversation(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """A reply names a message of the same conversation; any other is RESOURCE_NOT_FOUND, and creates nothing."""
    a = await connect(alice)
    conversation_id = await _chat(a, bob, 1)
    history = await a.do("chat:history", conversationId=conversation_id)
    first = history["messages"][0]["id"]
    reply = await a.do(
        "chat:message_send", conversationId=conversation_id, content="re", replyToMessageId=first
    )
    assert reply["message"]["reply_to_message_id"] == first
    error = await a.refused(
        "chat:message_send", recipientId=carol.id, content="re", replyToMessageId=first
    )
    assert (error["code"], list(error["fields"])) == ("RESOURCE_NOT_FOUND", ["replyToMessageId"])
    assert (await a.do("chat:conversation_list"))["total"] == 1


async def test_the_database_writes_times_as_the_server_does(
    db: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    """A time that a query gives as text is the one that the server makes of it, whatever the session's zone."""
    moments = [
        datetime(year, 7, 1, 23, 59, 59, microsecond, zone)
        for year in (1970, 2024, 9998)
        for microsecond in (0, 1, 999, 1_000, 120_000, 999_499, 999_500, 999_999)
        for zone in (UTC, timezone(timedelta(hours=-5.5)))
    ]
    async with db.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL timezone = 'Asia/Tokyo'")
        rows = await connection.fetch(
            "SELECT wire_time(moment) FROM unnest($1::timestamptz[]) WITH ORDINALITY AS asked (moment, place) "
            "ORDER BY place",
            moments,
        )
    assert [row[0] for row in rows] == [*map(iso, moments)]
