"""What a person sets of a conversation for themselves: notifications, the archive, favourites."""

from typing import Any

import asyncpg
import pytest

from tests.conftest import Connect, MakeUser, Resume, User
from tests.support.device import Device
from tests.support.groups import create
from tests.support.http import ok, request
from tests.support.servers import Server, local_server
from tests.support.talks import listed, opened, said

Pool = asyncpg.Pool
UNSET = {"level": "all", "muted_until": None, "archived": False, "favourite": False}
LATER, SOON = "2099-01-31T08:00:00.000Z", "2098-01-31T08:00:00.000Z"


@pytest.fixture
async def talk(connect: Connect, alice: User, bob: User) -> tuple[Device, Device, str]:
    """Alice, Bob, and their conversation."""
    a, b = await connect(alice), await connect(bob)
    return a, b, await opened(a, bob)


Talk = tuple[Device, Device, str]


async def _set(device: Device, conversation_id: str, **wanted: Any) -> dict[str, Any]:
    ack = await device.do(
        "chat:conversation_settings_set", conversationId=conversation_id, **wanted
    )
    settings: dict[str, Any] = ack["settings"]
    return settings


async def _mine(device: Device, conversation_id: str) -> dict[str, Any]:
    ack = await device.do("chat:conversation_get", conversationId=conversation_id)
    settings: dict[str, Any] = ack["conversation"]["my_settings"]
    return settings


async def _archived(device: Device) -> list[str]:
    page = await device.do("chat:conversation_list", archived=True)
    ids = [c["id"] for c in page["conversations"]]
    assert page["total"] == len(ids)
    return ids


async def test_settings_are_ones_own(talk: Talk, connect: Connect, alice: User) -> None:
    """What is given changes, the rest stays; all devices of the person are told, and nobody else sees it."""
    a, b, conversation_id = talk
    second = await connect(alice)
    assert await _mine(a, conversation_id) == UNSET
    wanted = UNSET | {"level": "none", "favourite": True}
    assert await _set(a, conversation_id, level="none", favourite=True) == wanted
    assert await _set(a, conversation_id, mutedUntil=LATER) == wanted | {"muted_until": LATER}
    assert await _set(a, conversation_id, mutedUntil=None) == wanted
    for device in (a, second):
        for seq, muted in enumerate((None, LATER, None), start=1):
            assert await device.expect("chat:conversation_settings_updated") == {
                "conversationId": conversation_id,
                "settings": wanted | {"muted_until": muted},
                "personalSeq": seq,
            }
    assert await _mine(second, conversation_id) == wanted
    assert await _mine(b, conversation_id) == UNSET
    await b.settled()
    assert b.seen("chat:conversation_settings_updated") == []


async def test_what_changes_nothing_tells_nobody(talk: Talk) -> None:
    """Settings that stand already are answered, and no event is written."""
    a, _, conversation_id = talk
    assert await _set(a, conversation_id, level="all", archived=False) == UNSET
    await a.settled()
    assert a.seen("chat:conversation_settings_updated") == []


async def test_a_repetition_is_answered_alike(talk: Talk) -> None:
    """The same requestId again answers the first settings, and changes nothing that was set since."""
    a, _, conversation_id = talk
    first = await _set(a, conversation_id, favourite=True, requestId="once")
    await _set(a, conversation_id, favourite=False)
    assert await _set(a, conversation_id, favourite=True, requestId="once") == first
    assert await _mine(a, conversation_id) == UNSET


async def test_settings_are_replayed(talk: Talk, resume: Resume, alice: User) -> None:
    """A client that was away is told what was set meanwhile, as it was set."""
    a, _, conversation_id = talk
    client = await resume(alice)
    await client.drop()
    await _set(a, conversation_id, favourite=True)
    await _set(a, conversation_id, level="mentions")
    await client.connect()
    name = "chat:conversation_settings_updated"
    told = [arguments[0]["settings"] for came, arguments in client.events if came == name]
    assert told == [UNSET | {"favourite": True}, UNSET | {"favourite": True, "level": "mentions"}]


async def test_settings_over_rest(talk: Talk, server: Server, alice: User) -> None:
    """PATCH answers the settings bare, takes null, and a list takes `archived`."""
    _, _, conversation_id = talk
    url = f"{server.url}/api/conversations"
    body = {"muted_until": LATER, "archived": True}
    answer = await ok("PATCH", f"{url}/{conversation_id}/settings", alice, json=body)
    assert answer == UNSET | {"muted_until": LATER, "archived": True}
    body = {"mutedUntil": None}
    answer = await ok("PATCH", f"{url}/{conversation_id}/settings", alice, json=body)
    assert answer == UNSET | {"archived": True}
    assert (await ok("GET", url, alice))["conversations"] == []
    page = await ok("GET", f"{url}?archived=true", alice)
    assert [c["id"] for c in page["conversations"]] == [conversation_id]
    refused = await request("GET", f"{url}?archived=maybe", alice)
    assert refused.body["error"]["fields"].keys() == {"archived"}


async def test_something_is_to_be_given(talk: Talk) -> None:
    """A change of nothing is refused, naming a field."""
    a, _, conversation_id = talk
    error = await a.refused("chat:conversation_settings_set", conversationId=conversation_id)
    assert error["fields"].keys() == {"level"}


async def test_the_archive_is_a_list_of_its_own(talk: Talk, carol: User) -> None:
    """What is archived is not listed, but where it is asked for; null lists both; unread messages count."""
    a, b, conversation_id = talk
    other = await opened(a, carol)
    await said(b, conversation_id, "hello")
    await _set(a, conversation_id, archived=True)
    assert (await listed(a), await _archived(a)) == ([other], [conversation_id])
    both = await a.do("chat:conversation_list", archived=None)
    assert {c["id"] for c in both["conversations"]} == {conversation_id, other}
    assert both["total"] == 2
    card = (await a.do("chat:conversation_get", conversationId=conversation_id))["conversation"]
    assert card["unread_count"] == 1
    await _set(a, conversation_id, archived=False)
    assert await _archived(a) == []


@pytest.mark.parametrize("own", [False, True])
async def test_a_message_brings_it_back(talk: Talk, own: bool) -> None:
    """A message, one's own too, takes a conversation out of the archive, by an event."""
    a, b, conversation_id = talk
    await _set(a, conversation_id, archived=True)
    await a.expect("chat:conversation_settings_updated")
    await said(a if own else b, conversation_id, "still there?")
    push = await a.expect("chat:conversation_settings_updated")
    assert (push["settings"], push["personalSeq"]) == (UNSET, 2)
    assert (await listed(a), await _archived(a)) == ([conversation_id], [])


async def test_a_muted_one_stays_until_the_mute_ends(talk: Talk, connect: Connect) -> None:
    """A message leaves what is archived and muted where it is; the first after the mute brings it back."""
    a, b, conversation_id = talk
    await _set(a, conversation_id, archived=True, mutedUntil=LATER)
    await _set(b, conversation_id, archived=True)
    await said(b, conversation_id, "one")
    # Bob's own comes back by it; Alice's has had its chance by then.
    await b.expect("chat:conversation_settings_updated")
    await b.expect("chat:conversation_settings_updated")
    assert await _archived(a) == [conversation_id]
    await _set(a, conversation_id, mutedUntil=None)
    assert await _archived(a) == [conversation_id]
    await said(b, conversation_id, "two")
    await a.expect(
        "chat:conversation_settings_updated", lambda push: not push["settings"]["archived"]
    )
    assert await _archived(a) == []


async def test_a_change_before_the_event_tells_the_same(
    connect: Connect, talk: Talk, db: "Pool[asyncpg.Record]"
) -> None:
    """Whoever sets something between a message and its event is told that the conversation is back."""
    a, _, conversation_id = talk
    await _set(a, conversation_id, archived=True)
    async with db.acquire() as connection, connection.transaction():
        # Those who bring back pass over a conversation that is locked.
        await connection.execute(
            "SELECT FROM conversations WHERE id = $1 FOR UPDATE", conversation_id
        )
        await connection.execute("INSERT INTO revivals VALUES ($1, 1000, now())", conversation_id)
    assert (await _set(a, conversation_id, mutedUntil=SOON))["archived"] is False


async def test_many_are_told_in_slices(
    fresh_dsn: str, connect: Connect, alice: User, db: "Pool[asyncpg.Record]"
) -> None:
    """A message brings a group back to each of a hundred and twenty members who archived it, once each."""
    connection = await asyncpg.connect(fresh_dsn)
    try:
        await connection.execute(
            "INSERT INTO chat_users (user_id, username) SELECT $1, $1", alice.id
        )
        await connection.execute(
            "INSERT INTO chat_users (user_id, username) SELECT 'm' || i, 'm' || i FROM generate_series(1, 120) i"
        )
        async with local_server(fresh_dsn) as server:
            a = await connect(alice, server.url)
            people = [f"m{n}" for n in range(1, 121)]
            made = await a.do("group:create", title="x", participantIds=people, maxMembers=200)
            group = made["conversation"]["id"]
            assert made["conversation"]["my_settings"]["level"] == "mentions"
            for person in people:
                await connection.fetch(
                    "SELECT * FROM set_conversation_settings($1, $2, NULL, false, NULL, true, NULL)",
                    person,
                    group,
                )
            await _set(a, group, archived=True)
            await said(a, group, "all of you")
            await a.expect(
                "chat:conversation_settings_updated", lambda push: not push["settings"]["archived"]
            )
            assert server.app is not None
            await server.app.archive.revive()
        left = "SELECT count(*) FROM conversation_settings WHERE archived"
        assert await connection.fetchval(left) == 0
        assert await connection.fetchval("SELECT count(*) FROM revivals") == 0
        told = "SELECT count(*), count(DISTINCT user_id), max(last_seq) FROM personal_streams"
        assert tuple(await connection.fetchrow(told)) == (121, 121, 2)  # type: ignore[arg-type]
        watched = "SELECT count(*) FROM conversations WHERE revives_at IS NOT NULL"
        assert await connection.fetchval(watched) == 0
    finally:
        await connection.close()


async def test_what_is_set_outlasts_a_membership(
    connect: Connect, alice: User, bob: User, make_user: MakeUser
) -> None:
    """Those who are added to a group again find their settings; while they are out they can set nothing."""
    a, b = await connect(alice), await connect(bob)
    group = await create(a, bob)
    await _set(b, group, favourite=True)
    await a.do("group:member_remove", conversationId=group, userId=bob.id)
    error = await b.refused("chat:conversation_settings_set", conversationId=group, level="all")
    assert error["code"] == "RESOURCE_NOT_FOUND"
    await a.do("group:member_add", conversationId=group, userId=bob.id)
    assert (await _mine(b, group))["favourite"] is True
