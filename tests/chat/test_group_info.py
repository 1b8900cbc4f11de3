"""What a group is called, and who is in it page by page; also where it is very large."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.groups import create, crowd_of, fill, shared
from tests.support.servers import local_server
from tests.support.talks import opened, said, sync

Pool = asyncpg.Pool


async def test_an_update(connect: Connect, alice: User, bob: User) -> None:
    """What is named changes and the rest stays; the ack has the conversation, and everybody gets one event."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob, description="Fridays")
    last = await said(b, group, "hello")
    steps: list[dict[str, Any]] = [
        {"title": "Boulderers"},
        {"description": "Saturdays"},
        {"maxMembers": 2},
        {"title": "Climbers", "description": "", "maxMembers": 10_000},
    ]
    expected = {"title": "Climbers", "description": "Fridays", "max_members": 50}
    for seq, change in enumerate(steps, start=3):
        ack = await a.do("group:update", conversationId=group, **change)
        expected |= {"max_members" if k == "maxMembers" else k: v for k, v in change.items()}
        conversation = ack["conversation"]
        assert {key: conversation[key] for key in expected} == expected
        assert (conversation["my_role"], conversation["last_seq"]) == ("owner", seq)
        for device in (a, b):
            assert await device.expect("group:info_updated") == {
                "conversationId": group,
                "seq": seq,
                "conversation": shared(conversation),
                "by": alice.id,
            }
        assert conversation["last_message"]["id"] == last["id"]


async def test_what_an_update_weighs(connect: Connect, alice: User, bob: User) -> None:
    """Renames of a group whose last message is as long as may be are small pushes, live and replayed."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await a.do("chat:message_send", conversationId=group, contentEncrypted="x" * 65_536)
    for number in range(20):
        await a.do("group:update", conversationId=group, title=f"Climbers {number}")
    await b.settled()
    pushed = [data for name, data in b.pushes if name == "group:info_updated"]
    synced = [data for name, data in await sync(b, group) if name == "group:info_updated"]
    assert len(pushed) == len(synced) == 20
    assert max(len(orjson.dumps(data)) for data in pushed + synced) < 2_000


async def test_an_update_of_nothing(connect: Connect, alice: User) -> None:
    """What is as it was is no event."""
    a = await connect(alice)
    group = await create(a)
    ack = await a.do("group:update", conversationId=group, title="Climbers", maxMembers=50)
    assert ack["conversation"]["last_seq"] == 1
    assert len(await sync(a, group)) == 1


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": " "}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"description": "x" * 501}, "description"),
        ({"maxMembers": 1}, "maxMembers"),
        ({"maxMembers": 10_001}, "maxMembers"),
    ],
)
async def test_updates_that_are_wrong(
    payload: dict[str, object], field: str, connect: Connect, alice: User
) -> None:
    """A wrong field of group:update is a VALIDATION_ERROR that names it."""
    a = await connect(alice)
    error = await a.refused("group:update", conversationId=await create(a), **payload)
    assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", [field])


async def test_fewer_than_there_are(
    connect: Connect, alice: User, bob: User, carol: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A maximum below the number of members is a conflict; where it stands already, all else still changes."""
    a = await connect(alice)
    group = await create(a, bob, carol)
    error = await a.refused("group:update", conversationId=group, maxMembers=2)
    assert error["code"] == "CONFLICT"
    await a.do("group:update", conversationId=group, maxMembers=3)
    # As after GROUP_MAX_MEMBERS was lowered, and what was there before was brought down to it.
    await db.execute("UPDATE conversations SET max_members = 2 WHERE id = $1", UUID(group))
    await a.do("group:update", conversationId=group, title="Still us")


async def test_a_group_of_before_a_lower_bound(dsn: str, connect: Connect, alice: User) -> None:
    """A group that may have more than GROUP_MAX_MEMBERS says now is renamed all the same."""
    async with local_server(dsn, GROUP_MAX_MEMBERS="20") as server:
        group = await create(await connect(alice), maxMembers=50)
        a = await connect(alice, server.url)
        ack = await a.do("group:update", conversationId=group, title="Still us")
        assert ack["conversation"]["max_members"] == 50
        error = await a.refused("group:update", conversationId=group, maxMembers=50)
        assert error["fields"] == {"maxMembers": ["Must be from 2 to 20."]}
        await a.close()


async def test_an_update_repeated(connect: Connect, alice: User, bob: User) -> None:
    """group:update repeated with its requestId does not undo what was changed since, and shows what is."""
    a = await connect(alice)
    group = await create(a, bob)
    first = {"conversationId": group, "title": "First", "requestId": "r-1"}
    await a.do("group:update", **first)
    await a.do("group:update", conversationId=group, title="Second")
    ack = await a.do("group:update", **first)
    assert ack["conversation"]["title"] == "Second"
    assert len(await sync(a, group)) == 3


async def test_an_ex_member_replays_the_name_that_was(
    connect: Connect, alice: User, bob: User
) -> None:
    """An update in the log shows the group as it stood at it, whatever it is called since."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await a.do("group:update", conversationId=group, title="Second")
    live = await b.expect("group:info_updated")
    await a.do("group:update", conversationId=group, title="Third")
    events = await sync(b, group)
    assert [data["conversation"]["title"] for _, data in events] == ["Climbers", "Second", "Third"]
    assert events[1][1] == live


async def test_the_members_page_by_page(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Pages of any size make up the roster, once each, by role and length of membership; total counts all."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, maxMembers=300)
    await fill(db, group, await crowd_of(db, 120))
    await a.do("group:member_add", conversationId=group, userId=bob.id)
    await a.do("group:promote", conversationId=group, userId=bob.id, role="moderator")
    pages = {}
    for limit in (7, 50, 200):
        found: list[Any] = []
        more = True
        while more:
            page = await b.do("group:members", conversationId=group, limit=limit, offset=len(found))
            assert page["total"] == 122
            found += page["participants"]
            more = page["pagination"]["hasMore"]
        pages[limit] = found
    assert pages[7] == pages[50] == pages[200]
    ids = [person["user_id"] for person in pages[7]]
    assert (len(ids), len(set(ids)), ids[:2]) == (122, 122, [alice.id, bob.id])
    card = (await a.do("chat:conversation_get", conversationId=group))["conversation"]
    assert card["participants"] == pages[7][:100]
    page = await a.do("group:members", conversationId=group, offset=122)
    assert (page["participants"], page["total"]) == ([], 122)
    assert page["pagination"] == {"limit": 50, "offset": 122, "hasMore": False}
    assert len((await a.do("group:members", conversationId=group))["participants"]) == 50
    error = await a.refused("group:members", conversationId=group, limit=201)
    assert list(error["fields"]) == ["limit"]


async def test_ten_thousand_members(
    connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A group of ten thousand is renamed, spoken to and ended by pushes that do not grow with it."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob, maxMembers=10_000)
    people = await crowd_of(db, 9_998)
    await fill(db, group, people)
    ack = await a.do("group:update", conversationId=group, title="All of us")
    assert (ack["conversation"]["member_count"], len(ack["conversation"]["participants"])) == (
        10_000,
        100,
    )
    await _is_small(db, b, group, "group:info_updated")
    page = await b.do("group:members", conversationId=group, limit=200, offset=9_900)
    assert (len(page["participants"]), page["total"]) == (100, 10_000)
    error = await a.refused("group:member_add", conversationId=group, userId=people[0] + "0")
    assert error["code"] == "RESOURCE_NOT_FOUND"
    sent = await said(a, group, f"@{bob.id} and @{people[5_000]}: welcome")
    assert [m["user_id"] for m in sent["mentions"]] == [bob.id, people[5_000]]
    await b.expect("chat:mentioned")
    await a.do("group:promote", conversationId=group, userId=people[7_000])
    await _is_small(db, b, group, "group:member_promoted")
    await a.do("group:delete", conversationId=group)
    await b.expect("group:deleted", lambda push: len(orjson.dumps(push)) < 2_000)
    left = "SELECT count(*) FROM participants WHERE conversation_id = $1 AND left_seq IS NULL"
    assert await db.fetchval(left, UUID(group)) == 0


async def _is_small(db: "Pool[asyncpg.Record]", device: Device, group: str, name: str) -> None:
    """One event, and little of it, on the wire and in the log."""
    push = await device.expect(name)
    await device.settled()
    assert device.seen(name) == []
    assert len(orjson.dumps(push)) < 2_000
    size = "SELECT sum(length(payload::text)) FROM events WHERE stream_id = $1 AND kind = $2"
    assert await db.fetchval(size, UUID(group), name) < 1_000


async def test_the_end_of_what_is_no_group(connect: Connect, alice: User, bob: User) -> None:
    """The commands of groups refuse a direct conversation by its field, and do not find an unknown one."""
    a = await connect(alice)
    direct = await opened(a, bob)
    for command, payload in (
        ("group:delete", {}),
        ("group:update", {"title": "Us"}),
        ("group:members", {}),
        ("group:announce", {"content": "We"}),
        ("group:transfer", {"userId": bob.id}),
        ("group:promote", {"userId": bob.id}),
        ("group:demote", {"userId": bob.id}),
        ("group:permit", {"userId": bob.id, "canAddMembers": True}),
    ):
        error = await a.refused(command, conversationId=direct, **payload)
        assert error["fields"] == {"conversationId": ["Is not a group."]}, command
        error = await a.refused(command, conversationId=str(uuid4()), **payload)
        assert error["message"] == "Conversation not found", command
