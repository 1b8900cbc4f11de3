"""Mentions: whom a group's message names, and how they hear of it."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.conftest import Connect, MakeUser, User
from tests.support.device import Device
from tests.support.groups import create, crowd_of, fill, set_role
from tests.support.talks import history, holding, opened, said, sync, until_waiting

Pool = asyncpg.Pool
EVERYONE = {"type": "everyone", "user_id": None, "username": None}


def _user(user: User) -> dict[str, str]:
    return {"type": "user", "user_id": user.id, "username": user.id}


async def test_the_mentioned_are_told(
    connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """A mention is in the message wherever it is read; the mentioned person's devices get it as a push as well."""
    a, b1, b2, c = [await connect(user) for user in (alice, bob, bob, carol)]
    group = await create(a, bob, carol)
    sent = await said(a, group, f"@{bob.id}: look")
    assert sent["mentions"] == [_user(bob)]
    for device in (b1, b2):
        assert await device.expect("chat:mentioned") == {
            "conversationId": group,
            "messageId": sent["id"],
            "mentionedBy": alice.id,
            "mentionedByUsername": alice.id,
            "message": sent,
        }
    for device in (a, b1, c):
        assert (await device.expect("chat:message_received"))["mentions"] == [_user(bob)]
        await device.settled()
    assert a.seen("chat:mentioned") == c.seen("chat:mentioned") == []
    assert [m["mentions"] for m in await history(c, group)] == [[_user(bob)]]


async def test_who_is_mentioned(
    connect: Connect, alice: User, bob: User, carol: User, make_user: MakeUser
) -> None:
    """Present members are, once each, in either case and the text's order; one's own name tells nobody."""
    stranger, gone = await make_user("stranger"), await make_user("gone")
    a, b, c, g = [await connect(user) for user in (alice, bob, carol, gone)]
    group = await create(a, bob, carol, gone)
    await g.do("group:leave", conversationId=group)
    names = (carol.id.upper(), stranger.id, gone.id, bob.id, alice.id, carol.id, "nobody")
    sent = await said(a, group, " ".join(f"@{name}" for name in names) + f" x@{bob.id}")
    assert sent["mentions"] == [_user(carol), _user(bob), _user(alice)]
    for device in (b, c):
        assert (await device.expect("chat:mentioned"))["messageId"] == sent["id"]
    for device in (a, g):
        await device.settled()
        assert device.seen("chat:mentioned") == []


@pytest.mark.parametrize("word", ["@everyone", "@all", "@Everyone", "@all @everyone"])
async def test_everyone(word: str, connect: Connect, alice: User, bob: User, carol: User) -> None:
    """@everyone and @all are one mention of all: everybody but the sender is told, once."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    group = await create(a, bob, carol)
    sent = await said(b, group, f"{word}, and @{carol.id}: hello")
    assert sent["mentions"] == [EVERYONE, _user(carol)]
    for device in (a, b, c):
        await device.expect("chat:message_received")
        await device.settled()
    assert [len(device.seen("chat:mentioned")) for device in (a, b, c)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("role", "members", "told"),
    [
        ("member", 100, True),
        ("member", 101, False),
        ("moderator", 101, True),
        ("admin", 101, True),
        ("owner", 101, True),
    ],
)
async def test_everyone_in_a_large_group(
    role: str,
    members: int,
    told: bool,
    connect: Connect,
    alice: User,
    bob: User,
    db: "Pool[asyncpg.Record]",
) -> None:
    """In a group of over 100, everyone is mentioned by moderators and up; from others it is only text."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob, maxMembers=200)
    await fill(db, group, await crowd_of(db, members - 2))
    sender, other = (a, b) if role == "owner" else (b, a)
    if role != "owner":
        await set_role(db, group, bob, role)
    sent = await said(sender, group, "@everyone @all")
    assert sent["mentions"] == ([EVERYONE] if told else [])
    await other.expect("chat:message_received")
    await other.settled()
    assert len(other.seen("chat:mentioned")) == told


async def test_at_most_fifty(connect: Connect, alice: User, db: "Pool[asyncpg.Record]") -> None:
    """A message mentions fifty at most; who is named after them is not mentioned."""
    a = await connect(alice)
    group = await create(a, maxMembers=100)
    people = await crowd_of(db, 60)
    await fill(db, group, people)
    sent = await said(a, group, " ".join(f"@{person}" for person in people))
    assert [m["user_id"] for m in sent["mentions"]] == people[:50]


async def test_a_name_of_several(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """All members of one username are meant, and of several readings of a name the longest that somebody has."""
    a = await connect(alice)
    group = await create(a, bob, carol)
    rename = "UPDATE chat_users SET username = $2 WHERE user_id = $1"
    for user, name in ((bob, "Max.Power"), (carol, "max.power")):
        await db.execute(rename, user.id, name)
    sent = await said(a, group, "@max.power. Agreed?")
    found = {(m["user_id"], m["username"]) for m in sent["mentions"]}
    assert found == {(bob.id, "Max.Power"), (carol.id, "max.power")}
    await db.execute(rename, carol.id, "max")
    sent = await said(a, group, "@max.I agree")
    assert [m["user_id"] for m in sent["mentions"]] == [carol.id]


async def test_nobody_is_mentioned_to_two(connect: Connect, alice: User, bob: User) -> None:
    """A direct message mentions nobody, and ciphertext nobody anywhere."""
    a, b = await connect(alice), await connect(bob)
    direct, group = await opened(a, bob), await create(a, bob)
    for where, what in (
        ({"conversationId": direct}, {"content": f"@{bob.id} @all"}),
        ({"recipientId": bob.id}, {"content": f"@{bob.id} @all"}),
        ({"conversationId": group}, {"contentEncrypted": f"@{bob.id} @all"}),
    ):
        ack = await a.do("chat:message_send", **where, **what)
        assert ack["message"]["mentions"] == []
    await b.settled()
    assert b.seen("chat:mentioned") == []


async def test_a_retry_is_the_same_message(connect: Connect, alice: User, bob: User) -> None:
    """A send repeated after the mentioned person has left is its duplicate, and tells nobody again."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    payload = {"conversationId": group, "content": f"@{bob.id}", "clientMessageId": "once"}
    first = await a.do("chat:message_send", **payload)
    await b.expect("chat:mentioned")
    await b.do("group:leave", conversationId=group)
    again = await a.do("chat:message_send", **payload)
    assert (again["duplicate"], again["message"]) == (True, first["message"])
    await b.settled()
    assert b.seen("chat:mentioned") == []


async def test_an_edit_is_read_anew(connect: Connect, alice: User, bob: User, carol: User) -> None:
    """An edited message mentions whom its new text names; only those whom it did not mention before are told."""
    a, b, c = [await connect(user) for user in (alice, bob, carol)]
    group = await create(a, bob, carol)
    sent = await said(a, group, f"@{bob.id}")
    for content, mentions in (
        (f"@{bob.id} and @{carol.id}", [_user(bob), _user(carol)]),
        (f"@{carol.id} alone", [_user(carol)]),
        ("nobody", []),
    ):
        ack = await a.do("chat:message_edit", messageId=sent["id"], content=content)
        assert ack["message"]["mentions"] == mentions
        edited = await b.expect("chat:message_edited")
        assert edited["message"] == ack["message"]
    await c.expect("chat:message_edited", lambda push: push["message"]["content"] == "nobody")
    for device in (b, c):
        await device.settled()
    assert [len(device.seen("chat:mentioned")) for device in (a, b, c)] == [0, 1, 1]
    assert c.seen("chat:mentioned")[0]["message"]["content"] == f"@{bob.id} and @{carol.id}"
    await a.do("chat:message_edit", messageId=sent["id"], content=f"@all @{bob.id}")
    await a.do("chat:message_edit", messageId=sent["id"], content=f"@all, and @{carol.id}")
    await c.expect("chat:message_edited", lambda push: "and" in push["message"]["content"])
    await c.settled()
    assert len(c.seen("chat:mentioned")) == 2, "who was told as one of all is not told again"


async def test_ciphertext_takes_the_mentions_away(connect: Connect, alice: User, bob: User) -> None:
    """A text that is edited into end-to-end ciphertext mentions nobody, and neither does what was erased."""
    a = await connect(alice)
    group = await create(a, bob)
    sent = await said(a, group, f"@{bob.id}", metadata={"kept": 1})
    ack = await a.do("chat:message_edit", messageId=sent["id"], contentEncrypted="c2VjcmV0")
    assert (ack["message"]["mentions"], ack["message"]["metadata"]) == ([], {"kept": 1})
    sent = await said(a, group, f"@{bob.id}")
    await a.do("chat:message_delete", messageId=sent["id"])
    assert [m["mentions"] for m in await history(a, group)] == [[], []]


async def test_mentions_are_replayed_in_the_message_alone(
    connect: Connect, alice: User, bob: User
) -> None:
    """Who was away finds the mention in the message; chat:mentioned itself is in no log."""
    a = await connect(alice)
    group = await create(a, bob)
    await said(a, group, f"@{bob.id}")
    events = await sync(a, group)
    assert [name for name, _ in events] == ["group:created", "chat:message_received"]
    assert events[1][1]["mentions"] == [_user(bob)]


async def test_who_is_removed_meanwhile_is_told_nothing(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A person removed between the reading of a text and its commit does not get the message as a mention."""
    a, remover, b = [await connect(user) for user in (alice, alice, bob)]
    group = await create(a, bob)
    async with holding(db, group) as connection:
        removal = asyncio.ensure_future(
            remover.do("group:member_remove", conversationId=group, userId=bob.id)
        )
        await until_waiting(connection, 1)
        send = asyncio.ensure_future(said(a, group, f"about @{bob.id}"))
        await until_waiting(connection, 2)
    await removal
    sent: dict[str, Any] = await send
    assert sent["mentions"] == [_user(bob)], "as the text was read"
    await b.expect("group:member_removed")
    await b.settled()
    assert b.seen("chat:mentioned") == b.seen("chat:message_received") == []


async def test_blocked_people_mention_each_other(connect: Connect, alice: User, bob: User) -> None:
    """Inside a group blocks change nothing, mentions included."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await b.do("user:block", userId=alice.id)
    await said(a, group, f"@{bob.id}")
    await b.expect("chat:mentioned")


async def test_mentions_are_sealed(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Whom a message mentions is at rest only inside its sealed body."""
    a: Device = await connect(alice)
    group = await create(a, bob)
    sent = await said(a, group, f"@{bob.id}")
    rows = await db.fetch(
        "SELECT m::text AS row FROM messages m WHERE id = $1::text::uuid "
        "UNION ALL SELECT e::text FROM events e WHERE message_id = $1::text::uuid",
        sent["id"],
    )
    assert len(rows) == 2
    assert all(bob.id not in row["row"] for row in rows)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bob", "你好@bob"),
        ("bob", "@bobさん、どうぞ"),
        ("bob", "مرحبا@bob"),
        ("bob", "@bob님"),
        ("bob", "请＠bob看一下"),
        ("bob", "_@bob_"),
        ("bob", "*@bob*"),
        ("bob", "thanks @bob_"),
        ("名前", "@名前さん"),
        ("ren\xe9", "@rene\u0301: look"),
        ("Rene\u0301", "@REN\xc9"),
        ("Ｂｏｂ", "@bob"),
        ("Straße", "@STRASSE"),
        ("Анна", "＠анна!"),
    ],
)
async def test_names_as_they_are_written(
    name: str, text: str, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A mention may touch letters without case and marks of Markdown, and be in another Unicode form."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await db.execute("UPDATE chat_users SET username = $2 WHERE user_id = $1", bob.id, name)
    sent = await said(a, group, text)
    assert sent["mentions"] == [{"type": "user", "user_id": bob.id, "username": name}]
    await b.expect("chat:mentioned")


async def test_underscores_may_be_of_the_name(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """The longest name that a member has is meant: bob_ before bob, and bobさん before bob."""
    a = await connect(alice)
    group = await create(a, bob, carol)
    rename = "UPDATE chat_users SET username = $2 WHERE user_id = $1"
    for longer, text in (("bob_", "thanks @bob_"), ("bobさん", "@bobさん")):
        await db.execute(rename, bob.id, "bob")
        await db.execute(rename, carol.id, longer)
        assert [m["user_id"] for m in (await said(a, group, text))["mentions"]] == [carol.id]


@pytest.mark.parametrize(
    "text",
    [
        "`@bob` and `@all`",
        "```\n@bob\n@everyone\n```",
        "```sh\nmail @bob",
        "~~~\n@all\n~~~",
        "@bob@example.com",
        "mail@bob.org",
        "https://example.com/@bob",
        "https://example.com/?user=@all",
        "привет@bob",
    ],
)
async def test_nobody_is_mentioned_in_code_and_addresses(
    text: str, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """What stands in code, or is part of an address, is no mention."""
    a = await connect(alice)
    group = await create(a, bob)
    await db.execute("UPDATE chat_users SET username = 'bob' WHERE user_id = $1", bob.id)
    assert (await said(a, group, text))["mentions"] == []
    sent = await said(a, group, f"{text}\n\n@bob" if "sh\n" not in text else "@bob")
    assert [m["user_id"] for m in sent["mentions"]] == [bob.id]


async def test_many_names_in_a_large_group(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Fifty names, each to be read in several ways, in a group of thousands do not keep anybody waiting."""
    a = await connect(alice)
    group = await create(a, bob, maxMembers=10_000)
    await fill(db, group, await crowd_of(db, 5_000))
    names = " ".join(f"@n{number}-b-c-d-e-f-g-h" for number in range(49))
    sent = await said(a, group, f"{names} @{bob.id}")
    assert sent["mentions"] == [_user(bob)]
