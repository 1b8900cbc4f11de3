"""What all HTTP answers share: routes that are none, HEAD, origins, headers, and the probes."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from chatserver.core.errors import unavailable
from tests.conftest import User
from tests.support.http import ok, open_direct, request
from tests.support.patience import PATIENCE
from tests.support.servers import Server, local_server

ALLOWED, FOREIGN = "https://app.example", "https://evil.example"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")


@pytest.fixture(scope="module")
async def guarded(dsn: str) -> AsyncIterator[Server]:
    """A server that pages of one origin may use."""
    async with local_server(dsn, CORS_ALLOWED_ORIGINS=ALLOWED) as server:
        yield server


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/app"),
        ("GET", "/api"),
        ("GET", "/api/conversations/"),
        ("GET", "/api/conversations/1/2"),
        ("GET", "/favicon.ico"),
        ("GET", "/api/..%2f..%2fetc/passwd"),
        ("GET", "/%00"),
        ("OPTIONS", "/no/such/route"),
    ],
)
async def test_routes_that_are_none(method: str, path: str, server: Server, alice: User) -> None:
    """An unknown route is 404 with our error object."""
    answer = await request(method, server.url + path, alice)
    assert (answer.status, answer.error["code"]) == (404, "UNKNOWN_COMMAND")
    assert answer.error["retryable"] is False


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/conversations", {"GET", "HEAD"}),
        ("TRACE", "/api/conversations", {"GET", "HEAD"}),
        ("OPTIONS", "/api/conversations", {"GET", "HEAD"}),
        ("DELETE", "/api/messages", {"POST"}),
        ("GET", "/api/messages", {"POST"}),
        ("GET", "/api/commands/system:ping", {"POST"}),
        ("POST", "/ready", {"GET", "HEAD"}),
        ("POST", "/docs", {"GET", "HEAD"}),
    ],
)
async def test_methods_that_are_none(
    method: str, path: str, allowed: set[str], server: Server, alice: User
) -> None:
    """A method that a route does not have is 405 with our error object, and Allow has those that it has."""
    answer = await request(method, server.url + path, alice)
    assert (answer.status, answer.error["code"]) == (405, "UNKNOWN_COMMAND")
    assert _words(answer.headers["Allow"]) == allowed


async def test_head_is_get_without_its_body(server: Server, alice: User, bob: User) -> None:
    """HEAD answers as GET does, with the same length and no body."""
    conversation_id = await open_direct(server, alice, bob)
    for path, user, status in (
        ("/api/conversations", alice, 200),
        (f"/api/conversations/{conversation_id}", alice, 200),
        (f"/api/messages/{conversation_id}", alice, 200),
        ("/api/conversations/x", alice, 400),
        ("/api/conversations", None, 401),
        ("/ready", None, 200),
        ("/live", None, 200),
        ("/no/such/route", None, 404),
    ):
        head = await request("HEAD", server.url + path, user)
        get = await request("GET", server.url + path, user)
        assert (head.status, head.body) == (status, None), path
        if path != "/live":  # its uptime grows
            assert head.headers["Content-Length"] == get.headers["Content-Length"]


async def test_every_answer_has_the_security_headers(
    guarded: Server, alice: User, bob: User
) -> None:
    """Answers are not stored, not sniffed, depend on Origin, and set no cookie, failures included."""
    conversation_id = await open_direct(guarded, alice, bob)
    for method, path, user in (
        ("GET", f"/api/conversations/{conversation_id}", alice),
        ("GET", "/api/conversations/x", alice),
        ("GET", "/api/conversations", None),
        ("GET", "/no/such/route", None),
        ("POST", "/api/commands/system:ping", alice),
        ("GET", "/ready", None),
    ):
        headers = (await request(method, guarded.url + path, user)).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Server"] == "chatserver"
        assert headers["Vary"] == "Origin"
        assert headers["Content-Type"].startswith("application/json")
        assert "Set-Cookie" not in headers


async def test_an_allowed_origin_may_read(guarded: Server, alice: User) -> None:
    """A page of an allowed origin may read every answer, the failures too, and send a balancer's cookies."""
    for path, user, status in (
        ("/api/conversations", alice, 200),
        ("/api/conversations", None, 401),
        ("/no/such/route", None, 404),
        ("/ready", None, 200),
    ):
        answer = await request("GET", guarded.url + path, user, headers={"Origin": ALLOWED})
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED
        exposed = _words(answer.headers["Access-Control-Expose-Headers"])
        assert exposed == {
            *("ETag", "Idempotency-Replayed", "Link", "Retry-After", "Accept-Ranges"),
            *("Content-Disposition", "Content-Length", "Content-Range"),
        }
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"


def _words(header: str) -> set[str]:
    return {word.strip() for word in header.split(",")}


@pytest.mark.parametrize(
    "origin",
    [FOREIGN, "null", "http://app.example", "https://app.example:8443", "https://app.example.evil.example",
     "https://APP.example", "*", ""],
)  # fmt: skip
async def test_a_foreign_origin_may_not(origin: str, guarded: Server, alice: User) -> None:
    """Neither a preflight nor an answer allows an origin that is not exactly an allowed one."""
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = await request("OPTIONS", f"{guarded.url}/api/messages", headers=asks)
    plain = await request(
        "GET", f"{guarded.url}/api/conversations", alice, headers={"Origin": origin}
    )
    for answer in (preflight, plain):
        assert not any(name.startswith("Access-Control-") for name in answer.headers)
        assert "Origin" in _words(answer.headers["Vary"])


async def _handshake(server: Server, origin: str | None, transport: str) -> int:
    """The status of a Socket.IO handshake."""
    headers = {} if origin is None else {"Origin": origin}
    url = f"{server.url}/socket.io/?EIO=4&transport={transport}"
    async with aiohttp.ClientSession() as session:
        if transport == "polling":
            async with session.get(url, headers=headers) as response:
                assert response.headers.get("Access-Control-Allow-Origin") in (None, origin)
                return response.status
        try:
            async with session.ws_connect(url, headers=headers) as socket:
                await socket.receive(timeout=PATIENCE)
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        return 200


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_the_origins_of_sockets(transport: str, guarded: Server) -> None:
    """/socket.io/ lets an allowed origin in, and clients without one, and refuses a foreign one."""
    for origin, status in ((ALLOWED, 200), (None, 200), (FOREIGN, 400), ("null", 400)):
        assert await _handshake(guarded, origin, transport) == status, origin


async def test_ready_and_live(server: Server) -> None:
    """GET /ready and GET /live answer without a token, in the documented shapes."""
    ready = await request("GET", f"{server.url}/ready")
    assert ready.status == 200
    assert _TIME.match(ready.body.pop("timestamp"))
    assert ready.body == {
        "ready": True,
        "components": {"database": "healthy", "websocket": "healthy"},
    }
    lives = [await request("GET", f"{server.url}/live") for _ in range(2)]
    for live in lives:
        assert live.status == 200
        assert set(live.body) == {"alive", "uptime", "timestamp"}
        assert live.body["alive"] is True
        assert _TIME.match(live.body["timestamp"])
        assert isinstance(live.body["uptime"], int)
    assert 0 <= lives[0].body["uptime"] <= lives[1].body["uptime"]


async def test_without_the_database(fresh_dsn: str, postgres: str, alice: User) -> None:
    """Without its database /ready is 503, /live 200, and commands 503; then all is well again."""
    name = urlsplit(fresh_dsn).path.removeprefix("/")
    connection = await asyncpg.connect(postgres)
    try:
        async with local_server(fresh_dsn) as server:
            await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1",
                name,
            )
            ready = await request("GET", f"{server.url}/ready")
            assert ready.status == 503
            assert _TIME.match(ready.body.pop("timestamp"))
            assert ready.body == {
                "ready": False,
                "components": {"database": "unhealthy", "websocket": "healthy"},
            }
            health = await request("GET", f"{server.url}/health")
            assert (health.status, health.body["status"]) == (503, "unhealthy")
            assert health.body["database"]["connected"] is False
            assert (await request("GET", f"{server.url}/live")).status == 200
            answer = await request("GET", f"{server.url}/api/conversations", alice)
            assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
            assert int(answer.headers["Retry-After"]) >= 1
            await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert (await request("GET", f"{server.url}/ready")).status == 200
    finally:
        await connection.close()


async def test_a_process_in_which_something_stands_still_is_not_ready(
    dsn: str, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a batch is never answered, or a background task has ended, /ready is 503 until that moves again."""
    async with local_server(dsn, DB_QUERY_TIMEOUT="2500", DB_CONNECTION_TIMEOUT="2500") as server:
        assert server.app is not None
        authenticator = server.app.authenticator
        release = asyncio.Event()

        async def stand(_asked: Sequence[object]) -> list[Exception]:
            await release.wait()
            return [unavailable()]

        monkeypatch.setattr(authenticator.lookups, "_flush", stand)
        asked = asyncio.create_task(request("GET", f"{server.url}/api/conversations", alice))
        async with asyncio.timeout(PATIENCE):
            while (  # noqa: ASYNC110 - asked as an orchestrator asks
                ready := await request("GET", f"{server.url}/ready")
            ).status == 200:
                await asyncio.sleep(0.01)
        assert ready.body["components"] == {"database": "healthy", "websocket": "unhealthy"}
        release.set()
        assert (await asked).status == 503
        assert (await request("GET", f"{server.url}/ready")).status == 200
        await server.app.retention.stop()
        assert (await request("GET", f"{server.url}/ready")).status == 503


async def test_a_draining_process_is_not_ready(server: Server, alice: User) -> None:
    """A process that drains is not ready, says so, and still answers what reaches it."""
    assert server.app is not None
    server.app.probes.draining = True
    try:
        ready = await request("GET", f"{server.url}/ready")
        assert (ready.status, ready.body["ready"]) == (503, False)
        assert ready.body["components"] == {"database": "healthy", "websocket": "draining"}
        await ok("GET", f"{server.url}/api/conversations", alice)
    finally:
        server.app.probes.draining = False
