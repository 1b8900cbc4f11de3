"""Whatever a client sends: one answer that names what is wrong, and the connection lives on."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from marshmallow import fields

from chatserver import schemas
from chatserver.doors.messaging.asks import ROWS
from chatserver.doors.messaging.reading import Kind, kinds
from chatserver.doors.words import Ask
from chatserver.schemas.fields import UserId
from chatserver.schemas.wire import Loader, snake
from tests.conftest import User
from tests.support.hostile import TOO_DEEP, bad_items, bad_values, with_field
from tests.support.messaging import MessagingClient, Opener

_ID = "0190a6e0-0000-7000-8000-000000000000"
_COMMANDS = {command.name: command for command in schemas.COMMANDS}
# What a message without a mistake may be refused for: nobody is there, or no token is given away.
_NO_MISTAKE = ("RESOURCE_NOT_FOUND", "AUTH_FAILED")
# A value for each field, by its name.
_VALUES: dict[str, Any] = {
    "recipientId": "nobody-1",
    "conversationId": _ID,
    "groupId": f"group_{_ID}",
    "messageId": _ID,
    "replyToMessageId": _ID,
    "userId": "nobody-1",
    "content": "text",
    "clientMessageId": "one",
    "requestId": "one",
    "messageType": "text",
    "metadata": {"a": 1},
    "isTyping": True,
    "deleteForEveryone": True,
    "reaction": "👍",
    "groupName": "Name",
    "groupDescription": "Words",
    "initialMembers": ["nobody-1"],
    "maxMembers": 5,
    "limit": 20,
    "offset": 0,
    "token": "nonsense",
}
EVERY_ASK = pytest.mark.parametrize("ask", ROWS, ids=lambda ask: ask.type)


def valid(ask: Ask) -> dict[str, Any]:
    """A message of a type with no mistake in it; each change has an id of its own where there is one."""
    names = [name for name in kinds(ask) if name in _VALUES]
    if "recipientId" in names and kinds(ask)["recipientId"] == "plain":
        names = [name for name in names if name != "conversationId"]
    return {"type": ask.type, **{name: _VALUES[name] for name in names}}


def _field(ask: Ask, name: str) -> fields.Field[Any]:
    """How the command reads what a field becomes."""
    ours = next(ours for ours, theirs in ask.takes.items() if theirs == name)
    return Loader(_COMMANDS[ask.command].takes).fields[snake(ours)]


def _bad(ask: Ask, name: str, kind: Kind) -> Iterator[str]:
    """JSON texts that a field must refuse under its own name."""
    if kind == "repeated":
        yield from ("5", "true", "[]", "{}", '"nonsense"', '"\\ud800"', '"conv_1"', '"group_1"')
        return
    field = UserId(required=True) if kind == "with" else _field(ask, name)
    for text in bad_values(field):
        # Whole numbers are cut to their bounds.
        if kind != "clamped" or not text.lstrip("-").isdigit():
            yield text


@pytest.fixture
async def client(join: Opener, alice: User) -> AsyncIterator[MessagingClient]:
    """A connection that is as good as new in the end."""
    client = await join(alice)
    yield client
    await client.settled()
    assert client.told == []


async def _refused(client: MessagingClient, text: str) -> set[str]:
    """The fields that a refusal names."""
    await client.text(text)
    told = await client.expect_any("error", "auth_error")
    assert told["code"] == "VALIDATION_ERROR", (text[:200], told)
    assert told["message"] == "Invalid input"
    assert "Traceback" not in told["details"]
    if told["type"] == "auth_error":
        return {told["details"].partition(":")[0]}
    for name, reasons in told["fields"].items():
        assert reasons
        assert name in told["details"]
    return set(told["fields"])


@EVERY_ASK
async def test_valid_messages_are_accepted(client: MessagingClient, ask: Ask) -> None:
    """The messages that the bad ones are made of have no mistake, so that nothing else is refused in them."""
    await client.text(json.dumps(valid(ask)))
    if ask.answer is not None:
        told = await client.expect_any("error", "auth_error", ask.answer)
        assert told["type"] == ask.answer or told["code"] in _NO_MISTAKE, told


@EVERY_ASK
async def test_bad_values_are_refused_by_name(client: MessagingClient, ask: Ask) -> None:
    """A value that is wrong, too long, too big or hostile is refused, naming its field and no other."""
    good = valid(ask)
    for name, kind in kinds(ask).items():
        for text in _bad(ask, name, kind):
            wrong = await _refused(client, with_field(good, name, text))
            assert wrong == {name}, (name, text[:100], wrong)
        if kind == "plain":
            for position, text in bad_items(_field(ask, name)):
                wrong = await _refused(client, with_field(good, name, text))
                assert wrong == {f"{name}.{position}"}, (name, text[:100], wrong)


@EVERY_ASK
async def test_missing_fields_are_named(client: MessagingClient, ask: Ask) -> None:
    """Each required field that is missing is named."""
    required = {
        theirs
        for ours, theirs in ask.takes.items()
        if isinstance(theirs, str)
        and Loader(_COMMANDS[ask.command].takes).fields[snake(ours)].required
    }
    if required:
        assert await _refused(client, json.dumps({"type": ask.type})) == required


@EVERY_ASK
async def test_unknown_fields_are_refused_by_name(client: MessagingClient, ask: Ask) -> None:
    """In development an unknown field is refused by name, one that only the main door's command has among them."""
    good = valid(ask)
    known = kinds(ask)
    ours = set(Loader(_COMMANDS[ask.command].takes).fields) - {snake(name) for name in known}
    for name in ("colour", "__proto__", *ours):
        assert await _refused(client, with_field(good, name, "1")) == {name}


@EVERY_ASK
async def test_either_casing_is_accepted(client: MessagingClient, ask: Ask) -> None:
    """A field is read in either casing, and refused where the two differ."""
    good = valid(ask)
    for name in good:
        if name != snake(name):
            both = with_field(good, snake(name), '"something else"')
            assert await _refused(client, both) == {name}


@pytest.mark.parametrize(
    "text",
    [
        "", "no JSON", "{", "[]", "5", "null", '"ping"', "{}", '{"type":5}', '{"type":null}', TOO_DEEP,
        '{"type":"ping"}{"type":"ping"}', "NaN", '{"type":["ping"]}', '{"type":{}}',
    ],
)  # fmt: skip
async def test_what_is_no_message(client: MessagingClient, text: str) -> None:
    """What is no object with a type is refused, and the connection lives on."""
    wrong = await _refused(client, text)
    assert wrong in ({"message"}, {"type"})


@pytest.mark.parametrize(
    "type_", ["nonsense", "", "chat:message_send", "Ping", "\ud800", "x" * 10_000]
)
async def test_unknown_types(client: MessagingClient, type_: str) -> None:
    """A type that is none, a command of the main door among them, is refused."""
    await client.text(json.dumps({"type": type_}))
    told = await client.expect("error")
    assert (told["code"], told["message"]) == ("UNKNOWN_COMMAND", "Unknown message type")


@EVERY_ASK
async def test_names_that_nothing_has(client: MessagingClient, ask: Ask, alice: User) -> None:
    """A name in the messaging system's spelling that nothing has is refused, and the connection lives on."""
    names = (
        f"conv_{alice.id}_{'9' * 5_000}",
        f"conv_{alice.id}_{'x' * 65}",
        f"conv_{alice.id}_\ud800",
        f"conv_{alice.id}_a_b",
        f"conv_{alice.id}_{alice.id}",
        "conv_a_b_c",
        "msg_\ud800",
        f"msg_{'x' * 256}",
        f"group_{'9' * 5_000}",
    )
    # Typing to nobody is answered by nothing.
    has = kinds(ask) if ask.type != "typing" else {}
    for field in ("conversationId", "groupId", "messageId", "recipientId"):
        for name in names if field in has else ():
            await client.text(json.dumps({**valid(ask), field: name}))
            told = await client.expect_any("error", "private_messages")
            assert told.get("code") in (None, "VALIDATION_ERROR", *_NO_MISTAKE)
