"""What pages of other origins may read and send: of every layer, on every route, polling included."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from tests.conftest import User
from tests.support.http import request
from tests.support.polling import polling
from tests.support.servers import Server, local_server

ALLOWED, FOREIGN = "https://app.example", "https://evil.example"
POLLING = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture(scope="module")
async def guarded(dsn: str) -> AsyncIterator[Server]:
    """A server that pages of one origin may use."""
    async with local_server(dsn, CORS_ALLOWED_ORIGINS=ALLOWED) as server:
        yield server


async def _ask(
    method: str, url: str, origin: str = ALLOWED, **headers: str
) -> aiohttp.ClientResponse:
    sent = {"Origin": origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=sent) as response,
    ):
        await response.read()
        return response


async def _preflight(url: str, method: str, names: str, origin: str = ALLOWED) -> Any:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": names}
    response = await _ask("OPTIONS", url, origin, **asked)
    assert response.status == 204
    return response.headers


def _words(header: str) -> set[str]:
    return {word.strip() for word in header.split(",")}


def _readable(headers: Any) -> bool:
    """Whether a page of the allowed origin may read an answer, cookies and all."""
    allowed = headers.get("Access-Control-Allow-Origin")
    credentials = headers.get("Access-Control-Allow-Credentials")
    assert (allowed, credentials) in ((None, None), (ALLOWED, "true"))
    return allowed is not None


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/messages", {"POST"}),
        ("/api/conversations", {"GET", "HEAD"}),
        ("/api/conversations/1", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("/api/messages/1/reactions", {"POST", "DELETE"}),
        ("/api/commands/no:such", {"POST"}),
        ("/health", {"GET", "HEAD"}),
        ("/docs", {"GET", "HEAD"}),
        ("/no/such/route", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}),
        (POLLING, {"GET", "HEAD", "POST"}),
        (f"{POLLING}&sid=none", {"GET", "HEAD", "POST"}),
    ],
)
async def test_preflights(path: str, methods: set[str], guarded: Server) -> None:
    """A preflight allows the route's own methods, ours and the headers that it asks for, and credentials."""
    asked = "authorization, baggage,sentry-trace , traceparent,X-Requested-With"
    headers = await _preflight(guarded.url + path, "POST", asked)
    assert _readable(headers)
    assert _words(headers["Access-Control-Allow-Methods"]) == methods
    assert _words(headers["Access-Control-Allow-Headers"]) == {
        *("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range", "Range"),
        *("baggage", "sentry-trace", "traceparent", "X-Requested-With"),
    }
    assert int(headers["Access-Control-Max-Age"]) > 0
    assert _words(headers["Vary"]) == {
        *("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"),
    }
    foreign = await _preflight(guarded.url + path, "POST", asked, FOREIGN)
    assert not any(name.startswith("Access-Control-") for name in foreign)


@pytest.mark.parametrize("path", ["/api/messages", POLLING])
@pytest.mark.parametrize(
    "names",
    [
        "x y, <script>, a:b, *;q, é, x-good",
        ",,, ,x-good,",
        f"{'n' * 101}, x-good",
        "x-good, X-GOOD, x-good",
        "authorization, x-good, content-type",
    ],
)
async def test_what_is_no_header(names: str, path: str, guarded: Server) -> None:
    """A preflight allows nothing but names of headers, each once."""
    headers = await _preflight(guarded.url + path, "POST", names)
    allowed = [name.strip() for name in headers["Access-Control-Allow-Headers"].split(",")]
    assert len(allowed) == 7
    assert allowed[6].lower() == "x-good"


@pytest.mark.parametrize("path", ["/api/messages", POLLING])
async def test_too_many_headers(path: str, guarded: Server) -> None:
    """A preflight that asks for thousands of headers is allowed a bounded number of them."""
    names = ",".join(f"x-{number}" for number in range(800))
    headers = await _preflight(guarded.url + path, "POST", names)
    assert 10 < len(_words(headers["Access-Control-Allow-Headers"])) < 100


@pytest.mark.parametrize("origin", [None, "https://any.example"])
async def test_any_origin_has_no_credentials(dsn: str, origin: str | None) -> None:
    """Where any origin may read, none is let send credentials, over polling and by preflight neither."""
    async with local_server(dsn) as server:
        for path in ("/api/conversations", POLLING, "/no/such/route"):
            for method, more in (
                ("GET", {}),
                ("OPTIONS", {"Access-Control-Request-Method": "GET"}),
            ):
                sent = {**more, **({"Origin": origin} if origin else {})}
                async with (
                    aiohttp.ClientSession() as session,
                    session.request(method, server.url + path, headers=sent) as response,
                ):
                    assert response.headers.get("Access-Control-Allow-Origin") == origin
                    assert "Access-Control-Allow-Credentials" not in response.headers


async def test_every_layer_can_be_read(guarded: Server, alice: User) -> None:
    """A page can read what any layer refuses: the router, the door, the body's reader, the polling transport."""
    bearer = f"Bearer {alice.token}"
    for method, path, status, more in (
        ("GET", "/api/conversations", 401, {}),
        ("GET", "/no/such/route", 404, {}),
        ("PUT", "/api/conversations", 405, {}),
        ("POST", "/api/messages", 415, {"Content-Encoding": "compress"}),
        ("POST", "/api/messages", 415, {"Content-Encoding": "br", "Content-Length": "0"}),
        ("GET", "/api/conversations", 417, {"Expect": "the unexpected"}),
        ("GET", "/api/conversations", 200, {"Authorization": bearer}),
        ("GET", POLLING, 200, {}),
        ("GET", f"{POLLING}&sid=none", 400, {}),
        ("GET", f"{POLLING}&j=0", 400, {}),
        ("PUT", POLLING, 400, {}),
        ("POST", f"{POLLING}&sid=none", 400, {}),
    ):
        response = await _ask(method, guarded.url + path, ALLOWED, **more)
        assert response.status == status, (method, path, more)
        assert _readable(response.headers), (method, path, more)


async def test_past_the_limit_of_an_address(dsn: str) -> None:
    """Past IP_RATE_LIMIT a page reads 429 and when to come back, on any route, and no preflight is refused."""
    async with local_server(
        dsn, CORS_ALLOWED_ORIGINS=ALLOWED, IP_RATE_LIMIT="1", IP_RATE_WINDOW="600000"
    ) as server:
        assert (await _ask("GET", f"{server.url}/api/conversations")).status == 401
        for path in (POLLING, "/api/conversations", "/no/such/route", "/docs", "/socket.io/?EIO=4"):
            for _ in range(2):
                headers = await _preflight(server.url + path, "GET", "authorization")
                assert _readable(headers)
                response = await _ask("GET", server.url + path)
                assert response.status == 429
                assert _readable(response.headers)
                assert 1 <= int(response.headers["Retry-After"]) <= 600
                assert "Retry-After" in _words(response.headers["Access-Control-Expose-Headers"])
            foreign = await _ask("GET", server.url + path, FOREIGN)
            assert (foreign.status, _readable(foreign.headers)) == (429, False)


async def test_polling_has_the_headers_of_all_answers(guarded: Server, alice: User) -> None:
    """Every answer of the polling transport is kept by no cache, sniffed by no browser, and names no version."""
    async with polling(guarded.url) as client:
        await client.connect(alice.token)
        polled = f"{guarded.url}{POLLING}"
        async with aiohttp.ClientSession() as http:
            asked: list[tuple[str, str, bytes | None, int]] = [
                ("GET", polled, None, 200),
                ("GET", f"{polled}&sid=<script>", None, 400),
                ("POST", f"{polled}&sid=<script>", b"2", 400),
                ("GET", f"{polled}&j=1", None, 400),
                ("GET", f"{polled}&j=alert(1)", None, 400),
                ("POST", f"{polled}&j=1", b"d=2", 400),
                ("GET", f"{guarded.url}/socket.io/?EIO=3&transport=polling", None, 400),
                ("PUT", polled, None, 400),
                ("OPTIONS", polled, None, 200),
            ]
            for method, url, data, status in asked:
                async with http.request(method, url, data=data) as response:
                    text = await response.text()
                    assert response.status == status, (method, url, text)
                    assert "script" not in text
                    assert "alert" not in text
                    assert "javascript" not in response.headers.get("Content-Type", "")
                    _are_complete(response.headers)
            async with http.get(polled) as response:
                sid = orjson.loads((await response.text())[1:])["sid"]
            for method, data, status in (("POST", b"40{}", 200), ("GET", None, 200)):
                async with http.request(method, f"{polled}&sid={sid}", data=data) as response:
                    assert response.status == status
                    _are_complete(response.headers)
            async with http.ws_connect(polled.replace("polling", "websocket")) as socket:
                await socket.receive_str()
                assert socket._response.headers["Server"] == "chatserver"


def _are_complete(headers: Any) -> None:
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "chatserver"
    assert "Origin" in _words(headers["Vary"])


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("path", ["/api/messages", "/api/commands/system:ping", "polled", "/no"])
async def test_hanging_up(
    path: str, ending: str, guarded: Server, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that hangs up, or resets, while it sends a body is nothing to warn of, and costs nobody else."""
    host, port = guarded.url.removeprefix("http://").split(":")
    if path == "polled":
        response = await _ask("GET", guarded.url + POLLING)
        sid = orjson.loads((await response.text())[1:])["sid"]
        path = f"{POLLING}&sid={sid}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {alice.token}\r\n"
        "Content-Type: application/json\r\n"
    )
    for framing, begun in (
        ("Content-Length: 50000", b'{"content":'),
        ("Transfer-Encoding: chunked", b"ff\r\n{"),
    ):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"{head}{framing}\r\n\r\n".encode() + begun)
        await writer.drain()
        # Until its request is under way.
        assert (await request("GET", f"{guarded.url}/live")).status == 200
        if ending == "reset":
            writer.transport.abort()
        else:
            writer.close()
    assert (await request("GET", f"{guarded.url}/live")).status == 200
    assert [line.getMessage() for line in caplog.records] == []
