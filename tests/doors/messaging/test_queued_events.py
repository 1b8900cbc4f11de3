"""What a client missed comes in ``connected.queuedEvents``: the log from where its user's devices stand."""

from typing import Any

import pytest

from chatserver.log import recovery
from tests.conftest import Connect, User
from tests.support.groups import create
from tests.support.inside import until
from tests.support.messaging import MessagingClient, Opener, Told, lines, opener
from tests.support.servers import Server, local_server
from tests.support.talks import opened, said


def _direct(one: User, other: User) -> str:
    return "conv_" + "_".join(sorted((one.id, other.id)))


async def _joined(join: Opener, user: User) -> tuple[MessagingClient, Told]:
    client = await join.open()
    return client, await client.authenticate(user)


async def _arrived(server: Server, client: MessagingClient) -> None:
    """All that a client was told is known to have arrived; nothing is on its way, and nobody waits for a pong."""
    await client.settled()

    def proven() -> bool:
        return all(
            line.device is None or not (line.device.has_unproven or line._pinged)
            for line in lines(server)
        )

    await until(proven)


async def test_what_was_missed(
    server: Server, join: Opener, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """New messages, changes of them and what happened to groups come together, once, each talk's in order."""
    a = await connect(alice)
    b = await join(bob)
    talk = await opened(a, bob)
    await said(a, talk, "live")
    await b.expect("new_private_message")
    await _arrived(server, b)
    await b.close()
    first = await said(a, talk, "missed")
    await a.do("chat:message_edit", messageId=first["id"], content="reworded")
    second = await said(a, talk, "erased")
    await a.do("chat:reaction_add", messageId=first["id"], reaction="👍")
    await a.do("chat:message_delete", messageId=second["id"])
    group = await create(a, bob, carol)
    client, connected = await _joined(join, bob)
    events: list[dict[str, Any]] = connected["queuedEvents"]
    # A message is shown as it is now, and one that was erased not at all.
    ours = [event for event in events if event.get("conversationId") == _direct(alice, bob)]
    assert [event["type"] for event in ours] == [
        "new_private_message",
        "message_edited",
        "reaction_added",
        "message_deleted",
    ]
    assert ours[0]["message"]["content"] == "reworded"
    # Of what happened within one millisecond in two conversations either may come first.
    (created,) = [event for event in events if event not in ours]
    assert (created["type"], created["groupId"]) == ("group_created", f"group_{group}")
    # It is as if they had been pushed.
    await said(a, talk, "live again")
    told = await client.expect("new_private_message")
    assert told["message"]["content"] == "live again"
    assert client.seen("new_private_message") == []
    await _arrived(server, client)
    await client.close()
    _, connected = await _joined(join, bob)
    assert connected["queuedEvents"] == []


async def test_what_arrived_at_another_door(
    server: Server, join: Opener, connect: Connect, alice: User, bob: User
) -> None:
    """What one device of a person has received is not missed by the next, whichever doors they come by."""
    a, b = await connect(alice), await join(bob)
    talk = await opened(a, bob)
    await said(a, talk, "by the messaging door")
    await b.expect("new_private_message")
    await _arrived(server, b)
    await b.close()
    main = await connect(bob)
    assert main.seen("chat:message_received") == []
    await main.close()
    await said(a, talk, "missed")
    _, connected = await _joined(join, bob)
    assert [event["message"]["content"] for event in connected["queuedEvents"]] == ["missed"]


async def test_too_much(
    dsn: str, connect: Connect, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past so many events a client is told which conversations to reload, by the names that it knows."""
    monkeypatch.setattr(recovery, "MOST_UNASKED", 5)
    async with local_server(dsn) as server, opener(server.url) as join:
        a = await join(alice)
        for number in range(6):
            fields = {"recipientId": bob.id, "content": f"text {number}"}
            await a.ask("send_private_message", "message_sent", **fields)
        main = await connect(alice, server.url)
        group = await create(main, bob)
        _, connected = await _joined(join, bob)
        assert connected["limited"] is True
        assert connected["resync"] == [_direct(alice, bob)]
        assert [event["type"] for event in connected["queuedEvents"]] == ["group_created"]
        assert connected["queuedEvents"][0]["groupId"] == f"group_{group}"


async def test_more_than_one_message_holds(
    dsn: str, connect: Connect, alice: User, bob: User
) -> None:
    """What does not fit into one message comes behind it, in order."""
    async with local_server(dsn, SEND_QUEUE_BYTES="200000") as server, opener(server.url) as join:
        a = await connect(alice, server.url)
        talk = await opened(a, bob)
        for number in range(30):
            await said(a, talk, f"{number:02}" + "x" * 9_000)
        client, connected = await _joined(join, bob)
        queued = [event["message"]["content"][:2] for event in connected["queuedEvents"]]
        assert 0 < len(queued) < 30
        rest = [
            (await client.expect("new_private_message"))["message"]["content"][:2]
            for _ in range(30 - len(queued))
        ]
        assert queued + rest == [f"{number:02}" for number in range(30)]
