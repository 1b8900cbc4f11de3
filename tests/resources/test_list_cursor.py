"""Pages of a list of conversations that moves, by cursor."""

import base64
import zlib
from typing import Any

import pytest

from chatserver.core.errors import ChatError
from chatserver.resources.cursors import read_cursor
from tests.conftest import Connect, MakeUser, User
from tests.support.device import Device
from tests.support.groups import create
from tests.support.http import ok, request
from tests.support.servers import Server
from tests.support.talks import moment_later, opened, said

LISTS = [("chat:conversation_list", "conversations"), ("group:list", "groups")]


async def _page(
    device: Device, command: str, key: str, **asked: Any
) -> tuple[list[str], str | None]:
    ack = await device.do(command, **asked)
    pagination = ack["pagination"]
    assert pagination["hasMore"] is (pagination["nextCursor"] is not None)
    return [card["id"] for card in ack[key]], pagination["nextCursor"]


async def _made(device: Device, command: str, make_user: MakeUser, count: int) -> list[str]:
    """The ids of new conversations of the list, the newest first."""
    made: list[str] = []
    for _ in range(count):
        await moment_later()
        if command == "group:list":
            made.append(await create(device))
        else:
            made.append(await opened(device, await make_user("friend")))
    return made[::-1]


@pytest.mark.parametrize(("command", "key"), LISTS)
async def test_what_moves_is_neither_repeated_nor_skips_another(
    command: str, key: str, connect: Connect, alice: User, make_user: MakeUser
) -> None:
    """Between two pages a conversation comes to the top: the next page has those that would have come anyway."""
    a = await connect(alice)
    ids = await _made(a, command, make_user, 6)
    first, cursor = await _page(a, command, key, limit=2)
    assert first == ids[:2]
    # One that was shown, one that was not, and a new one: all of them are on top now, as pushes have told.
    for moved, text in ((ids[1], "again"), (ids[4], "at last")):
        await moment_later()
        await said(a, moved, text)
    fresh = await _made(a, command, make_user, 1)
    second, cursor = await _page(a, command, key, limit=2, cursor=cursor)
    assert second == ids[2:4]
    third, cursor = await _page(a, command, key, limit=2, cursor=cursor)
    assert (third, cursor) == (ids[5:], None)
    assert (await _page(a, command, key))[0] == [*fresh, ids[4], ids[1], ids[0], *ids[2:4], ids[5]]


@pytest.mark.parametrize("limit", [1, 3, 5, 6, 200])
async def test_pages_of_any_size_are_the_list(
    limit: int, connect: Connect, alice: User, make_user: MakeUser
) -> None:
    """Pages by cursor together are the whole list, once, whether they begin with an offset or without."""
    a = await connect(alice)
    ids = await _made(a, "chat:conversation_list", make_user, 6)
    for offset in (0, 2):
        found, cursor = await _page(a, *LISTS[0], limit=limit, offset=offset)
        while cursor is not None:
            page, cursor = await _page(a, *LISTS[0], limit=limit, cursor=cursor)
            assert page
            found += page
        assert found == ids[offset:]


async def test_of_the_same_moment_none_is_lost(
    connect: Connect, db: Any, alice: User, make_user: MakeUser
) -> None:
    """Conversations that were active in the same millisecond follow each other by their ids."""
    a = await connect(alice)
    ids = await _made(a, "chat:conversation_list", make_user, 5)
    await db.execute(
        "UPDATE conversations SET created_at = '2026-01-01 00:00:00.123456Z' WHERE id = ANY ($1::text[]::uuid[])",
        ids,
    )
    found, cursor = await _page(a, *LISTS[0], limit=2)
    while cursor is not None:
        page, cursor = await _page(a, *LISTS[0], limit=2, cursor=cursor)
        found += page
    assert found == sorted(ids, reverse=True)


async def test_the_rest_route_takes_it_too(
    server: Server, connect: Connect, alice: User, make_user: MakeUser
) -> None:
    """GET /api/conversations answers `nextCursor` and takes it as `cursor`."""
    a = await connect(alice)
    ids = await _made(a, "chat:conversation_list", make_user, 3)
    url = f"{server.url}/api/conversations"
    first = await ok("GET", f"{url}?limit=2", alice)
    assert (first["total"], first["pagination"]["hasMore"]) == (3, True)
    cursor = first["pagination"]["nextCursor"]
    second = await ok("GET", f"{url}?limit=2&cursor={cursor}", alice)
    assert [card["id"] for card in second["conversations"]] == ids[2:]
    assert second["pagination"]["nextCursor"] is None
    answer = await request("GET", f"{url}?cursor={cursor}&offset=1", alice)
    assert (answer.status, list(answer.error["fields"])) == (400, ["cursor"])
    # Another's cursor is only a place: it shows nothing of theirs.
    bob = await make_user("bob")
    assert (await ok("GET", f"{url}?cursor={cursor}", bob))["conversations"] == []


async def test_what_is_no_cursor_is_refused(
    connect: Connect, alice: User, make_user: MakeUser
) -> None:
    """A cursor that was not given out, in whatever way it is wrong, is a VALIDATION_ERROR that names it."""
    a = await connect(alice)
    await _made(a, "chat:conversation_list", make_user, 2)
    _, cursor = await _page(a, *LISTS[0], limit=1)
    assert cursor is not None
    wrong = [
        "",
        "x",
        "x" * 36,
        "x" * 101,
        cursor[:-1],
        cursor + "A",
        cursor[::-1],
        cursor.swapcase(),
        "é" * 36,
    ]
    wrong += [
        f" {cursor[1:]}",
        cursor.replace(cursor[0], "*", 1),
        base64.b64encode(bytes(27)).decode(),
        5,
    ]
    for command, _ in LISTS:
        for value in wrong:
            error = await a.refused(command, cursor=value)
            assert (error["code"], list(error["fields"])) == ("VALIDATION_ERROR", ["cursor"]), value


def test_a_time_that_is_none() -> None:
    """A cursor whose checksum is right and whose time is out of every range is refused, not a crash."""
    place = b"\x7f" * 24
    text = base64.urlsafe_b64encode(place + zlib.crc32(place).to_bytes(4)[1:]).decode()
    with pytest.raises(ChatError):
        read_cursor(text)


async def test_a_page_that_ends_for_its_size_goes_on_by_cursor(
    connect: Connect, alice: User, make_user: MakeUser
) -> None:
    """A page of long last messages ends early, and its cursor is the place behind the last one shown."""
    a = await connect(alice)
    ids = []
    for _ in range(20):
        friend = await make_user("friend")
        sent = await a.do("chat:message_send", recipientId=friend.id, contentEncrypted="x" * 65_536)
        ids.append(sent["message"]["conversation_id"])
    found, cursor = await _page(a, *LISTS[0], limit=200)
    assert 0 < len(found) < 20
    while cursor is not None:
        page, cursor = await _page(a, *LISTS[0], limit=200, cursor=cursor)
        found += page
    assert found == ids[::-1]
