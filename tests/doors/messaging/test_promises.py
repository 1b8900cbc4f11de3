"""What holds at every door holds at this one, and is said in its words (see also `tests/scenarios`)."""

import asyncio

import aiohttp
import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.groups import create
from tests.support.http import open_direct
from tests.support.limits import stop_the_clock
from tests.support.messaging import PATH, Opener, opener
from tests.support.patience import PATIENCE
from tests.support.servers import Server, local_server
from tests.support.talks import holding, opened, said
from tests.support.wire import TEXT, Wire, frame, handshake


async def test_too_many_messages(dsn: str, alice: User, bob: User) -> None:
    """Past MESSAGE_RATE_LIMIT a message is refused with the document's words, and what is asked besides is not."""
    async with (
        local_server(dsn, MESSAGE_RATE_LIMIT="3") as server,
        opener(server.url) as join,
    ):
        stop_the_clock(server)
        a = await join(alice)
        for _ in range(3):
            await a.ask("send_message", "message_sent", recipientId=bob.id, content="text")
        error = await a.refused("send_message", recipientId=bob.id, content="text")
        retry_after = error.pop("retryAfter")
        assert 0 < retry_after <= 60
        assert error == {
            "type": "error",
            "message": "Rate limit exceeded",
            "details": "You are sending messages too quickly. Please wait before sending another message.",
            "code": "RATE_LIMIT_EXCEEDED",
        }
        await a.ask("get_online_users", "online_users")


async def test_unknown_fields_in_production(dsn: str, alice: User) -> None:
    """In production an unknown field is ignored, one that only the main door's command has among them."""
    origin = "https://app.example.com"
    async with (
        local_server(dsn, APP_ENV="production", CORS_ALLOWED_ORIGINS=origin) as server,
        opener(server.url) as join,
    ):
        a = await join(alice)
        told = await a.ask("create_group", "group_created", groupName="A", title="B", colour="red")
        assert told["group"]["groupName"] == "A"
        assert server.app is not None
        assert server.app.gate.ignored_fields == {"group:create": 1}


async def test_who_heeds_no_limit(dsn: str, alice: User) -> None:
    """A connection that goes on asking past ten times its limit is closed with 1008."""
    async with (
        local_server(dsn, COMMAND_RATE_LIMIT="1", MESSAGE_RATE_LIMIT="1") as server,
        opener(server.url) as join,
    ):
        stop_the_clock(server)
        a = await join(alice)
        for _ in range(20):
            await a.say("get_online_users")
        assert (await a.ended())[0] == 1008


async def test_who_is_removed(join: Opener, connect: Connect, alice: User, bob: User) -> None:
    """Whoever is removed from a group is told so, and nothing more of it; and may ask nothing of it."""
    a, b = await connect(alice), await join(bob)
    group = await create(a, bob)
    await b.expect("group_created")
    await a.do("group:member_remove", conversationId=group, userId=bob.id)
    await said(a, group, "behind their back")
    removed = await b.expect("member_removed")
    assert (removed["groupId"], removed["removedBy"]) == (f"group_{group}", alice.id)
    error = await b.refused("get_group_messages", groupId=f"group_{group}")
    assert error["code"] == "RESOURCE_NOT_FOUND"
    await b.settled()
    assert b.told_else == []


async def test_who_may_do_what(join: Opener, connect: Connect, alice: User, bob: User) -> None:
    """A member of a group without the right to it is refused with PERMISSION_DENIED."""
    a, b = await connect(alice), await join(bob)
    group = f"group_{await create(a, bob)}"
    for type_, fields in (
        ("update_group_info", {"groupName": "Mine"}),
        ("send_announcement", {"content": "Hear, hear"}),
        ("remove_group_member", {"userId": alice.id}),
        ("promote_member", {"userId": bob.id}),
        ("delete_group", {}),
    ):
        error = await b.refused(type_, groupId=group, **fields)
        assert error["code"] == "PERMISSION_DENIED", type_


async def test_what_is_done_after_all(
    server: Server, dsn: str, db: "asyncpg.Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """A message that was answered UNAVAILABLE and is posted after all is told to its sender, too."""
    talk = await open_direct(server, alice, bob)
    async with local_server(dsn, COMMAND_TIMEOUT="100") as hasty, opener(hasty.url) as join:
        a = await join(alice)
        async with holding(db, talk):
            error = await a.refused("send_private_message", recipientId=bob.id, content="late")
            assert error["code"] == "UNAVAILABLE"
        told = await a.expect("new_private_message")
        assert told["message"]["content"] == "late"


async def test_an_old_message(
    join: Opener, db: "asyncpg.Pool[asyncpg.Record]", alice: User, bob: User
) -> None:
    """A message of more than five minutes ago is not reworded, and that is said in the document's words."""
    a = await join(alice)
    sent = await a.ask("send_message", "message_sent", recipientId=bob.id, content="text")
    await db.execute(
        "UPDATE messages SET created_at = created_at - interval '301 s' WHERE id = $1",
        sent["messageId"],
    )
    error = await a.refused("edit_message", messageId=sent["messageId"], content="other")
    assert error == {
        "type": "error",
        "message": "Edit window expired",
        "details": "Messages can only be edited within 5 minutes of sending.",
        "code": "EDIT_WINDOW_EXPIRED",
    }


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ((frame(2, b"binary"),), 1003),
        ((frame(TEXT, b"\xff\xfe"),), 1007),
        ((frame(TEXT, b"x" * 2_000_000),), 1009),
        ((frame(3, b""),), 1002),
    ],
)
async def test_frames_that_are_no_messages(
    server: Server, frames: tuple[bytes, ...], code: int
) -> None:
    """What is no text closes the connection with the code that says so."""
    async with Wire(server.url) as wire:
        await wire.send(handshake(wire.host, path=PATH))
        await wire.head()
        await wire.receive()
        for each in frames:
            await wire.send(each)
        assert await wire.close_code() == code


async def test_deflated(dsn: str, connect: Connect, alice: User, bob: User) -> None:
    """Where messages are deflated (WS_COMPRESSION) all is as it is, several told at once among it."""
    async with (
        local_server(dsn, WS_COMPRESSION="true") as server,
        aiohttp.ClientSession() as http,
    ):
        plain = Opener(http, server.url)
        a = await plain.open(compress=15)
        await a.authenticate(alice)
        for number in range(30):
            await a.ask(
                "send_message", "message_sent", recipientId=bob.id, content=f"text {number}"
            )
        b = await connect(bob, server.url)
        talk = await opened(b, alice)
        await b.do("chat:message_read", conversationId=talk, upToSeq=1_000)
        for _ in range(30):
            await a.expect("message_read")
        await plain.close()


async def test_two_processes(
    two_processes: tuple[Server, Server], connect: Connect, alice: User, bob: User
) -> None:
    """What happens on one process is told on the other, in the same words."""
    here, there = two_processes
    async with opener(here.url) as join:
        a, b = await join(alice), await join(bob, there.url)
        sent = await a.ask("send_message", "message_sent", recipientId=bob.id, content="Hello")
        told = await b.expect("new_private_message")
        assert told["message"] == sent["message"]
        await b.ask("mark_message_read", "message_read", messageId=sent["messageId"])
        assert (await a.expect("message_read"))["conversationId"] == told["conversationId"]
        await b.ask("add_reaction", "reaction_added", messageId=sent["messageId"], reaction="👍")
        assert (await a.expect("reaction_added"))["conversationId"] == told["conversationId"]
        await a.say("typing", recipientId=bob.id, isTyping=True)
        assert (await b.expect("user_typing"))["conversationId"] == told["conversationId"]
        for number in range(201):
            await a.say("send_message", recipientId=bob.id, content=f"text {number}")
        ids = [(await a.expect("message_sent"))["messageId"] for _ in range(201)]
        main = await connect(bob, there.url)
        talk = await opened(main, alice)
        await main.do("chat:message_read", conversationId=talk, upToSeq=1_000)
        told_of = {(await a.expect("message_read"))["messageId"] for _ in range(202)}
        assert told_of == {sent["messageId"], *ids}
        b.told.clear()
        created = await a.ask(
            "create_group", "group_created", groupName="Both", initialMembers=[bob.id]
        )
        group = created["group"]["groupId"]
        assert (await b.expect("group_created"))["groupId"] == group
        await a.ask("send_group_message", "group_message_sent", groupId=group, content=f"@{bob.id}")
        assert (await b.expect("mentioned_in_group"))["groupId"] == group
        assert (await b.expect("new_group_message"))["message"]["groupId"] == group
        await asyncio.wait_for(a.close(), PATIENCE)
