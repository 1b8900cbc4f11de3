"""What is not one's own answers as what does not exist: nobody learns of either by asking."""

from typing import Any
from uuid import uuid4

import pytest

from chatserver import schemas
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.table import Command
from chatserver.schemas.wire import Loader, camel
from tests.conftest import Connect, MakeUser, User
from tests.support.http import create_group, open_direct, post, request
from tests.support.servers import Server
from tests.support.tokens import refusal, signed

_NAMING = ("conversation_id", "message_id", "message_ids", "reply_to_message_id")
_COMMANDS = [
    command
    for command in schemas.COMMANDS
    if any(camel(name) in EXAMPLES[command.name] for name in _NAMING)
]


@pytest.mark.parametrize("command", _COMMANDS, ids=lambda command: command.name)
async def test_what_is_not_ones_own(
    command: Command, server: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Of others' conversations and messages, direct or in groups, every command says what it says of none."""
    direct, group = await open_direct(server, alice, bob), await create_group(server, alice, bob)
    stranger = await connect(carol)

    async def answer(conversation_id: str, message_id: str) -> dict[str, Any]:
        named = {
            "conversationId": conversation_id,
            "messageId": message_id,
            "messageIds": [message_id],
            "replyToMessageId": message_id,
        }
        valid = EXAMPLES[command.name]
        payload = {name: named.get(name, value) for name, value in valid.items()}
        if "userId" in payload:
            payload["userId"] = bob.id
        return await stranger.ask(command.name, payload)

    nothing = await answer(str(uuid4()), str(uuid4()))
    for conversation_id in (direct, group):
        message = await post(server, alice, conversation_id, "hello")
        assert await answer(conversation_id, message["id"]) == nothing
    assert nothing["success"] or nothing["error"]["code"] == "RESOURCE_NOT_FOUND"


def test_every_command_that_names_one_is_asked() -> None:
    """A command whose schema names a conversation or a message is among those asked above."""
    for command in schemas.COMMANDS:
        names = {camel(name) for name in Loader(command.takes).fields if name in _NAMING}
        assert not names or command in _COMMANDS, command.name


async def test_who_has_blocked_one(
    server: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Blocking, unblocking and the list of those online say nothing of a block by the other person."""
    device = await connect(alice)
    for other in (bob, carol):
        await device.do("chat:conversation_open", recipientId=other.id)
    await (await connect(bob)).do("user:block", userId=alice.id)
    for name in ("user:block", "user:unblock"):
        acks = [await device.do(name, userId=other.id) for other in (bob, carol)]
        assert acks[0] == acks[1]
    # bob is connected, and carol is not.
    assert (await device.do("presence:list"))["users"] == []


async def test_who_may_not_add_people(
    server: Server, connect: Connect, make_user: MakeUser, alice: User, bob: User, carol: User
) -> None:
    """A member who may add nobody does not learn whether an id is somebody's, or has a block."""
    conversation_id = await create_group(server, alice, bob)
    await (await connect(carol)).do("user:block", userId=bob.id)
    device = await connect(bob)
    errors = [
        await device.refused("group:member_add", conversationId=conversation_id, userId=user_id)
        for user_id in ((await make_user("somebody")).id, carol.id, "nobody", "x" * 64)
    ]
    assert errors[0]["code"] == "PERMISSION_DENIED"
    assert all(error == errors[0] for error in errors)


async def test_whose_token_is_forged(server: Server, alice: User) -> None:
    """A token that does not hold is refused in the same words, whether its user exists or not."""
    secret = b"another secret of more than 32 bytes"
    for claims in ({"secret": secret}, {"exp": -3600}, {"alg": "none"}):
        said = []
        for user_id in (alice.id, "nobody"):
            token = signed(sub=user_id, **claims)  # type: ignore[arg-type]  # each takes its own kind
            said.append(await refusal(server.url, {"token": token}))
            answer = await request("GET", f"{server.url}/api/conversations", User(user_id, token))
            said.append(answer.error)
        assert all(error == said[0] for error in said)


async def test_large_tokens_are_not_looked_at(
    server: Server, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No signature of a token over 8 KiB is computed."""
    looked: list[object] = []
    monkeypatch.setattr("jwt.algorithms.HMACAlgorithm.verify", lambda *seen: looked.append(seen))
    token = signed(sub=alice.id, padding="x" * 7000)
    assert len(token) > 8 * 1024
    await refusal(server.url, {"token": token})
    assert looked == []
    await refusal(server.url, {"token": alice.token})
    assert len(looked) == 1
