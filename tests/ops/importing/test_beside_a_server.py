"""Importing while a server runs and people are connected."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.ops.importing.conftest import new_database
from tests.ops.importing.moved import add_people, history, move, person, rows, talks, texts
from tests.ops.importing.old_messaging import create
from tests.support.device import Device
from tests.support.http import open_direct, post
from tests.support.resuming import Resuming
from tests.support.servers import Server, local_server

ANN, BOB, CID, DAN = map(person, range(1, 5))


@pytest.fixture(scope="module")
async def live(postgres: str, template: str) -> AsyncIterator[tuple[Server, str, str]]:
    """A server, its database, and a source that has a conversation for each of the tests."""
    target = await new_database(postgres, "live_home", template)
    source = await new_database(postgres, "old_live")
    await add_people(target)
    old = await create(source)
    try:
        await old.say("1", 1, "old words", recipient_id=2)
        await old.say("2", 2, "old answer", recipient_id=1)
        await old.say("3", 1, "to cid", recipient_id=3)
        await old.say("4", 1, "to dan", recipient_id=4)
        await old.insert(
            "conversation_deletions", conversation_id="conv_1_4", user_id=1, deleted_at=old.now
        )
        await old.insert("chat_groups", group_id="group_7", group_name="Sailors", created_by=2)
        for user in (1, 2):
            await old.insert("group_members", group_id="group_7", user_id=user, role="member")
        await old.say("5", 2, "ahoy", group_id="group_7")
    finally:
        await old.connection.close()
    async with local_server(target) as server:
        yield server, source, target


async def test_beside_a_server(live: tuple[Server, str, str]) -> None:
    """Connected people hear of each conversation once, and then of what is said in it; nothing old is pushed."""
    server, source, target = live
    opened = await open_direct(server, ANN, BOB)
    used = await open_direct(server, CID, ANN)
    spoken = await post(server, CID, used, "new words")
    device = await Device(server.url, ANN.token).connect()
    away = await Resuming(server.url, BOB.token).connect()
    await away.drop()
    try:
        report = await move("messaging", source, target)
        # What two people have opened gets its history; what they have spoken in is left as it is.
        created = await device.expect(
            "chat:conversation_created",
            lambda push: push["conversationId"] == opened and push["seq"] > 1,
        )
        group = await device.expect("group:created")
        hidden = await device.expect("chat:conversation_deleted")
        said = [push["content"] for name, push in device.pushes if name == "chat:message_received"]
        assert said == ["new words"]
        mine = await talks(server, ANN)
        assert mine["bob"]["last_seq"] == created["seq"]
        assert mine["Sailors"]["id"] == group["conversationId"]
        assert mine["Sailors"]["my_role"] == "member"
        assert texts(await history(server, ANN, opened)) == ["old words", "old answer"]
        assert "dan" not in mine
        with_dan = (await talks(server, DAN))["ann"]
        assert hidden["conversationId"] == with_dan["id"]
        # Said after the import, it comes as it always does.
        posted = await post(server, BOB, opened, "and on")
        pushed = await device.expect(
            "chat:message_received", lambda push: push["id"] == posted["id"]
        )
        assert pushed["seq"] == created["seq"] + 1
        # Cid and Ann have spoken already.
        refused = {ids for those in report.refused.values() for ids in those.ids}
        assert refused == {"3"}
        assert texts(await history(server, ANN, used)) == [spoken["content"]]
    finally:
        await device.close()
    # So does a client that knows its positions exactly, all but those of what was imported.
    mine = {"epoch": device.ready["epoch"], "me": 1, used: 2}
    exact = await Resuming(server.url, ANN.token, positions=mine).connect()
    try:
        assert {opened, group["conversationId"], with_dan["id"]} <= set(exact.ready["resync"])
        assert used not in exact.ready["resync"]
    finally:
        await exact.drop()
    # Who was away reloads what was imported meanwhile, and is sent what was said since by that.
    back = await away.connect()
    try:
        assert back.ready["limited"] is True
        assert {opened, group["conversationId"]} <= set(back.ready["resync"])
    finally:
        await back.drop()


async def test_no_half_conversation(live: tuple[Server, str, str]) -> None:
    """What is imported has its messages from seq to seq without a gap, up to its one event."""
    _, _, target = live
    found = await rows(
        target,
        "SELECT c.id, c.last_number, c.last_message_seq, c.pruned_seq, "
        "array(SELECT m.number FROM messages m WHERE m.conversation_id = c.id ORDER BY m.seq), "
        "array(SELECT m.seq FROM messages m WHERE m.conversation_id = c.id ORDER BY m.seq) "
        "FROM conversations c JOIN imported_conversations i ON i.conversation_id = c.id AND i.messages > 0",
    )
    assert len(found) >= 3
    for talk, last_number, last_seq, pruned, numbers, seqs in found:
        assert isinstance(talk, UUID)
        assert numbers == list(range(1, last_number + 1))
        assert seqs[-1] == last_seq
        old = [seq for seq in seqs if seq <= pruned]
        assert old == list(range(pruned - len(old) + 1, pruned + 1))
