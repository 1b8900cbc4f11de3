"""Changes of one message that meet: whoever has the conversation's lock first, wins.

Each race is forced: a transaction holds the lock until the rivals are seen to wait for it, in their order.
"""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.support.device import Device
from tests.support.talks import group_of, history, holding, opened, said, sync, until_waiting

Pool = asyncpg.Pool
Ask = tuple[Device, str, dict[str, Any]]


async def _race(db: "Pool[asyncpg.Record]", conversation_id: str, *asks: Ask) -> list[Any]:
    """The acks of commands that reach the conversation's lock in this order while another holds it."""
    tasks = []
    async with holding(db, conversation_id) as connection:
        for count, (device, command, payload) in enumerate(asks, start=1):
            tasks.append(asyncio.create_task(device.ask(command, payload)))
            await until_waiting(connection, count)
    return await asyncio.gather(*tasks)


def _outcomes(acks: list[Any]) -> list[str]:
    return ["done" if ack["success"] else ack["error"]["code"] for ack in acks]


@pytest.fixture
async def talk(connect: Connect, alice: User, bob: User) -> tuple[Device, Device, str]:
    """Alice, Bob, and their conversation."""
    a, b = await connect(alice), await connect(bob)
    return a, b, await opened(a, bob)


@pytest.mark.parametrize("erase_first", [True, False])
async def test_an_edit_against_an_erase(
    erase_first: bool,
    db: "Pool[asyncpg.Record]",
    connect: Connect,
    talk: tuple[Device, Device, str],
    alice: User,
) -> None:
    """An edit that waits for an erase finds the message gone; one that comes first is erased. No text remains."""
    a, b, conversation_id = talk
    second = await connect(alice)
    sent = await said(a, conversation_id, "one", clientMessageId="id-1")
    edit: Ask = (a, "chat:message_edit", {"messageId": sent["id"], "content": "two"})
    erase: Ask = (second, "chat:message_delete", {"messageId": sent["id"]})
    acks = await _race(db, conversation_id, *((erase, edit) if erase_first else (edit, erase)))
    assert _outcomes(acks) == (["done", "RESOURCE_NOT_FOUND"] if erase_first else ["done", "done"])
    row = await db.fetchrow(
        "SELECT ciphertext, nonce, fingerprint FROM messages WHERE id = $1", UUID(sent["id"])
    )
    assert row is not None
    assert list(row) == [None, None, None]
    assert [name for name, _ in await sync(b, conversation_id, after=2)] == (
        ["chat:message_deleted"] if erase_first else ["chat:message_edited", "chat:message_deleted"]
    )


@pytest.mark.parametrize("request_ids", [False, True])
async def test_two_edits_at_once(
    request_ids: bool,
    db: "Pool[asyncpg.Record]",
    connect: Connect,
    talk: tuple[Device, Device, str],
    alice: User,
) -> None:
    """Of edits made of the same old body all are done, one after the other, and the metadata stay."""
    a, b, conversation_id = talk
    devices = [a, await connect(alice), await connect(alice)]
    sent = await said(a, conversation_id, "zero", metadata={"kept": [1]})
    asks: list[Ask] = [
        (device, "chat:message_edit", {"messageId": sent["id"], "content": f"edit {n}"})
        for n, device in enumerate(devices)
    ]
    if request_ids:
        for n, (_, _, payload) in enumerate(asks):
            payload["requestId"] = f"r-{n}"
    acks = await _race(db, conversation_id, *asks)
    assert _outcomes(acks) == ["done"] * 3
    events = await sync(b, conversation_id, after=2)
    assert [(name, data["seq"]) for name, data in events] == [
        ("chat:message_edited", seq) for seq in (3, 4, 5)
    ]
    (message,) = await history(b, conversation_id)
    assert message["content"] in {"edit 0", "edit 1", "edit 2"}
    assert message["metadata"] == {"kept": [1]}
    # The last one committed is what everyone was shown last.
    for device in (*devices, b):
        last = await device.expect("chat:message_edited", lambda push: push["seq"] == 5)
        assert last["message"] == message


async def test_an_edit_of_another_body_is_stale(
    db: "Pool[asyncpg.Record]", talk: tuple[Device, Device, str], alice: User
) -> None:
    """`edit_message` replaces the body that the new one was made of, and no other."""
    a, _, conversation_id = talk
    sent = await said(a, conversation_id, "one")
    for based_on in (b"another", None):
        row = await db.fetchrow(
            "SELECT verdict, seq FROM edit_message($1, $2, $3, 2::smallint, 'key', 'n', 'sealed')",
            alice.id,
            UUID(sent["id"]),
            based_on,
        )
        assert row is not None
        assert tuple(row) == ("stale", None)
    assert await history(a, conversation_id) == [sent]


@pytest.mark.parametrize("erase_first", [True, False])
async def test_a_reaction_against_an_erase(
    erase_first: bool, db: "Pool[asyncpg.Record]", talk: tuple[Device, Device, str]
) -> None:
    """A reaction never outlives its message, whichever of the two comes first."""
    a, b, conversation_id = talk
    sent = await said(a, conversation_id, "one")
    react: Ask = (b, "chat:reaction_add", {"messageId": sent["id"], "reaction": "👍"})
    erase: Ask = (a, "chat:message_delete", {"messageId": sent["id"]})
    acks = await _race(db, conversation_id, *((erase, react) if erase_first else (react, erase)))
    assert _outcomes(acks) == (["done", "RESOURCE_NOT_FOUND"] if erase_first else ["done", "done"])
    assert (await history(b, conversation_id))[0]["reactions"] == []
    found = await db.fetchval(
        "SELECT count(*) FROM reactions WHERE conversation_id = $1", UUID(conversation_id)
    )
    assert found == 0


async def test_the_same_reaction_twice_at_once(
    db: "Pool[asyncpg.Record]", connect: Connect, talk: tuple[Device, Device, str], alice: User
) -> None:
    """Two devices that toggle one reaction at once, without request ids, set it and take it away."""
    a, b, conversation_id = talk
    second = await connect(alice)
    sent = await said(b, conversation_id, "one")
    payload = {"messageId": sent["id"], "reaction": "👍"}
    acks = await _race(
        db,
        conversation_id,
        (a, "chat:reaction_add", payload),
        (second, "chat:reaction_add", payload),
    )
    assert [ack["removed"] for ack in acks] == [False, True]
    assert [name for name, _ in await sync(b, conversation_id, after=2)] == [
        "chat:reaction_added",
        "chat:reaction_removed",
    ]


@pytest.mark.parametrize("command", ["send", "edit", "react"])
async def test_a_block_beats_what_waits_for_it(
    command: str, db: "Pool[asyncpg.Record]", talk: tuple[Device, Device, str]
) -> None:
    """What waits for the lock of a conversation's block is refused when it commits, and burns no seq."""
    a, b, conversation_id = talk
    sent = await said(a, conversation_id, "one")
    rival: Ask = {
        "send": (a, "chat:message_send", {"conversationId": conversation_id, "content": "two"}),
        "edit": (a, "chat:message_edit", {"messageId": sent["id"], "content": "two"}),
        "react": (a, "chat:reaction_add", {"messageId": sent["id"], "reaction": "👍"}),
    }[command]  # type: ignore[assignment]
    block: Ask = (
        b,
        "chat:conversation_block",
        {"conversationId": conversation_id, "block": True},
    )
    assert _outcomes(await _race(db, conversation_id, block, rival)) == ["done", "USER_BLOCKED"]
    assert [data["seq"] for _, data in await sync(b, conversation_id, after=2)] == [3]


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("chat:message_edit", {"content": "two"}),
        ("chat:message_delete", {}),
        ("chat:reaction_add", {"reaction": "👍"}),
        ("chat:reaction_remove", {}),
    ],
)
async def test_a_removal_beats_a_change_that_waits_for_it(
    command: str,
    more: dict[str, str],
    db: "Pool[asyncpg.Record]",
    connect: Connect,
    alice: User,
    bob: User,
) -> None:
    """Who is removed while their change waits changes nothing any more."""
    group_id = await group_of(db, {alice: "owner", bob: "member"})
    b = await connect(bob)
    sent = await said(b, group_id, "one")
    async with holding(db, group_id) as connection:
        change = asyncio.create_task(b.ask(command, {"messageId": sent["id"], **more}))
        await until_waiting(connection, 1)
        await connection.execute(
            "UPDATE participants SET left_seq = 3 WHERE conversation_id = $1 AND user_id = $2",
            UUID(group_id),
            bob.id,
        )
    assert (await change)["error"]["code"] == "RESOURCE_NOT_FOUND"
    assert (
        await db.fetchval("SELECT last_seq FROM conversations WHERE id = $1", UUID(group_id)) == 2
    )


async def test_deleting_for_oneself_waits_for_nobody(
    db: "Pool[asyncpg.Record]", connect: Connect, talk: tuple[Device, Device, str], bob: User
) -> None:
    """Deleted for oneself from ten places at once it is one event, also while the conversation is locked."""
    a, b, conversation_id = talk
    sent = await said(a, conversation_id, "one")
    second = await connect(bob)
    async with holding(db, conversation_id):
        await asyncio.gather(
            *(
                device.do("chat:message_delete", messageId=sent["id"], deleteForEveryone=False)
                for device in (b, second)
                for _ in range(5)
            )
        )
    for device in (b, second):
        await device.settled()
        assert [push["personalSeq"] for push in device.seen("chat:message_deleted")] == [1]
