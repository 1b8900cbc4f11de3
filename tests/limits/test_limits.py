"""What one person may ask for in a minute, on one process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from chatserver import schemas
from chatserver.store import Database
from tests.conftest import Connect, User
from tests.plans.cases import NOT_ON_A_PATH
from tests.support.device import Device
from tests.support.groups import crowd_of
from tests.support.http import ok, open_direct, request
from tests.support.limits import stop_the_clock
from tests.support.raw import raw_client, raw_socket
from tests.support.servers import Server, local_server

Pool = asyncpg.Pool
Ask = Callable[..., Awaitable[Any]]
LONG = "x" * 501


@pytest.fixture
async def strict(dsn: str) -> AsyncIterator[Server]:
    """A server that allows three messages and twelve commands a minute."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="3", COMMAND_RATE_LIMIT="12") as server:
        yield server


async def send(device: Device, conversation_id: str, content: str, **more: str) -> dict[str, Any]:
    """The ack of a message."""
    return await device.ask(
        "chat:message_send", {"conversationId": conversation_id, "content": content, **more}
    )


def limited(error: dict[str, Any]) -> int:
    """The seconds to wait of an error that must be about a limit."""
    assert error["code"] == "RATE_LIMIT_EXCEEDED", error
    assert error["message"] == "Rate limit exceeded"
    assert "Please wait" in error["details"]
    assert error["retryable"] is True
    assert isinstance(error["retryAfter"], int)
    assert 1 <= error["retryAfter"] <= 60
    return int(error["retryAfter"])


async def test_messages(strict: Server, connect: Connect, alice: User, bob: User) -> None:
    """Past MESSAGE_RATE_LIMIT a message is refused, is not there, and says when to come back; others go on."""
    conversation_id = await open_direct(strict, alice, bob)
    a, b = await connect(alice, strict.url), await connect(bob, strict.url)
    assert a.ready["limits"]["messagesPerMinute"] == 3
    for number in range(3):
        assert (await send(a, conversation_id, f"{number}"))["success"]
    limited((await send(a, conversation_id, "too much"))["error"])
    assert (await send(b, conversation_id, "not limited"))["success"]
    page = await a.do("chat:history", conversationId=conversation_id)
    assert [m["content"] for m in page["messages"]] == ["0", "1", "2", "not limited"]


async def test_coming_back_in_time(
    strict: Server, connect: Connect, alice: User, bob: User
) -> None:
    """After retryAfter, and not a second earlier, the same message under the same id is accepted."""
    conversation_id = await open_direct(strict, alice, bob)
    a = await connect(alice, strict.url)
    clock = stop_the_clock(strict)
    for number in range(3):
        assert (await send(a, conversation_id, f"{number}"))["success"]
        clock.now += 10
    wait = limited((await send(a, conversation_id, "again", clientMessageId="m-1"))["error"])
    assert wait == 30
    clock.now += wait - 1
    assert limited((await send(a, conversation_id, "again", clientMessageId="m-1"))["error"]) == 1
    clock.now += 1
    ack = await send(a, conversation_id, "again", clientMessageId="m-1")
    assert (ack["success"], ack["duplicate"]) == (True, False)


@pytest.mark.parametrize("field", ["content", "contentEncrypted"])
async def test_long_texts(
    strict: Server, connect: Connect, alice: User, bob: User, field: str
) -> None:
    """Of texts over 500 characters there may be twice as many; what is shorter is past its limit by then."""
    conversation_id = await open_direct(strict, alice, bob)
    a = await connect(alice, strict.url)

    async def accepted(text: str) -> bool:
        payload = {"conversationId": conversation_id, field: text}
        ack = await a.ask("chat:message_send", payload)
        return bool(ack["success"]) or not limited(ack["error"])

    assert [await accepted("x" * 500) for _ in range(4)] == [True] * 3 + [False]
    assert [await accepted(LONG) for _ in range(4)] == [True] * 3 + [False]
    assert not await accepted("short")


async def test_rest_and_sockets_are_one(
    strict: Server, connect: Connect, alice: User, bob: User
) -> None:
    """What a person sends counts together, over whichever door, and REST says when to come back in its header."""
    conversation_id = await open_direct(strict, alice, bob)
    a = await connect(alice, strict.url)
    body = {"conversation_id": conversation_id, "content": "hello"}
    for _ in range(2):
        await ok("POST", f"{strict.url}/api/messages", alice, status=201, json=body)
    assert (await send(a, conversation_id, "hello"))["success"]
    answer = await request("POST", f"{strict.url}/api/messages", alice, json=body)
    assert answer.status == 429
    assert answer.headers["Retry-After"] == str(limited(answer.error))
    limited((await send(a, conversation_id, "hello"))["error"])


# Those that change something, but count otherwise: openings by the hour, typing by its interval. Receipts are told
# together, presence now and then, and a token is told to nobody.
OTHERWISE = {
    "chat:conversation_open",
    "chat:message_delivered",
    "chat:message_read",
    "chat:typing",
    "file:create",
    "file:complete",
    "file:delete",
    "presence:focus",
    "presence:online",
    "presence:offline",
    "push:device_add",
    "push:device_remove",
    "session:refresh",
}


def test_what_is_told_to_others_counts_as_a_message() -> None:
    """Every command that changes something counts as a message, but for those that are bounded otherwise."""
    changes = {command.name for command in schemas.COMMANDS if command.mutates}
    messages = {command.name for command in schemas.COMMANDS if command.limit == "message"}
    assert messages == changes - OTHERWISE


async def test_changes_count_as_messages(
    strict: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Edits, reactions, pins, renames and announcements count with the messages of the same person."""
    conversation_id = await open_direct(strict, alice, bob)
    a, b = await connect(alice, strict.url), await connect(bob, strict.url)
    clock = stop_the_clock(strict)
    sent = await send(a, conversation_id, "hello")
    message = {"messageId": sent["messageId"]}
    for edit in ("one", "two"):
        await a.do("chat:message_edit", **message, content=edit)
    limited(await a.refused("chat:message_edit", **message, content="three"))
    await b.do("chat:reaction_add", **message, reaction="👍")
    await b.do("chat:message_pin", **message)
    await b.do("chat:message_unpin", **message)
    limited(await b.refused("chat:reaction_remove", **message))
    limited((await send(b, conversation_id, "hello"))["error"])
    clock.now += 60
    group = (await a.do("group:create", title="Climbers"))["conversation"]["id"]
    await a.do("group:announce", conversationId=group, content="hello")
    await a.do("group:update", conversationId=group, title="Boulderers")
    limited(await a.refused("group:update", conversationId=group, title="Climbers"))


async def test_what_names_many_counts_as_many(
    dsn: str, connect: Connect, alice: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Who is named counts: as a command each in a new group and in a receipt, as a message each who is added."""
    limits = {"MESSAGE_RATE_LIMIT": "20", "COMMAND_RATE_LIMIT": "1100"}
    async with local_server(dsn, **limits) as server:
        a = await connect(alice, server.url)
        clock = stop_the_clock(server)
        people = await crowd_of(db, 1_000)
        create = {"title": "Climbers", "participantIds": people, "maxMembers": 2_000}
        group = (await a.do("group:create", **create))["conversation"]["id"]
        limited(await a.refused("group:create", **create))
        limited(await a.refused("chat:message_read", messageIds=[str(uuid4()) for _ in range(200)]))
        clock.now += 60
        more = await crowd_of(db, 30)
        await a.do("group:member_add", conversationId=group, userIds=more[:15])
        add = {"conversationId": group, "userIds": more[15:]}
        limited(await a.refused("group:member_add", **add))
        await a.do("group:member_add", conversationId=group, userIds=more[15:20])
        clock.now += 60
        # More than there may be in a minute is all of it.
        await a.do("group:member_add", conversationId=group, userIds=await crowd_of(db, 40))
        limited(await a.refused("group:update", conversationId=group, title="Boulderers"))


async def test_one_device(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """CLIENT_MESSAGE_RATE_LIMIT holds for each connection, beside what all of them may send together."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="3", CLIENT_MESSAGE_RATE_LIMIT="2") as server:
        conversation_id = await open_direct(server, alice, bob)
        one, two = await connect(alice, server.url), await connect(alice, server.url)
        for _ in range(2):
            assert (await send(one, conversation_id, "one"))["success"]
        limited((await send(one, conversation_id, "one"))["error"])
        assert (await send(two, conversation_id, "two"))["success"]
        limited((await send(two, conversation_id, "two"))["error"])


async def test_both_limits_are_heeded(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Where the device and its user are both past their limits, the wait is the longer one."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="3", CLIENT_MESSAGE_RATE_LIMIT="2") as server:
        conversation_id = await open_direct(server, alice, bob)
        clock = stop_the_clock(server)
        one, two = await connect(alice, server.url), await connect(alice, server.url)
        assert (await send(one, conversation_id, "one"))["success"]
        for _ in range(2):
            clock.now += 20
            assert (await send(two, conversation_id, LONG))["success"]
        # Of two's own, the second is the one to wait for; of hers, the first: all three count for short ones.
        assert limited((await send(two, conversation_id, "two"))["error"]) == 40
        clock.now += 40
        assert (await send(two, conversation_id, "two"))["success"]


async def test_every_command_counts(
    strict: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Typing, reading, unknown and malformed commands count, refused ones too; pings do not, and are answered."""
    conversation_id = await open_direct(strict, bob, alice)
    async with raw_client(strict.url, alice.token) as raw:
        typing = f'{{"conversationId":"{conversation_id}","isTyping":true}}'
        for _ in range(2):
            assert (await raw.ask("chat:typing", typing))["success"]
            assert (await raw.ask("chat:history", f'{{"conversationId":"{conversation_id}"}}'))[
                "success"
            ]
            assert (await raw.refused("chat:nothing", "{}"))["code"] == "UNKNOWN_COMMAND"
            for wrong in ("{}", "{", '"x"'):
                error = await raw.refused("chat:message_send", wrong)
                assert error["code"] == "VALIDATION_ERROR"
        for name, payload in (
            ("chat:typing", typing),
            ("chat:nothing", "{}"),
            ("chat:message_send", "{"),
        ):
            limited(await raw.refused(name, payload))
        for _ in range(20):
            await raw.works()


async def test_a_limited_sender_costs_no_query(
    strict: Server, connect: Connect, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is refused for a limit never reaches the database."""
    conversation_id = await open_direct(strict, bob, alice)
    a = await connect(alice, strict.url)
    for _ in range(3):
        assert (await send(a, conversation_id, "hello"))["success"]

    asked: list[str] = []

    def noting(ask: Ask) -> Ask:
        def noted(db: Database, name: str, *arguments: Any, **options: Any) -> Awaitable[Any]:
            asked.append(name)
            return ask(db, name, *arguments, **options)

        return noted

    with monkeypatch.context() as patch:
        for method in ("one", "all"):
            patch.setattr(Database, method, noting(getattr(Database, method)))
        for _ in range(9):
            limited((await send(a, conversation_id, "hello"))["error"])
        for name in ("chat:history", "chat:typing", "chat:conversation_list"):
            limited(await a.refused(name, conversationId=conversation_id))
    # Meanwhile the process may have read the log.
    assert set(asked) <= NOT_ON_A_PATH.keys()


async def test_without_an_ack(strict: Server, connect: Connect, alice: User, bob: User) -> None:
    """A limited command that was sent without an ack callback comes back as the push `error`."""
    conversation_id = await open_direct(strict, bob, alice)
    a = await connect(alice, strict.url)
    for _ in range(4):
        await a.sio.emit(
            "chat:message_send", {"conversationId": conversation_id, "content": "hello"}
        )
    limited(await a.expect("error"))
    await a.settled()
    assert len(a.seen("chat:message_received")) == 3
    assert a.seen("error") == []


async def test_a_flood(dsn: str, alice: User) -> None:
    """Who goes on past ten times the limit is cut off, after the last answer."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="1", COMMAND_RATE_LIMIT="2") as server:
        async with raw_client(server.url, alice.token) as raw:
            for _ in range(2):
                assert (await raw.ask("presence:list", "{}"))["success"]
            for _ in range(21):
                limited(await raw.refused("presence:list", "{}"))
            await raw.closed()
        assert server.app is not None
        assert server.app.gate._limiter.hits == 21


async def test_many_at_once(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Of many messages at the same moment, over several devices, exactly as many as allowed are accepted."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="20") as server:
        conversation_id = await open_direct(server, alice, bob)
        devices = [await connect(alice, server.url) for _ in range(3)]
        acks = await asyncio.gather(
            *(send(device, conversation_id, "hello") for device in devices for _ in range(15))
        )
        assert sum(ack["success"] for ack in acks) == 20
        for ack in acks:
            assert ack["success"] or limited(ack["error"])


async def test_no_limit(dsn: str, connect: Connect, alice: User) -> None:
    """COMMAND_RATE_LIMIT=0 lets commands alone."""
    async with local_server(dsn, MESSAGE_RATE_LIMIT="1", COMMAND_RATE_LIMIT="0") as server:
        a = await connect(alice, server.url)
        for _ in range(30):
            await a.do("presence:list")


@pytest.mark.parametrize("way", ["socket", "command", "resource", "not modified"])
async def test_large_answers_count_as_several(
    way: str, server: Server, dsn: str, connect: Connect, alice: User, bob: User
) -> None:
    """Who reads page after page of a mebibyte is refused after a few, whichever way they ask."""
    a = await connect(alice)
    sent = await a.do("chat:message_send", recipientId=bob.id, contentEncrypted="x" * 65_536)
    talk = sent["message"]["conversation_id"]
    await asyncio.gather(
        *(
            a.do("chat:message_send", conversationId=talk, contentEncrypted="x" * 65_536)
            for _ in range(16)
        )
    )
    async with local_server(dsn, COMMAND_RATE_LIMIT="100") as other:
        device = await connect(alice, other.url)
        path, page = f"{other.url}/api/messages/{talk}", {"conversationId": talk}
        etag = (await request("GET", path, alice)).headers["ETag"]

        async def refused() -> bool:
            if way == "socket":
                return not (await device.ask("chat:history", page))["success"]
            if way == "command":
                url = f"{other.url}/api/commands/chat:history"
                return (await request("POST", url, alice, json=page)).status == 429
            headers = {"If-None-Match": etag} if way == "not modified" else {}
            return (await request("GET", path, alice, headers=headers)).status == 429

        answers = [await refused() for _ in range(5)]
        assert answers[0] is False
        assert answers[-2:] == [True, True]


async def test_coming_back_for_everything_counts(
    server: Server, dsn: str, connect: Connect, alice: User, bob: User
) -> None:
    """Who connects again and again to be sent everything anew is sent back for a while; others are let in."""
    a = await connect(alice)
    talk = await open_direct(server, alice, bob)
    await asyncio.gather(*(send(a, talk, f"text {n}") for n in range(150)))
    again = {"token": alice.token, "positions": {"epoch": a.ready["epoch"], "me": 0, talk: 0}}
    async with local_server(dsn, COMMAND_RATE_LIMIT="20") as other:
        for _ in range(2):
            device = Device(other.url, alice.token)
            await device.connect(again)
            assert len(device.seen("chat:message_received")) == 150
            await device.close()
        async with raw_socket(other.url) as raw:
            assert (
                await raw.sent_back(alice.token, positions=again["positions"])
                == "RATE_LIMIT_EXCEEDED"
            )
        await connect(bob, other.url)


@pytest.mark.parametrize(
    "name", ["presence:list", "presence:online", "chat:conversation_list", "group:list"]
)
async def test_what_looks_through_much_counts_as_several(
    name: str, dsn: str, connect: Connect, alice: User, bob: User, db: "Pool[asyncpg.Record]"
) -> None:
    """Who has thousands of conversations asks for lists of them less often; who has few does not."""
    await (await connect(alice)).do("group:create", title="one of many")
    await db.execute(
        """
        WITH made AS (
            INSERT INTO conversations (id, type, user_low, user_high, title, created_by, member_count, created_at,
                last_seq, last_xact)
            SELECT gen_random_uuid(), CASE WHEN is_group THEN 'group' ELSE 'direct' END,
                CASE WHEN NOT is_group THEN $1 END, CASE WHEN NOT is_group THEN $1 || '-' || n END,
                CASE WHEN is_group THEN mine.title END, $1, 2, now(), 1, pg_current_xact_id()
            FROM generate_series(1, 1000) n, (VALUES (true), (false)) kinds (is_group),
                (SELECT title FROM conversations WHERE created_by = $1) mine
            RETURNING id, type, user_high)
        INSERT INTO participants (conversation_id, user_id, joined_seq, role, joined_at, in_group)
        SELECT id, $1, 1, 'member', now(), type = 'group' FROM made
        UNION ALL SELECT id, user_high, 1, 'member', now(), false FROM made WHERE type = 'direct'
        """,
        alice.id,
    )
    async with local_server(dsn, COMMAND_RATE_LIMIT="12") as server:
        payload = {"limit": 1} if name == "chat:conversation_list" else {}
        for user, answered in ((alice, 2), (bob, 12)):
            url = f"{server.url}/api/commands/{name}"
            statuses = [(await request("POST", url, user, json=payload)).status for _ in range(13)]
            assert statuses == [200] * answered + [429] * (13 - answered)
