"""What is committed while a client connects, is away, or is in the middle of a replay."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from chatserver.delivery.pushes import Event
from chatserver.log import reader as log_reader
from chatserver.log import recovery
from tests.conftest import Connect, Resume, User
from tests.support.groups import create
from tests.support.resuming import Resuming
from tests.support.servers import local_server
from tests.support.talks import opened, say

Halt = tuple[asyncio.Event, asyncio.Event]


@pytest.fixture
def halted_plan(monkeypatch: pytest.MonkeyPatch) -> Halt:
    """Who connects has asked where their streams stand, and does not have the answer: (asked, go on)."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    plan = recovery.Recovery.plan

    async def halting(
        self: recovery.Recovery, user_id: str, ask: recovery.ResumePoint, **options: bool
    ) -> recovery.Plan:
        planned = await plan(self, user_id, ask, **options)
        asked.set()
        await go_on.wait()
        return planned

    monkeypatch.setattr(recovery.Recovery, "plan", halting)
    return asked, go_on


@pytest.mark.parametrize("kind", ["direct", "group"])
async def test_created_while_its_member_is_connecting(
    kind: str,
    connect: Connect,
    resume: Resume,
    alice: User,
    bob: User,
    halted_plan: Halt,
) -> None:
    """What is committed between the question of where streams stand and its answer is neither lost nor doubled."""
    asked, go_on = halted_plan
    go_on.set()
    a = await connect(alice)
    asked.clear()
    go_on.clear()
    connecting = asyncio.create_task(resume(bob))
    await asked.wait()
    conversation_id = await (opened(a, bob) if kind == "direct" else create(a, bob))
    await say(a, conversation_id, "1", "2", "3")
    go_on.set()
    b = await connecting
    assert b.seqs(conversation_id) == [1, 2, 3, 4]
    await say(a, conversation_id, "4")
    await b.expect("chat:message_received", seq=5)
    assert b.seqs(conversation_id) == [1, 2, 3, 4, 5]


async def test_removed_while_connecting(
    connect: Connect, resume: Resume, alice: User, bob: User, request: pytest.FixtureRequest
) -> None:
    """Who is removed between the question and its answer gets their own removal, and nothing after it."""
    a = await connect(alice)
    group_id = await create(a, bob)
    b = await resume(bob)
    await b.drop()
    halt: Halt = request.getfixturevalue("halted_plan")  # only now: bob has connected once already
    asked, go_on = halt
    connecting = asyncio.create_task(b.connect())
    await asked.wait()
    await a.do("group:member_remove", conversationId=group_id, userId=bob.id)
    await say(a, group_id, "not for bob")
    go_on.set()
    await connecting
    await b.do("system:ping")
    assert (b.seqs(group_id), b.names()[0]) == ([2], "group:member_removed")


async def test_a_link_that_drops_in_the_middle_of_a_replay(
    connect: Connect, resume: Resume, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay carries no offsets: who drops out of it is sent all of it when it comes back."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    b = await resume(bob)
    await b.drop()
    before = b.offset
    await say(a, conversation_id, *map(str, range(30)))
    go_on = asyncio.Event()
    replay = recovery.Recovery.replay

    async def halting(
        self: recovery.Recovery, user_id: str, plan: recovery.Plan, **options: bool
    ) -> AsyncIterator[Sequence[Event]]:
        async for page in replay(self, user_id, plan, **options):
            for event in page:
                if event.seq == 15:
                    await go_on.wait()
                yield [event]

    monkeypatch.setattr(recovery.Recovery, "replay", halting)
    connecting = asyncio.create_task(b.connect())
    await b.expect("chat:message_received", seq=14)
    connecting.cancel()
    assert b.seqs(conversation_id) == list(range(2, 15))
    assert b.offset == before
    await b.drop()
    go_on.set()
    await b.connect()
    assert b.recovered
    assert b.seqs(conversation_id) == list(range(2, 32))


async def test_removed_and_added_again_while_away(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """A replay covers the present membership, and of one that has ended its end alone."""
    a = await connect(alice)
    group_id = await create(a, bob)
    b = await resume(bob)
    await b.drop()
    await say(a, group_id, "2: with bob")
    await a.do("group:member_remove", conversationId=group_id, userId=bob.id)
    await say(a, group_id, "4: without", "5: without")
    await a.do("group:member_add", conversationId=group_id, userId=bob.id)
    await say(a, group_id, "7: with bob")
    await b.connect()
    assert b.recovered
    assert b.seqs(group_id) == [3, 6, 7]
    names = [name for name in b.names() if name.startswith(("group:", "chat:message_"))]
    assert names == ["group:member_removed", "group:member_added", "chat:message_received"]
    await say(a, group_id, "8: live")
    await b.expect("chat:message_received", seq=8)


async def test_what_one_deleted_for_oneself_is_not_replayed(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """What a person deleted for themselves on another device does not come any more; the deletion does."""
    a, other = await connect(alice), await connect(bob)
    conversation_id = await opened(a, bob)
    b = await resume(bob)
    await b.drop()
    await say(a, conversation_id, "kept", "hidden", "kept too")
    hidden = await other.expect("chat:message_received", lambda m: m["content"] == "hidden")
    await other.do("chat:message_delete", messageId=hidden["id"], deleteForEveryone=False)
    await b.connect()
    assert b.seqs(conversation_id) == [2, 4]
    (deleted,) = await b.expect("chat:message_deleted", messageId=hidden["id"])
    assert (deleted["deleteForEveryone"], deleted["personalSeq"]) == (False, 1)


async def test_an_erased_message_is_replayed_as_a_tombstone(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """A replayed message is shown as it is now: erased meanwhile, it comes without its content."""
    a = await connect(alice)
    conversation_id = await opened(a, bob)
    b = await resume(bob)
    await b.drop()
    sent = await a.do("chat:message_send", conversationId=conversation_id, content="gone")
    await a.do("chat:message_delete", messageId=sent["messageId"])
    await b.connect()
    (message,) = await b.expect("chat:message_received", seq=2)
    assert (message["content"], message["is_deleted"]) == (None, True)
    await b.expect("chat:message_deleted", seq=3)


async def test_membership_rides_the_log_without_a_bell(
    dsn: str,
    connect: Connect,
    alice: User,
    bob: User,
    carol: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With no Redis at all, a process learns of joins, removals and messages from the log, in their order."""
    monkeypatch.setattr(log_reader, "CALM", 0.1)
    async with local_server(dsn) as here, local_server(dsn) as there:
        a = await connect(alice, here.url)
        b, c = await connect(bob, there.url), await connect(carol, there.url)
        group_id = await create(a, bob, carol)
        for device in (b, c):
            await device.expect("group:created")
        await say(a, group_id, "for both")
        await a.do("group:member_remove", conversationId=group_id, userId=bob.id)
        await say(a, group_id, "for carol")
        await c.expect("chat:message_received", lambda m: m["content"] == "for carol")
        await b.settled()
        names = [name for name, _ in b.pushes if name.startswith(("group:", "chat:message_r"))]
        assert names == ["chat:message_received", "group:member_removed"]
        await a.do("group:member_add", conversationId=group_id, userId=bob.id)
        await b.expect("group:member_added")
        await say(a, group_id, "for both again")
        await b.expect("chat:message_received", lambda m: m["content"] == "for both again")


async def test_a_heartbeat_proves_what_was_received(
    dsn: str, alice: User, bob: User, connect: Connect
) -> None:
    """A pong proves what was sent before its ping: a client that acknowledges nothing is not sent it again."""
    async with local_server(dsn, KEEP_ALIVE_TIMEOUT="2000") as server:
        a = await connect(alice, server.url)
        b = await Resuming(server.url, bob.token, recovery=False).connect()
        conversation_id = await opened(a, bob)
        await say(a, conversation_id, "1", "2")
        update = await a.expect("chat:message_status_updated")
        assert (update["status"], update["deliveredBy"], update["upToSeq"]) == (
            "delivered",
            bob.id,
            3,
        )
        await b.drop()
        await say(a, conversation_id, "3")
        await b.connect()
        assert b.seqs(conversation_id) == [4]
        await b.drop()
