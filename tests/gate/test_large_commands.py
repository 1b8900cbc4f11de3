"""Large commands: counted by their size before they are read, whichever way they come."""

import pytest

from chatserver.core import encoding
from tests.conftest import User
from tests.support.http import request
from tests.support.raw import raw_client, raw_socket
from tests.support.servers import Server, local_server

# A megabyte that the fast parser refuses at its end.
_LARGE = '{"content":"' + "x" * 900_000 + '","metadata":NaN}'


async def test_the_limit_comes_first(
    dsn: str, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends megabytes is refused by the limit after a few, before these are parsed."""
    parsed: list[int] = []
    loads = encoding.loads
    monkeypatch.setattr(encoding, "loads", lambda text: parsed.append(len(text)) or loads(text))
    async with (
        local_server(dsn, COMMAND_RATE_LIMIT="200") as server,
        raw_client(server.url, alice.token) as raw,
    ):
        codes = [(await raw.refused("chat:message_send", _LARGE))["code"] for _ in range(8)]
        assert codes[:2] == ["VALIDATION_ERROR"] * 2
        assert codes[-4:] == ["RATE_LIMIT_EXCEEDED"] * 4
        url = f"{server.url}/api/commands/chat:message_send"
        answer = await request("POST", url, alice, data=_LARGE.encode())
        assert (answer.status, answer.error["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert sum(size > 500_000 for size in parsed) == codes.count("VALIDATION_ERROR")


@pytest.mark.parametrize("way", ["command", "body", "connect"])
async def test_the_slow_parser_reads_nothing_large(
    way: str, server: Server, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the fast parser refuses of a large command, body or CONNECT is refused for good."""
    read: list[int] = []
    slow = encoding.json.loads
    monkeypatch.setattr(encoding.json, "loads", lambda text: read.append(len(text)) or slow(text))
    if way == "command":
        async with raw_client(server.url, alice.token) as raw:
            error = await raw.refused("chat:message_send", _LARGE)
            assert error["code"] == "VALIDATION_ERROR"
            await raw.works()
    elif way == "body":
        url = f"{server.url}/api/messages"
        answer = await request("POST", url, alice, data=_LARGE.encode())
        assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    else:
        async with raw_socket(server.url) as raw:
            assert (await raw.connect(_LARGE)).startswith("4{")
    assert [size for size in read if size > 500_000] == []


@pytest.mark.parametrize("way", ["command", "body", "connect"])
async def test_a_megabyte_of_values_is_not_read(
    way: str, server: Server, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has more values than any command is refused unread, without a token too: making them takes long."""
    many = '{"recipientId":"x","content":"y","metadata":{"a":[' + "[]," * 300_000 + "1]}}"
    read: list[int] = []
    fast = encoding.orjson.loads
    monkeypatch.setattr(encoding.orjson, "loads", lambda text: read.append(len(text)) or fast(text))
    if way == "command":
        async with raw_client(server.url, alice.token) as raw:
            error = await raw.refused("chat:message_send", many)
            assert error["fields"] == {"payload": ["Has too many values."]}
            await raw.works()
    elif way == "body":
        url = f"{server.url}/api/messages"
        answer = await request("POST", url, alice, data=many.encode())
        assert (answer.status, answer.error["fields"]) == (400, {"body": ["Has too many values."]})
    else:
        async with raw_socket(server.url) as raw:
            assert (await raw.connect(many)).startswith("4{")
    assert [size for size in read if size > 500_000] == []


async def test_a_payload_of_too_many_fields(server: Server, alice: User) -> None:
    """Thousands of unknown fields are refused as one thing."""
    many = "{" + ",".join(f'"f{n}":1' for n in range(5_000)) + "}"
    async with raw_client(server.url, alice.token) as raw:
        error = await raw.refused("chat:message_send", many)
    assert error["fields"] == {"payload": ["Must have at most 1,000 fields."]}
