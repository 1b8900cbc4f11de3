"""What the HTTP parser refuses: answered as everything else is, and without a word of it in the log."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.conftest import User
from tests.support.http import request
from tests.support.patience import PATIENCE
from tests.support.servers import Server, local_server

_ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
async def guarded(dsn: str) -> AsyncIterator[Server]:
    """A server that pages of one origin may use."""
    async with local_server(dsn, CORS_ALLOWED_ORIGINS=_ORIGIN) as server:
        yield server


async def _answer(server: Server, sent: bytes, rest: bytes = b"") -> bytes:
    """All that the server says before it hangs up; `rest` is sent when it has begun."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        async with asyncio.timeout(PATIENCE):
            begun = await reader.read(1)
            if rest:
                writer.write(rest)
            return begun + await reader.read()
    finally:
        writer.transport.abort()


def _read(answer: bytes) -> tuple[int, dict[str, str], str]:
    """The status, the headers and the code of the one answer that came."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    error = orjson.loads(body)
    assert list(error) == ["error"]
    assert {"code", "message", "retryable"} <= set(error["error"])
    return int(first.split()[1]), headers, error["error"]["code"]


_BASE = f"Host: x\r\nConnection: close\r\nOrigin: {_ORIGIN}\r\n"
_POST = f"POST /api/messages HTTP/1.1\r\n{_BASE}"
_GET = f"GET /live HTTP/1.1\r\n{_BASE}"
_CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (f"{_POST}Content-Encoding: br\r\nContent-Length: 3\r\n\r\n{{}} ", 415),
        (f"{_POST}Content-Encoding: zstd\r\nContent-Length: 3\r\n\r\n{{}} ", 415),
        (f"{_POST}Content-Encoding: {_CANARY}\r\nContent-Length: 3\r\n\r\n{{}} ", 415),
        (f"{_POST}Content-Encoding: gzip, gzip\r\nContent-Length: 3\r\n\r\n{{}} ", 415),
        (f"{_GET}X-Large: {_CANARY * 4000}\r\n\r\n", 431),
        (f"{_GET}{_CANARY * 4000}: x\r\n\r\n", 431),
        (f"{_GET}{''.join(f'X-{n}: {_CANARY}{_NL}' for n in range(200))}\r\n", 431)
        if (_NL := "\r\n")
        else (),
        (f"{_GET}{''.join(f'X-{n}: {_CANARY * 1000}{_NL}' for n in range(20))}", 431),
        (f"GET /live?{_CANARY * 2000} HTTP/1.1\r\n{_BASE}\r\n", 414),
        (f"{_GET}X-Folded: a\r\n {_CANARY}\r\n\r\n", 400),
        (f"{_GET}X Blank {_CANARY}: a\r\n\r\n", 400),
        (f"{_GET}X-Blank : {_CANARY}\r\n\r\n", 400),
        (f"{_GET}Cookie: {_CANARY}\x01\r\n\r\n", 400),
        (f"{_GET}X-Nul: {_CANARY}\0\r\n\r\n", 400),
        (f"{_GET}no colon {_CANARY}\r\n\r\n", 400),
        (f"{_POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (f"{_POST}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400),
        (f"{_POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}} ", 400),
        (f"{_POST}Content-Length: {_CANARY}\r\n\r\n", 400),
        (f"{_POST}Content-Length: -1\r\n\r\n", 400),
        (f"{_POST}Transfer-Encoding: {_CANARY}\r\n\r\n", 400),
        (f"{_POST}Transfer-Encoding: chunked\r\n\r\n{_CANARY}\r\n", 400),
        (f"GET /live HTTP/9.9\r\n{_BASE}\r\n", 505),
        (f"GET /live HTTP/2.0\r\n{_BASE}\r\n", 505),
        (f"GET /live {_CANARY}\r\n{_BASE}\r\n", 400),
        (f"FETCH /{_CANARY} HTTP/1.1\r\n{_BASE}\r\n", 501),
        (f"{_CANARY} /live HTTP/1.1\r\n{_BASE}\r\n", 400),
        (f"\x16\x03\x01{_CANARY}\r\n{_BASE}\r\n", 400),
        (f"GET {_CANARY} HTTP/1.1\r\n{_BASE}\r\n", 400),
        (f"GET http://[{_CANARY}/ HTTP/1.1\r\n{_BASE}\r\n", 400),
        (f"GET /{_CANARY}\x7f\x01 HTTP/1.1\r\n{_BASE}\r\n", 400),
        (f"GET /live HTTP/1.1\r\nOrigin: {_ORIGIN}\r\n\r\n", 400),
        (f"{_GET}Upgrade: websocket\r\nSec-WebSocket-Key1: {_CANARY}\r\n\r\n", 400),
        (f"{_POST}Expect: {_CANARY}\r\nContent-Length: 2\r\n\r\n{{}}", 417),
        (f"POST /none HTTP/1.1\r\n{_BASE}Expect: {_CANARY}\r\nContent-Length: 2\r\n\r\n{{}}", 417),
        (f"POST /socket.io/ HTTP/1.1\r\n{_BASE}Expect: {_CANARY}\r\nContent-Length: 2\r\n\r\n{{}}", 417),
        (f"CONNECT {_CANARY}:443 HTTP/1.1\r\n{_BASE}\r\n", 404),
        (f"OPTIONS * HTTP/1.1\r\n{_BASE}\r\n", 404),
        (f"GET /live/{_CANARY}%zz%ff%00 HTTP/1.1\r\n{_BASE}\r\n", 404),
    ],
    ids=lambda value: str(value)[-30:] if isinstance(value, int) else "",
)  # fmt: skip
@pytest.mark.parametrize("pieces", [False, True], ids=["at once", "in pieces"])
async def test_refused(
    sent: str, status: int, pieces: bool, guarded: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no request gets the status that HTTP has for it, our error, CORS headers, and no line in the log."""
    data = sent.encode("latin-1")
    if pieces:
        host, port = guarded.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for start in range(0, len(data), max(1, len(data) // 7)):
            writer.write(data[start : start + max(1, len(data) // 7)])
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.transport.abort()
    else:
        answer = await _answer(guarded, data)
    found, headers, code = _read(answer)
    assert found == status, answer
    assert code in ("VALIDATION_ERROR", "UNKNOWN_COMMAND")
    assert _CANARY.encode() not in answer
    assert headers["content-type"].startswith("application/json")
    assert headers["server"] == "chatserver"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] == _ORIGIN
    assert headers["access-control-allow-credentials"] == "true"
    if status == 415:
        assert headers["accept-encoding"] == "gzip, deflate"
    assert [line.getMessage() for line in caplog.records] == []
    assert (await request("GET", f"{guarded.url}/live")).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "*", ""])
async def test_a_foreign_page_may_not_read_it(origin: str, guarded: Server) -> None:
    """A page of another origin is not let read what the parser refuses."""
    answer = await _answer(
        guarded, f"GET / HTTP/9.9\r\nHost: x\r\nOrigin: {origin}\r\n\r\n".encode()
    )
    assert b"access-control" not in answer.lower()


async def test_a_bad_chunk_behind_good_ones(
    guarded: Server, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    """A body that breaks in its middle is answered 400 at once, not when its time is over."""
    auth = f"Authorization: Bearer {alice.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    for broken in (f"{_CANARY}\r\n", "1\r\nab\r\n", "-1\r\n"):
        host, port = guarded.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"{_POST}{auth}1\r\n{{\r\n".encode())
        # So that the handler waits for the rest.
        await request("GET", f"{guarded.url}/live")
        writer.write(broken.encode())
        async with asyncio.timeout(PATIENCE):
            status, headers, code = _read(await reader.read())
        writer.transport.abort()
        assert (status, code) == (400, "VALIDATION_ERROR")
        assert headers["access-control-allow-origin"] == _ORIGIN
    assert [line.getMessage() for line in caplog.records] == []


@pytest.mark.parametrize(
    ("more", "body", "status"),
    [
        ("Content-Encoding: gzip\r\n", _CANARY, 400),
        ("Content-Encoding: deflate\r\n", _CANARY, 400),
        ("", f"{{{_CANARY}", 400),
        ("", f'{{"conversation_id": "{_CANARY}", "content": "\\ud800"}}', 400),
    ],
)
async def test_bodies(
    more: str,
    body: str,
    status: int,
    guarded: Server,
    alice: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A body that cannot be read is the client's to mend, and is quoted by nobody."""
    auth = f"Authorization: Bearer {alice.token}\r\n"
    answer = await _answer(
        guarded, f"{_POST}{auth}{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    assert _read(answer)[0] == status
    assert _CANARY.encode() not in answer
    assert [line.getMessage() for line in caplog.records] == []


async def test_expectations(guarded: Server, alice: User) -> None:
    """A client that asks whether to send its body is told to, unless it will be refused anyway."""
    auth = f"Authorization: Bearer {alice.token}\r\n"
    expect = "Expect: 100-continue\r\n"
    ping = f"POST /api/commands/system:ping HTTP/1.1\r\n{_BASE}{expect}"
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    answer = await _answer(guarded, f"{ping}{auth}Content-Length: 2\r\n\r\n".encode(), b"{}")
    assert answer.startswith(go_on + b"HTTP/1.1 200 OK"), answer
    answer = await _answer(guarded, f"{ping}Content-Length: 2\r\n\r\n".encode(), b"{}")
    assert _read(answer)[0] == 401
    answer = await _answer(guarded, f"{ping}{auth}Content-Length: 99999999\r\n\r\n".encode(), b"{}")
    assert (_read(answer)[0], _read(answer)[2]) == (413, "PAYLOAD_TOO_LARGE")


async def test_one_client_after_another(guarded: Server) -> None:
    """A request that is none ends its own connection alone, and what was answered before stays answered."""
    good = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = await _answer(guarded, good + good, b"\x00\x01\x02\r\n\r\n")
    assert answer.count(b"200 OK") == 2
    assert answer.count(b"VALIDATION_ERROR") == 1
