"""Whatever a client sends: one answer, VALIDATION_ERROR naming the field, and the connection lives on."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chatserver import schemas
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.table import Command
from chatserver.schemas.wire import Loader, camel
from tests.conftest import User
from tests.support.hostile import TOO_DEEP, bad_items, bad_values, with_field
from tests.support.raw import Raw, raw_client
from tests.support.servers import Server, local_server

EVERY_COMMAND = pytest.mark.parametrize("command", schemas.COMMANDS, ids=lambda c: c.name)
# What a payload without a mistake may be refused for: nobody is there, or no token is given away.
_NO_MISTAKE = ("RESOURCE_NOT_FOUND", "AUTH_FAILED")
ID = "0190a6e0-0000-7000-8000-000000000000"


@pytest.fixture
async def raw(server: Server, alice: User) -> AsyncIterator[Raw]:
    """A connected device that is as good as new in the end."""
    async with raw_client(server.url, alice.token) as connected:
        yield connected
        await connected.works()


async def refused_fields(raw: Raw, name: str, payload: str) -> set[str]:
    """The fields that a VALIDATION_ERROR names, each with a reason for people."""
    error = await raw.refused(name, payload)
    assert error["code"] == "VALIDATION_ERROR", (name, payload[:200], error)
    assert error["retryable"] is False
    for reasons in error["fields"].values():
        assert reasons
        assert all(isinstance(reason, str) and reason for reason in reasons)
    return set(error["fields"])


def whole(fields: set[str]) -> set[str]:
    """The fields of the payload that are named, by themselves or by an item.

    How deep a value may be nested until nothing more than its field can be told differs between Pythons.
    """
    return {field.partition(".")[0] for field in fields}


@EVERY_COMMAND
async def test_valid_payloads_are_accepted(raw: Raw, command: Command) -> None:
    """The example that the bad payloads are made of passes its schema, so that nothing else is refused in them."""
    answer = await raw.ask(command.name, json.dumps(EXAMPLES[command.name]))
    assert answer["success"] or answer["error"]["code"] in _NO_MISTAKE, answer


@EVERY_COMMAND
async def test_bad_values_are_refused_by_name(raw: Raw, command: Command) -> None:
    """A value that is wrong, too long, too big or hostile is refused, naming its field and no other."""
    valid = EXAMPLES[command.name]
    for name, field in Loader(command.takes).fields.items():
        for value in bad_values(field):
            payload = with_field(valid, camel(name), value)
            assert await refused_fields(raw, command.name, payload) == {camel(name)}, payload[:200]
        for position, value in bad_items(field):
            payload = with_field(valid, camel(name), value)
            wrong = await refused_fields(raw, command.name, payload)
            assert wrong == {f"{camel(name)}.{position}"}, payload[:200]


@EVERY_COMMAND
async def test_missing_fields_are_named(raw: Raw, command: Command) -> None:
    """Each required field that is missing is named."""
    required = {camel(n) for n, field in Loader(command.takes).fields.items() if field.required}
    for name in required:
        rest = {k: v for k, v in EXAMPLES[command.name].items() if k != name}
        assert await refused_fields(raw, command.name, json.dumps(rest)) == {name}
    if required:
        assert await refused_fields(raw, command.name, "{}") == required


@EVERY_COMMAND
async def test_nesting_beyond_reading_is_refused(raw: Raw, command: Command) -> None:
    """JSON nested 2,000 deep, in a field, unknown or as the payload, is refused and not unanswered."""
    valid = EXAMPLES[command.name]
    for name in (*map(camel, Loader(command.takes).fields), "unknown"):
        wrong = await refused_fields(raw, command.name, with_field(valid, name, TOO_DEEP))
        assert whole(wrong) in ({"payload"}, {name})
    assert await refused_fields(raw, command.name, TOO_DEEP) == {"payload"}


@EVERY_COMMAND
async def test_unknown_fields_are_refused_by_name(raw: Raw, command: Command) -> None:
    """In development an unknown field is refused, naming it, whatever it is called and holds."""
    names = {"colour": "colour", "__proto__": "__proto__", "": "", "a\0b": "a\0b", "\ud800": "?"}
    names["x" * 10_000] = "x" * 64
    for name, shown in names.items():
        for value in ("1", "null", "NaN", '"\\ud800"', "[[[[]]]]", "9" * 400):
            payload = with_field(EXAMPLES[command.name], name, value)
            assert await refused_fields(raw, command.name, payload) == {shown}


@EVERY_COMMAND
async def test_a_payload_is_one_object(raw: Raw, command: Command) -> None:
    """A payload that is no object, or two of them, or none where fields are required, is refused."""
    name = command.name
    for payload in ("[]", "[{}]", '"{}"', "5", "1.5", "true", "NaN", "1e400", '"\\ud800"'):
        assert await refused_fields(raw, name, payload) == {"payload"}
    assert await refused_fields(raw, name, "{},{}") == {"payload"}
    assert await refused_fields(raw, name, "null,null") == {"payload"}
    required = {camel(n) for n, field in Loader(command.takes).fields.items() if field.required}
    for packet in (f'42{{id}}["{name}"]', f'42{{id}}["{name}",null]'):
        (answer,) = json.loads(await raw.ack(packet))
        if required:
            assert set(answer["error"]["fields"]) == required
        else:
            assert answer["success"] or not EXAMPLES[name] or answer["error"]["fields"]


@EVERY_COMMAND
async def test_either_casing_is_accepted(raw: Raw, command: Command) -> None:
    """A field is read in camelCase and snake_case, in both where they agree, and refused where they differ."""
    valid = EXAMPLES[command.name]
    for name in Loader(command.takes).fields:
        if name == camel(name) or camel(name) not in valid:
            continue
        value = valid[camel(name)]
        snake_cased = {**{k: v for k, v in valid.items() if k != camel(name)}, name: value}
        for payload in (snake_cased, {**valid, name: value}):
            answer = await raw.ask(command.name, json.dumps(payload))
            assert answer["success"] or answer["error"]["code"] in _NO_MISTAKE, answer
        for other in ('"other"', "NaN", "[" * 900 + "]" * 900):
            both = with_field(valid, name, other)
            assert await refused_fields(raw, command.name, both) == {camel(name)}
        deep = "[" * 1000 + "]" * 1000
        twice = with_field({}, name, deep)[:-1] + "," + with_field({}, camel(name), deep)[1:]
        assert camel(name) in whole(await refused_fields(raw, command.name, twice))


SEND: dict[str, Any] = EXAMPLES["chat:message_send"]


@pytest.mark.parametrize(
    ("name", "payload", "wrong"),
    [
        ("chat:message_send", {}, {"conversationId", "content"}),
        ("chat:message_send", {**SEND, "contentEncrypted": "x"}, {"contentEncrypted"}),
        ("chat:message_send", {**SEND, "productId": "1"}, {"productId"}),
        ("chat:message_read", {}, {"messageId"}),
        ("chat:message_read", {"conversationId": ID}, {"messageId"}),
        ("chat:message_read", {"upToSeq": 1}, {"conversationId"}),
        ("chat:message_read", {"messageId": ID, "messageIds": [ID]}, {"messageIds"}),
        (
            "chat:message_delivered",
            {"messageId": ID, "conversationId": ID, "upToSeq": 1},
            {"upToSeq"},
        ),
        (
            "chat:history",
            {"conversationId": ID, "beforeSeq": 1, "offset": 0, "afterSeq": 1},
            {"beforeSeq", "afterSeq"},
        ),
    ],
)
async def test_contradictions_are_named(
    raw: Raw, name: str, payload: dict[str, Any], wrong: set[str]
) -> None:
    """Fields that are right by themselves and wrong together are refused, naming the one too much or missing."""
    assert await refused_fields(raw, name, json.dumps(payload)) == wrong


async def test_all_that_is_wrong_is_said_at_once(raw: Raw) -> None:
    """A payload with several wrong fields is told all of them, so that nobody mends one at a time."""
    payload = {"conversationId": 5, "content": "", "messageType": "x", "what": 1}
    wrong = await refused_fields(raw, "chat:message_send", json.dumps(payload))
    assert wrong == set(payload)


async def test_a_failure_without_an_ack_is_pushed(raw: Raw) -> None:
    """A command that fails and was sent without an ack callback gets the push `error` with the same error."""
    error = await raw.refused("chat:typing", "{}")
    await raw.frame('42["chat:typing",{}]')
    assert await raw.push("error") == error
    await raw.frame('42["no:such",{}]')
    assert (await raw.push("error"))["code"] == "UNKNOWN_COMMAND"
    await raw.frame('42["system:ping",{},{}]')
    assert list((await raw.push("error"))["fields"]) == ["payload"]
    await raw.frame('42["system:ping",{}]')
    await raw.works()
    assert raw.pushes == []


async def test_production_ignores_and_counts_unknown_fields(dsn: str, alice: User) -> None:
    """In production an unknown field is ignored and counted, so that a newer client survives a rolling deploy."""
    origin = "https://app.example.com"
    async with (
        local_server(dsn, APP_ENV="production", CORS_ALLOWED_ORIGINS=origin) as server,
        raw_client(server.url, alice.token) as raw,
    ):
        for value in ("1", "null", "NaN", '"\\ud800"'):
            assert (await raw.ask("system:ping", f'{{"colour":{value},"a\\ud800":1}}'))["success"]
        assert server.app is not None
        assert server.app.gate.ignored_fields == {"system:ping": 8}
        assert await refused_fields(raw, "chat:typing", '{"colour":1}') == {
            "conversationId",
            "isTyping",
        }
