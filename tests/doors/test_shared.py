"""What all doors share: places, sessions, blocks, groups, who is online, and the end of the process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.conftest import Connect, User
from tests.scenarios.marketplace_way import MarketplaceWay
from tests.scenarios.messaging_way import MessagingWay
from tests.scenarios.ways import SocketIOWay, Way
from tests.support.http import request
from tests.support.inside import reception, until
from tests.support.messaging import opener
from tests.support.people import AtMain, AtMarketplace, AtMessaging, opened_by_rest
from tests.support.servers import Server, local_server
from tests.support.wire import WEBSOCKET, handshake

KINDS: tuple[type[Way], ...] = (SocketIOWay, MessagingWay, MarketplaceWay)


@asynccontextmanager
async def _all_ways(server: Server) -> AsyncIterator[list[Way]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(kind(server)) for kind in KINDS]


async def test_places(dsn: str, alice: User) -> None:
    """A person's connections count together, at whichever doors they are."""
    async with (
        local_server(dsn, MAX_CONNECTIONS_PER_USER="1") as server,
        _all_ways(server) as ways,
    ):
        for way in ways:
            device = await way.connect(alice)
            for other in ways:
                assert await other.sent_back(alice) == "MAX_CONNECTIONS_EXCEEDED"
            await device.close()
            await until(lambda: not reception(server).connections)


async def test_one_session_alone(dsn: str, alice: User) -> None:
    """With SINGLE_SESSION a connection at another door ends the older one, which is to stay away."""
    async with local_server(dsn, SINGLE_SESSION="true") as server, _all_ways(server) as ways:
        older = await ways[-1].connect(alice)
        for way in ways:
            newer = await way.connect(alice)
            assert (await older.expect("error"))["code"] == "CONFLICT"
            assert await older.ended() == "for good"
            older = newer


async def test_the_end_of_the_process(dsn: str, alice: User) -> None:
    """A process that ends takes leave of everybody, at all doors, and no transport is left."""
    async with local_server(dsn) as server, _all_ways(server) as ways:
        devices = [await way.connect(alice) for way in ways]
        assert server.app is not None
        doors = server.app.open_doors
        assert doors.transports == len(devices)
        await doors.drain(0)
        for device in devices:
            assert await device.ended() == "for now"
        await doors.closed(5)
        assert doors.transports == 0
        assert doors.traffic.sent > 0


@pytest.mark.parametrize("kind", KINDS)
async def test_who_is_online(
    server: Server, kind: type[Way], connect: Connect, alice: User, bob: User
) -> None:
    """Who is connected at any door is online to those at the main one."""
    await opened_by_rest(server, alice, bob, None)
    b = await connect(bob)
    async with kind(server) as way:
        await way.connect(alice)
        change = await b.expect("user:status_changed")
        assert (change["userId"], change["status"]) == (alice.id, "online")
        assert [user["userId"] for user in (await b.do("presence:list"))["users"]] == [alice.id]


async def test_a_block_holds_everywhere(server: Server, alice: User, bob: User) -> None:
    """A conversation that is blocked at the marketplace takes nothing from any door, and everything after it."""
    talk = await opened_by_rest(server, alice, bob, "camera")
    market = AtMarketplace(server, bob, talk)
    main, messaging = AtMain(server, alice, talk), AtMessaging(server, alice, talk)
    for person in (market, main, messaging):
        await person.arrive()
    block = f"/marketplace/api/conversations/{talk.id}/block"
    await market.by_rest("POST", block, {"block": True})
    told = await main.device.expect("chat:conversation_blocked")
    assert (told["blocked"], told["blockedBy"]) == (True, bob.id)
    said = {"conversationId": talk.id, "content": "text"}
    assert (await main.device.refused("chat:message_send", **said))["code"] == "USER_BLOCKED"
    error = await messaging.client.refused("send_private_message", **said)
    assert error["code"] == "USER_BLOCKED"
    await market.by_rest("POST", block, {"block": False})
    message_id = await messaging.say("again")
    assert await market.hear("again") == message_id
    for person in (market, main, messaging):
        await person.go()


async def test_a_group(server: Server, connect: Connect, alice: User, bob: User) -> None:
    """A group of people at the main door and at the messaging system's: messages, mentions and members."""
    a = await connect(alice)
    async with opener(server.url) as at_messaging:
        b = await at_messaging(bob)
        created = await a.do("group:create", title="Team", participantIds=[bob.id])
        talk = created["conversation"]["id"]
        told = await b.expect("group_created")
        assert (told["groupId"], told["groupName"]) == (f"group_{talk}", "Team")
        await a.do("chat:message_send", conversationId=talk, content=f"Hello @{bob.id}")
        message = (await b.expect("new_group_message"))["message"]
        assert (message["groupId"], message["content"]) == (f"group_{talk}", f"Hello @{bob.id}")
        assert (await b.expect("mentioned_in_group"))["messageId"] == message["id"]
        sent = await b.ask(
            "send_group_message", "group_message_sent", groupId=f"group_{talk}", content="Hi"
        )
        got = await a.expect("chat:message_received", lambda m: m["content"] == "Hi")
        assert got["id"] == sent["message"]["id"]
        await b.ask("leave_group", "member_left", groupId=f"group_{talk}")
        assert (await a.expect("group:member_left"))["user"]["user_id"] == bob.id


@pytest.mark.parametrize(
    "path",
    ["/messaging/ws", "/", "/marketplace/ws", "/marketplace/ws/0/hanging-up/websocket", WEBSOCKET],
)
async def test_hanging_up_at_once(
    path: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that asks for a WebSocket and resets at once is nothing to warn of, at any door."""
    host, port = server.url.removeprefix("http://").split(":")
    for turns in range(20):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(handshake(host, path=path))
        # The server is somewhere else each time.
        for _ in range(turns):
            await asyncio.sleep(0)
        writer.transport.abort()
    assert (await request("GET", f"{server.url}/live")).status == 200
    assert [line.getMessage() for line in caplog.records] == []
