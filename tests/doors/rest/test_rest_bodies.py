"""Bodies that are wrong: always 400 or 413 with our error object, never 500."""

import gzip
from collections.abc import AsyncIterator

import pytest

from tests.conftest import User
from tests.support.http import Answer, ok, open_direct, request
from tests.support.servers import Server, local_server

MIB = 1024 * 1024


def _deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


NOT_JSON = {
    "text": b"hello",
    "half an object": b'{"content": "hi"',
    "two objects": b'{"content": "hi"}{}',
    "a form": b"content=hi",
    "single quotes": b"{'content': 'hi'}",
    "not UTF-8": b'{"content": "\xff\xfe"}',
    "blanks": b"  ",
    "raw NUL": b'{"content": "a\x00b"}',
    "a number of 5,000 digits": b'{"content": ' + b"1" * 5000 + b"}",
}
# What is refused by its commas and brackets alone, unread.
TOO_MANY_VALUES = {
    "too deep to read": b'{"metadata": ' + _deep(200_000) + b"}",
    "endlessly open": b"[" * (MIB - 1),
}
NOT_AN_OBJECT = [
    b"[]",
    b'[{"content": "hi"}]',
    b"null",
    b'"text"',
    b"5",
    b"true",
    b"NaN",
    _deep(500),
]
# What the body says beside its conversation_id, and the fields that the answer names.
WRONG_FIELDS: list[tuple[bytes, set[str]]] = [
    (b"", {"content"}),
    (b'"content": null', {"content"}),
    (b'"content": ""', {"content"}),
    (b'"content": " \\n\\t"', {"content"}),
    (b'"content": 5', {"content"}),
    (b'"content": NaN', {"content"}),
    (b'"content": ["hi"]', {"content"}),
    (b'"content": "a\\u0000b"', {"content"}),
    (b'"content": "a\\ud800b"', {"content"}),
    (b'"content": "\\udc00\\ud800"', {"content"}),
    (b'"content": "' + b"x" * 10_001 + b'"', {"content"}),
    (b'"content": "x", "content_encrypted": "y"', {"content_encrypted"}),
    (b'"contentEncrypted": "' + b"x" * (64 * 1024 + 1) + b'"', {"content_encrypted"}),
    (b'"content": "x", "conversationId": "other"', {"conversation_id"}),
    (b'"content": "x", "message_type": "system"', {"message_type"}),
    (b'"content": "x", "message_type": NaN', {"message_type"}),
    (b'"content": "x", "message_type": {}', {"message_type"}),
    (b'"content": "x", "client_message_id": ""', {"client_message_id"}),
    (b'"content": "x", "client_message_id": 9223372036854775808', {"client_message_id"}),
    (b'"content": "x", "client_message_id": "\\ud800"', {"client_message_id"}),
    (b'"content": "x", "reply_to_message_id": "5"', {"reply_to_message_id"}),
    (b'"content": "x", "product_id": "p"', {"product_id"}),
    (b'"content": "x", "metadata": []', {"metadata"}),
    (b'"content": "x", "metadata": {"a": NaN}', {"metadata"}),
    (b'"content": "x", "metadata": {"a": -Infinity}', {"metadata"}),
    (b'"content": "x", "metadata": {"a": 1e999}', {"metadata"}),
    (b'"content": "x", "metadata": {"a": 9223372036854775808}', {"metadata"}),
    (b'"content": "x", "metadata": {"a": 1' + b"0" * 400 + b"}", {"metadata"}),
    (b'"content": "x", "metadata": {"a": "\\u0000"}', {"metadata"}),
    (b'"content": "x", "metadata": {"\\ud800": 1}', {"metadata"}),
    (b'"content": "x", "metadata": {"a": ' + _deep(17) + b"}", {"metadata"}),
    (b'"content": "x", "metadata": {"a": ' + _deep(900) + b"}", {"metadata"}),
    (b'"content": "x", "metadata": {"a": "' + b"x" * 4096 + b'"}', {"metadata"}),
    (b'"content": "x", "colour": "blue"', {"colour"}),
    (b'"content": "x", "\\ud800": 1', {"?"}),
    (b'"content": 1, "message_type": 2', {"content", "message_type"}),
]


def _refused(answer: Answer) -> dict[str, list[str]]:
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR"), answer.body
    assert answer.error["retryable"] is False
    fields: dict[str, list[str]] = answer.error["fields"]
    return fields


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_what_is_not_json(body: bytes, server: Server, alice: User) -> None:
    """A body that is no JSON is 400 and says so, on every kind of route."""
    for path in ("messages", "conversations/direct", "commands/chat:typing", "messages/x/status"):
        fields = _refused(await request("POST", f"{server.url}/api/{path}", alice, data=body))
        assert fields == {"body": ["Is not JSON."]}


@pytest.mark.parametrize("body", TOO_MANY_VALUES.values(), ids=TOO_MANY_VALUES.keys())
async def test_what_has_too_many_values(body: bytes, server: Server, alice: User) -> None:
    """A body of more values than a command can have is 400 and says so, on every kind of route."""
    for path in ("messages", "conversations/direct", "commands/chat:typing", "messages/x/status"):
        fields = _refused(await request("POST", f"{server.url}/api/{path}", alice, data=body))
        assert fields == {"body": ["Has too many values."]}


@pytest.mark.parametrize("body", NOT_AN_OBJECT, ids=range(len(NOT_AN_OBJECT)))
async def test_what_is_no_object(body: bytes, server: Server, alice: User) -> None:
    """A body that is JSON and no object is 400 and says so."""
    for path in ("messages", "conversations/direct", "commands/system:ping", "messages/x/status"):
        fields = _refused(await request("POST", f"{server.url}/api/{path}", alice, data=body))
        assert fields == {"body": ["Must be an object."]}


@pytest.mark.parametrize(("extra", "fields"), WRONG_FIELDS, ids=range(len(WRONG_FIELDS)))
async def test_what_a_field_cannot_be(
    extra: bytes, fields: set[str], server: Server, alice: User, bob: User
) -> None:
    """A field that cannot be is 400 and named in snake_case, and no message is posted."""
    conversation_id = await open_direct(server, alice, bob)
    body = (
        b'{"conversation_id": "%s"' % conversation_id.encode() + b", " * bool(extra) + extra + b"}"
    )
    answer = await request("POST", f"{server.url}/api/messages", alice, data=body)
    assert set(_refused(answer)) == fields
    page = await ok("GET", f"{server.url}/api/messages/{conversation_id}", alice)
    assert page["total"] == 0


async def test_no_body_is_an_empty_object(server: Server, alice: User) -> None:
    """No body is the empty object: enough for a command without fields, 400 for one with."""
    for data in (None, b""):
        ping = await ok("POST", f"{server.url}/api/commands/system:ping", alice, data=data)
        assert ping["success"] is True
        answer = await request("POST", f"{server.url}/api/messages", alice, data=data)
        assert set(_refused(answer)) == {"conversation_id", "content"}


async def test_the_content_type_does_not_matter(server: Server, alice: User) -> None:
    """A body is read as JSON whatever its Content-Type: a form is refused as no JSON."""
    url = f"{server.url}/api/commands/system:ping"
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "nonsense",
    ):
        headers = {"Content-Type": kind}
        await ok("POST", url, alice, data=b"{}", headers=headers)
        _refused(await request("POST", url, alice, data=b"a=1&b=2", headers=headers))


async def test_a_compressed_body(server: Server, alice: User) -> None:
    """A compressed body is read, a broken one is 400, and one that grows past the limit is 413."""
    url, headers = f"{server.url}/api/commands/system:ping", {"Content-Encoding": "gzip"}
    await ok("POST", url, alice, data=gzip.compress(b"{}"), headers=headers)
    broken = await request("POST", url, alice, data=b"this is no gzip", headers=headers)
    assert (broken.status, broken.error["code"]) == (400, "VALIDATION_ERROR")
    bomb = await request("POST", url, alice, data=gzip.compress(bytes(64 * MIB)), headers=headers)
    assert (bomb.status, bomb.error["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_one_byte_too_many(server: Server, alice: User) -> None:
    """A body of 1 MiB is read; one byte more is 413 PAYLOAD_TOO_LARGE, also without a length ahead."""

    async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    for path in ("messages", "commands/system:ping", "messages/x/status"):
        url = f"{server.url}/api/{path}"
        for body, status in ((b" " * MIB, 400), (b" " * (MIB + 1), 413)):
            for data in (body, in_chunks(body)):
                answer = await request("POST", url, alice, data=data)
                assert answer.status == status, path
        assert answer.error == {
            "code": "PAYLOAD_TOO_LARGE",
            "message": "Payload too large",
            "details": "At most 1,048,576 bytes.",
            "retryable": False,
        }


async def test_production_ignores_unknown_fields(dsn: str, alice: User, bob: User) -> None:
    """In production an unknown field is ignored, so that a newer client survives a rolling deploy."""
    async with local_server(
        dsn, APP_ENV="production", CORS_ALLOWED_ORIGINS="https://app.example", DB_SSL="false"
    ) as server:
        conversation_id = await open_direct(server, alice, bob)
        body = b'{"conversation_id": "%s", "content": "x", "colour": 1, "\\ud800": NaN}'
        data = body % conversation_id.encode()
        message = await ok("POST", f"{server.url}/api/messages", alice, status=201, data=data)
        assert message["content"] == "x"
