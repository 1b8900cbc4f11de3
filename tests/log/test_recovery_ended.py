"""Of a membership that has ended only its end is replayed, whatever its client says of where it stands."""

from collections.abc import Sequence
from typing import Any

import pytest

from chatserver.delivery.pushes import Event
from chatserver.log import reader as log_reader
from chatserver.log.log import LogRow
from tests.conftest import Connect, Resume, User
from tests.support.device import Device
from tests.support.groups import create
from tests.support.inside import reception
from tests.support.resuming import Resuming
from tests.support.servers import Server, local_server
from tests.support.talks import said

_ENDS = {"removed": "group:member_removed", "left": "group:member_left", "deleted": "group:deleted"}


async def _end(how: str, owner: Device, member: Device, group_id: str, user: User) -> None:
    if how == "removed":
        await owner.do("group:member_remove", conversationId=group_id, userId=user.id)
    elif how == "left":
        await member.do("group:leave", conversationId=group_id)
    else:
        await owner.do("group:delete", conversationId=group_id)


def _of(client: Resuming, group_id: str) -> list[tuple[str, int]]:
    return [
        (name, arguments[0]["seq"])
        for name, arguments in client.events
        if arguments and arguments[0].get("conversationId") == group_id and "seq" in arguments[0]
    ]


@pytest.mark.parametrize("how", _ENDS)
@pytest.mark.parametrize("by", ["positions", "since", "offset", "nothing", "unlisted"])
async def test_only_the_end(
    how: str, by: str, connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """By positions, an old `since`, the own old offset or none of them: the end comes, and no text."""
    a, other = await connect(alice), await connect(bob)
    since = (await other.do("chat:conversation_list"))["offset"]
    b = await resume(bob)
    group_id = await create(a, bob)
    message_id = (await said(a, group_id, "said while a member"))["id"]
    await b.expect("chat:message_received", seq=2)
    await b.drop()
    await _end(how, a, other, group_id, bob)
    if how != "deleted":
        await a.do("chat:message_edit", messageId=message_id, content="edited after the end")
    stated: dict[str, Any] = {
        "positions": {"positions": {"epoch": b.ready["epoch"], group_id: 0}},
        "unlisted": {"positions": {"epoch": b.ready["epoch"], "me": 0}},
        "since": {"since": since},
        "offset": {},
        "nothing": {},
    }[by]
    if by != "offset":
        b.pid = b.offset = None
    await b.connect(**stated)
    ends = [] if by == "unlisted" else [(_ENDS[how], 3)]
    assert _of(b, group_id) == ends, b.events
    assert group_id not in b.ready["resync"]
    assert "while a member" not in str(b.events)
    assert "after the end" not in str(b.events)
    assert (await b.ask("chat:sync", conversationId=group_id, afterSeq=0))["error"]["code"] == (
        "RESOURCE_NOT_FOUND"
    )


async def test_each_end_of_many_memberships(
    connect: Connect, resume: Resume, alice: User, bob: User
) -> None:
    """Who was added and removed three times hears of three ends, in their order, and of nothing between them."""
    a = await connect(alice)
    b = await resume(bob)
    epoch = b.ready["epoch"]
    await b.drop()
    group_id = await create(a)
    for turn in range(3):
        await a.do("group:member_add", conversationId=group_id, userId=bob.id)
        await said(a, group_id, f"said {turn}")
        await a.do("group:member_remove", conversationId=group_id, userId=bob.id)
    await b.connect(positions={"epoch": epoch, group_id: 0})
    removed = "group:member_removed"
    assert _of(b, group_id) == [(removed, 4), (removed, 7), (removed, 10)]
    assert "said" not in str(b.events)


async def test_removed_while_the_replay_is_read(
    connect: Connect,
    resume: Resume,
    alice: User,
    bob: User,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever is removed while being told what they missed is told nothing as it stands after that."""
    a = await connect(alice)
    group_id = await create(a, bob)
    b = await resume(bob)
    await b.drop()
    message_id = (await said(a, group_id, "said"))["id"]
    log = reception(server)._recovery._log
    shown_to = log.shown_to

    async def removed_meanwhile(
        user_id: str, rows: Sequence[LogRow], **options: bool
    ) -> list[Event]:
        assert [row.row["seq"] for row in rows] == [2]
        await a.do("group:member_remove", conversationId=group_id, userId=bob.id)
        await a.do("chat:message_edit", messageId=message_id, content="edited after the end")
        return await shown_to(user_id, rows, **options)

    monkeypatch.setattr(log, "shown_to", removed_meanwhile)
    await b.connect()
    assert _of(b, group_id) == [("group:member_removed", 3)]
    assert "after the end" not in str(b.events)


async def test_a_removal_heard_of_late(
    dsn: str,
    connect: Connect,
    alice: User,
    bob: User,
    carol: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that learns it all from the log tells whoever was removed no text that was changed since."""
    monkeypatch.setattr(log_reader, "CALM", 0.1)
    async with local_server(dsn) as here, local_server(dsn) as there:
        a, c = await connect(alice, here.url), await connect(carol, there.url)
        b = await connect(bob, there.url)
        assert there.app is not None
        reader = there.app.log_reader
        await reader.stop()
        group_id = await create(a, bob, carol)
        message_id = (await said(a, group_id, "said"))["id"]
        await a.do("group:member_remove", conversationId=group_id, userId=bob.id)
        await a.do("chat:message_edit", messageId=message_id, content="edited after the end")
        await reader.read()
        await c.expect("chat:message_edited")
        await b.settled()
        named = [name for name, data in b.pushes if (data or {}).get("conversationId") == group_id]
        assert named == ["group:member_removed"]
        assert "edited after the end" in str(c.pushes)
        assert "after the end" not in str(b.pushes)
